/** How each part of a channel is written into the store: one codec for each record of persist.ts. */
import {
  bool,
  bytes,
  bytes16,
  type Codec,
  list,
  map,
  optional,
  prefixed,
  struct,
  u8,
  u16,
  u32,
  u48,
  u64,
  union,
} from '../../wire/codec.ts';
import {
  bytes32,
  chainHash,
  channelId,
  msat,
  onionPacket,
  paymentHash,
  point,
  preimage,
  sat,
  secretKey,
  shortChannelId,
  signature,
  txid,
} from '../../wire/fields.ts';
import { s64 } from '../../wire/tlv.ts';
import type { Outpoint } from '../tx/funding.ts';
import type { ChannelSecrets } from '../tx/keys.ts';
import type { CloseType } from './io.ts';
import type {
  Closed,
  ClosingSince,
  Closings,
  CommitmentState,
  FeeChange,
  FinalSpend,
  Htlc,
  LocalSignatures,
  Lockin,
  OpeningTerms,
  Params,
  PastHtlc,
  RemovalReason,
  Shutdown,
} from './state.ts';

/** One of a few words as a byte. Their order is what is stored: append only. */
const word = <W extends string>(...words: readonly W[]): Codec<W> =>
  map(
    u8,
    (n) => {
      const found = words[n];
      if (found === undefined) throw new RangeError(`one of ${words.join(', ')}`);
      return found;
    },
    (text) => words.indexOf(text),
  );

const bytes4 = prefixed(u32);

const basepoints = struct({ funding: point, revocation: point, payment: point, delayedPayment: point, htlc: point });
const terms: Codec<OpeningTerms> = struct({
  dustLimit: sat,
  maxHtlcValueInFlight: msat,
  htlcMinimum: msat,
  toSelfDelay: u16,
  maxAcceptedHtlcs: u16,
  reserve: sat,
  minimumDepth: u32,
  basepoints,
  upfrontScript: optional(bytes16),
});

const textBytes: Codec<string> = map(
  bytes16,
  (raw) => new TextDecoder().decode(raw),
  (text) => new TextEncoder().encode(text),
);

const params: Codec<Params> = struct({
  key: textBytes,
  role: word('funder', 'fundee'),
  peer: point,
  chainHash,
  temporaryChannelId: channelId,
  seed: bytes(32),
  capacity: sat,
  push: msat,
  feerate: u32,
  announce: bool,
  format: word('static_remotekey', 'anchors_zero_fee_htlc_tx'),
  scidAliasType: bool,
  alias: optional(shortChannelId),
  shutdownScript: bytes16,
  since: u32,
  local: terms,
  remote: terms,
});
const outpoint: Codec<Outpoint> = struct({ txid, index: u16 });

/** What never changes. */
export const staticRecord: Codec<{ readonly params: Params; readonly funding: Outpoint }> = struct({
  params,
  funding: outpoint,
});

/** Secrets that a lab gave a channel. */
export const forcedRecord: Codec<ChannelSecrets> = struct({
  funding: secretKey,
  revocation: secretKey,
  payment: secretKey,
  delayedPayment: secretKey,
  htlc: secretKey,
  perCommitmentSeed: bytes(32),
});

const feerates = optional(struct({ min: u32, max: u32 }));
const shutdown: Codec<Shutdown> = struct({
  ours: optional(bytes16),
  sent: bool,
  theirs: optional(bytes16),
  feerates,
});
const spentBy: Codec<CloseType> = word(
  'mutual',
  'local',
  'remote',
  'remote_next',
  'revoked',
  'unknown',
  'unrecognized',
);

const givenUp = { why: textBytes, outdated: bool, agreed: optional(bytes4) };

const finalSpend: Codec<FinalSpend> = struct({ txid, fee: optional(sat), height: u32 });
/** Versions before kept nothing of the transaction, and end here with the kind of close. */
const closed: Codec<Pick<Closed, 'by' | 'spend'>> = {
  write: (w, { by, spend }) => {
    spentBy.write(w, by);
    if (spend !== undefined) finalSpend.write(w, spend);
  },
  read: (r) => ({ by: spentBy.read(r), ...(r.left > 0 && { spend: finalSpend.read(r) }) }),
};

/** The phase and what only it has. Row ids are what is stored: append only. */
export const phaseRecord = union('phase', {
  open: { id: 0, body: struct({ shutdown }) },
  negotiating: {
    id: 1,
    body: struct({ ours: bytes16, theirs: bytes16, feerates, agreed: optional(bytes4) }),
  },
  failed: { id: 2, body: struct(givenUp) },
  onchain: { id: 3, body: struct({ by: spentBy, tx: bytes4, height: u32, before: struct(givenUp) }) },
  closed: { id: 4, body: closed },
});

export const commitmentStateRecord: Codec<CommitmentState> = struct({
  local: u48,
  remote: u48,
  signedAt: optional(u48),
  toUs: s64,
  feerate: u32,
  signedIn: u64,
  signedOut: u64,
  remotePoint: point,
  remoteNextPoint: optional(point),
});

export const signaturesRecord: Codec<LocalSignatures> = struct({
  commitment: signature,
  htlcs: list(u16, signature),
});

export const lockinRecord: Codec<Lockin> = struct({
  scid: optional(shortChannelId),
  sent: bool,
  received: bool,
  peerAlias: optional(shortChannelId),
});

/** What we signed of closings; a channel that signed none has no such record. */
export const closingsRecord: Codec<Omit<Closings, 'refusedSince'>> = struct({
  signed: list(u16, txid),
  agreedAt: optional(u32),
  fellBack: bool,
});
/** From when a close is waited for. */
export const sinceRecord: Codec<Omit<ClosingSince, 'by'>> = struct({ began: u32, empty: optional(u32) });

/** From when on a feerate of the peer's is refused. */
export const feeSinceRecord = u32;
/** Who began it. */
export const closerRecord = word('us', 'peer');

const marks = struct({ local: optional(u48), remote: optional(u48) });
export const feesRecord: Codec<readonly FeeChange[]> = list(u16, struct({ feerate: u32, marks, order: u48 }));

const ending: Codec<RemovalReason> = union('kind', {
  fulfill: { id: 0, body: struct({ preimage }) },
  fail: { id: 1, body: struct({ reason: bytes16 }) },
  malformed: { id: 2, body: struct({ sha256OfOnion: bytes32, failureCode: u16 }) },
});

const htlcFields = struct({
  amount: msat,
  paymentHash,
  expiry: u32,
  pathKey: optional(point),
  origin: bytes16,
  added: marks,
  order: u48,
  removal: optional(struct({ ending, marks, order: u48 })),
  preimage: optional(preimage),
  over: bool,
});
/** An HTLC but for its onion, which is a record of its own because it never changes, and its key. */
export const htlcRecord: Codec<Omit<Htlc, 'way' | 'id' | 'onion' | 'acknowledged'>> = htlcFields;
export const onionRecord = onionPacket;

/** What is left of an HTLC that is over, but for its key. */
export const pastRecord: Codec<Omit<PastHtlc, 'way' | 'id'>> = struct({
  amount: msat,
  paymentHash,
  expiry: u32,
  first: u48,
  last: u48,
});
