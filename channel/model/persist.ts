/**
 * A channel's records in the store (BOLT 2, "Message Retransmission": what must survive a restart). A step rewrites only the records
 * whose part of the state it replaced, so writes are bounded by what is in flight and not by the channel's age. Uncommitted updates
 * are not saved: a restored channel is one whose peer has just disconnected.
 *
 * `static` (and `forced`, where the secrets were given) is written once; `phase`, `head`, `local`, `lockin`, `fees`, `funding`,
 * `closings`, `since`, `closer` and `feesince` are small; `secret/<place>` (at most 49);
 * `htlc/<way>/<id>` and `onion/<way>/<id>` while in flight; `past/<way>/<id>` for good; only a penalty
 * reads it.
 */

import { Transaction } from 'bitcoinjs-lib';
import { equal } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { type Codec, decode, encode, named, type ValueOf, WireError } from '../../wire/codec.ts';
import { receivedSecretCodec, type SecretStore } from '../tx/secrets.ts';
import { transactionId } from '../tx/transaction.ts';
import { emptyChainView } from './chainview.ts';
import { noClosings, withDerived } from './core.ts';
import {
  closerRecord,
  closingsRecord,
  commitmentStateRecord,
  feeSinceRecord,
  feesRecord,
  forcedRecord,
  htlcRecord,
  lockinRecord,
  onionRecord,
  pastRecord,
  phaseRecord,
  signaturesRecord,
  sinceRecord,
  staticRecord,
} from './records.ts';
import type { ChannelState, Closings, Core, Funded, Htlc, HtlcDirection, PastHtlc } from './state.ts';
import { isSigned } from './updates.ts';

/** Where the records of HTLCs that are over begin. `restore` does not want them. */
export const PAST_PREFIX = 'past/';

/** A record that every funded channel may have: the parts of the state it shows, and its bytes (undefined: no record). */
interface Part {
  readonly key: string;
  readonly shows: (state: Funded) => readonly unknown[];
  readonly bytes: (state: Funded) => Uint8Array | undefined;
}

const parts: readonly Part[] = [
  {
    key: 'static',
    shows: ({ core }) => [core.params, core.funding],
    bytes: ({ core: { params, funding } }) => encode(staticRecord, { params, funding }),
  },
  {
    key: 'forced',
    shows: ({ core }) => [core.params],
    bytes: ({ core: { params } }) => params.forced && encode(forcedRecord, params.forced),
  },
  { key: 'phase', shows: (state) => phaseParts(state), bytes: (state) => encode(phaseRecord, state) },
  { key: 'head', shows: ({ core }) => [core.head], bytes: ({ core }) => encode(commitmentStateRecord, core.head) },
  {
    key: 'local',
    shows: ({ core }) => [core.signatures],
    bytes: ({ core }) => encode(signaturesRecord, core.signatures),
  },
  {
    key: 'closings',
    shows: ({ core }) => [core.closings],
    bytes: ({ core: { closings } }) =>
      closings.signed.length === 0 && closings.agreedAt === undefined && !closings.fellBack
        ? undefined
        : encode(closingsRecord, closings),
  },
  { key: 'lockin', shows: ({ core }) => [core.lockin], bytes: ({ core }) => encode(lockinRecord, core.lockin) },
  {
    key: 'fees',
    shows: ({ core }) => core.fees,
    bytes: ({ core }) => {
      const signed = core.fees.filter(({ marks }) => isSigned(marks));
      return signed.length === 0 ? undefined : encode(feesRecord, signed);
    },
  },
  {
    key: 'funding',
    shows: ({ core }) => [core.fundingTx],
    bytes: ({ core }) => (core.fundingTx.length === 0 ? undefined : core.fundingTx),
  },
  {
    key: 'since',
    shows: ({ core }) => [core.closingSince],
    bytes: ({ core: { closingSince } }) => closingSince && encode(sinceRecord, closingSince),
  },
  {
    key: 'feesince',
    shows: ({ core }) => [core.feeRefusedSince],
    bytes: ({ core: { feeRefusedSince: since } }) => (since === undefined ? undefined : encode(feeSinceRecord, since)),
  },
  {
    key: 'closer',
    shows: ({ core }) => [core.closingSince],
    bytes: ({ core: { closingSince } }) => closingSince?.by && encode(closerRecord, closingSince.by),
  },
];

const phaseParts = (state: Funded): readonly unknown[] => {
  switch (state.phase) {
    case 'open':
      return [state.phase, state.shutdown];
    case 'negotiating':
      return [state.phase, state.ours, state.theirs, state.feerates, state.agreed];
    case 'failed':
      return [state.phase, state.why, state.outdated, state.agreed];
    case 'onchain':
      return [state.phase, state.by, state.tx, state.height, state.before];
    case 'closed':
      return [state.phase, state.by, state.spend];
  }
};

/** An HTLC as it is kept: not at all before a commitment contains it, and without an ending that none contains. */
const htlcBytes = (htlc: Htlc): Uint8Array | undefined => {
  if (!isSigned(htlc.added)) return undefined;
  const { removal } = htlc;
  return encode(htlcRecord, removal === undefined || isSigned(removal.marks) ? htlc : { ...htlc, removal: undefined });
};

/** What is kept of an HTLC that is over; nothing when it was too small to have an output in a commitment of the peer's. */
const pastOf = ({ added, removal, amount, paymentHash, expiry }: Htlc, { params }: Core): Uint8Array | undefined => {
  if (added.remote === undefined || removal?.marks.remote === undefined) return undefined;
  if (amount / 1000n < params.remote.dustLimit) return undefined;
  return encode(pastRecord, {
    amount,
    paymentHash,
    expiry,
    first: added.remote,
    last: removal.marks.remote - 1,
  });
};

const sameBytes = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && equal(a, b));

const sameParts = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((part, i) => part === b[i]);

type HtlcMap = ReadonlyMap<bigint, Htlc>;
const ways = (core: Core): readonly (readonly [HtlcDirection, HtlcMap])[] => [
  ['in', core.incoming],
  ['out', core.outgoing],
];

const isFunded = (state: ChannelState): state is Funded => 'core' in state;

/** Everything that is kept of a state, whole. Empty before the first commitments are signed and after an abandoned opening. */
export const records = (state: ChannelState): ReadonlyMap<string, Uint8Array> => {
  const out = new Map<string, Uint8Array>();
  if (!isFunded(state)) return out;
  for (const { key, bytes } of parts) {
    const value = bytes(state);
    if (value !== undefined) out.set(key, value);
  }
  for (const [place, entry] of state.core.secrets.entries())
    out.set(`secret/${place}`, encode(receivedSecretCodec, entry));
  for (const [way, htlcs] of ways(state.core))
    for (const [id, htlc] of htlcs) {
      const value = htlcBytes(htlc);
      if (value === undefined) continue;
      out.set(`htlc/${way}/${id}`, value);
      out.set(`onion/${way}/${id}`, encode(onionRecord, htlc.onion));
    }
  return out;
};

const htlcChanges = (
  way: HtlcDirection,
  before: HtlcMap,
  after: HtlcMap,
  { core, phase }: Funded,
): readonly Change[] => {
  if (before === after) return [];
  const changes: Change[] = [];
  for (const [id, htlc] of after) {
    const old = before.get(id);
    if (old === htlc) continue;
    const value = htlcBytes(htlc);
    const known = old === undefined ? undefined : htlcBytes(old);
    if (sameBytes(value, known)) continue;
    changes.push({ key: `htlc/${way}/${id}`, value });
    if (known === undefined) changes.push({ key: `onion/${way}/${id}`, value: encode(onionRecord, htlc.onion) });
  }
  for (const [id, htlc] of before) {
    if (after.has(id) || !isSigned(htlc.added)) continue;
    changes.push({ key: `htlc/${way}/${id}`, value: undefined }, { key: `onion/${way}/${id}`, value: undefined });
    const past = phase === 'closed' ? undefined : pastOf(htlc, core);
    if (past !== undefined) changes.push({ key: `${PAST_PREFIX}${way}/${id}`, value: past });
  }
  return changes;
};

/** What a step changes of what is kept. Parts that are the same objects are not looked at. */
export const channelChanges = (previous: ChannelState, next: ChannelState): readonly Change[] => {
  if (previous === next) return [];
  if (!isFunded(next)) return [...records(previous).keys()].map((key) => ({ key, value: undefined }));
  if (!isFunded(previous)) return [...records(next)].map(([key, value]) => ({ key, value }));
  const changes: Change[] = [];
  for (const { key, shows, bytes } of parts) {
    if (sameParts(shows(previous), shows(next))) continue;
    const value = bytes(next);
    if (!sameBytes(value, bytes(previous))) changes.push({ key, value });
  }
  for (const [place, entry] of next.core.secrets.entries())
    if (entry !== previous.core.secrets[place])
      changes.push({ key: `secret/${place}`, value: encode(receivedSecretCodec, entry) });
  for (const [way, after] of ways(next.core)) {
    const before = way === 'in' ? previous.core.incoming : previous.core.outgoing;
    changes.push(...htlcChanges(way, before, after, next));
  }
  return changes;
};

type Records = ReadonlyMap<string, Uint8Array>;

const read = <T>(records: Records, key: string, codec: Codec<T>): T => {
  const bytes = records.get(key);
  if (bytes === undefined) throw new WireError({ code: 'invalid_value', expected: 'a record' }, [key]);
  return named(key, () => decode(codec, bytes));
};

const readHtlcs = (records: Records, wanted: HtlcDirection): HtlcMap => {
  const out: Htlc[] = [];
  for (const key of records.keys()) {
    const [kind, way, id = ''] = key.split('/');
    if (kind !== 'htlc' || way !== wanted) continue;
    const onion = read(records, `onion/${way}/${id}`, onionRecord);
    const htlc = read(records, key, htlcRecord);
    const acknowledged = wanted === 'out' && htlc.over;
    out.push({ way: wanted, id: BigInt(id), onion, acknowledged, ...htlc });
  }
  return new Map(out.sort((a, b) => (a.id < b.id ? -1 : 1)).map((htlc) => [htlc.id, htlc]));
};

const readSecrets = (records: Records): SecretStore => {
  const out: SecretStore[number][] = [];
  for (let place = 0; records.has(`secret/${place}`); place++)
    out.push(read(records, `secret/${place}`, receivedSecretCodec));
  return out;
};

const wayOf = (key: string, word: string): HtlcDirection => {
  if (word === 'in' || word === 'out') return word;
  throw new WireError({ code: 'invalid_value', expected: 'in or out' }, [key]);
};

/**
 * The HTLCs that stood in the peer's commitment `number` and are over, from all records of the channel or those under `past/`
 * alone. Throws WireError that names a damaged record.
 */
export const pastAt = (records: Records, number: number): readonly PastHtlc[] => {
  const out: PastHtlc[] = [];
  for (const key of records.keys()) {
    if (!key.startsWith(PAST_PREFIX)) continue;
    const [, way = '', id = ''] = key.split('/');
    const htlc = read(records, key, pastRecord);
    if (htlc.first <= number && number <= htlc.last) out.push({ way: wayOf(key, way), id: BigInt(id), ...htlc });
  }
  return out;
};

/** What a channel that was closed together before this was kept knows of it: the closing that was agreed. */
const closingsBefore = (phase: ValueOf<typeof phaseRecord>): Closings => {
  const agreed = phase.phase === 'onchain' ? phase.before.agreed : 'agreed' in phase ? phase.agreed : undefined;
  return agreed === undefined ? noClosings : { ...noClosings, signed: [transactionId(Transaction.fromBuffer(agreed))] };
};

/** The channel that these records are of, its peer away. Throws WireError that names a record that is missing or damaged. */
export const restore = (records: Records): Funded => {
  const phase = read(records, 'phase', phaseRecord);
  const { params: agreed, funding } = read(records, 'static', staticRecord);
  const params = records.has('forced') ? { ...agreed, forced: read(records, 'forced', forcedRecord) } : agreed;
  const kept = withDerived({
    params,
    funding,
    head: read(records, 'head', commitmentStateRecord),
    incoming: readHtlcs(records, 'in'),
    outgoing: readHtlcs(records, 'out'),
    fees: records.has('fees') ? read(records, 'fees', feesRecord) : [],
    signatures: read(records, 'local', signaturesRecord),
    secrets: readSecrets(records),
    lockin: read(records, 'lockin', lockinRecord),
    closings: records.has('closings')
      ? { ...read(records, 'closings', closingsRecord), refusedSince: undefined }
      : closingsBefore(phase),
    fundingTx: records.get('funding') ?? new Uint8Array(),
    // Channels of before there was such a record begin to count when they come up.
    closingSince: records.has('since')
      ? {
          ...read(records, 'since', sinceRecord),
          by: records.has('closer') ? read(records, 'closer', closerRecord) : undefined,
        }
      : undefined,
  });
  const core: Core = records.has('feesince')
    ? { ...kept, feeRefusedSince: read(records, 'feesince', feeSinceRecord) }
    : kept;
  switch (phase.phase) {
    case 'negotiating':
      return { ...phase, core, round: undefined };
    case 'onchain':
      return { ...phase, core, chainView: emptyChainView };
    default:
      return { ...phase, core };
  }
};
