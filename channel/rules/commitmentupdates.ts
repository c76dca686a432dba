/**
 * commitment_signed and revoke_and_ack (BOLT 2, "Committing Updates So Far" and "Completing the Transition to the Updated State"), and the
 * two commitments that they move.
 * Every commitment is derived from a spec when it is needed; the peer's signatures on ours are all that is kept of it.
 */
import { equal } from '../../wire/bytes.ts';
import { isPoint, isSecretKey, pointOf } from '../../wire/crypto.ts';
import { msat } from '../../wire/units.ts';
import { ChannelError } from '../model/errors.ts';
import type { ChannelMessageOf } from '../model/io.ts';
import { inLocal, inRemote, type Spec, specOf } from '../model/spec.ts';
import type { Core, Params } from '../model/state.ts';
import { dropFinished, hasChangesForRemote, markLocal, markRemote } from '../model/updates.ts';
import { buildCommitment, type Commitment } from '../tx/commitment.ts';
import { formats } from '../tx/commitmentformats.ts';
import { htlcTransaction } from '../tx/htlctx.ts';
import { type CommitmentKeys, commitmentKeys, deriveSecret, obscuringFactor } from '../tx/keys.ts';
import { insertSecret, perCommitmentPoint, perCommitmentSecret, SecretError } from '../tx/secrets.ts';
import { completeCommitment, type SignatureFault, signCommitment, verifyCommitment } from '../tx/signing.ts';
import { unsigned } from '../tx/transaction.ts';

type Holder = 'local' | 'remote';

/** What determines a commitment before the channel has a history: enough for the first one on either side. */
export type FundedParams = Pick<Core, 'params' | 'funding'>;

/** The keys of our commitment `number`. */
export const localKeys = ({ params }: Pick<Core, 'params'>, seed: Uint8Array, number: number): CommitmentKeys =>
  commitmentKeys(params.local.basepoints, params.remote.basepoints, perCommitmentPoint(seed, number));

/** The keys of the peer's commitment at one of its per-commitment points. */
export const remoteKeys = ({ params }: Pick<Core, 'params'>, point: CommitmentPoint): CommitmentKeys =>
  commitmentKeys(params.remote.basepoints, params.local.basepoints, point);
type CommitmentPoint = Core['head']['remotePoint'];

/** The factor that obscures this channel's commitment numbers (BOLT 3, "Commitment Transaction"). */
export const obscuringFactorOf = ({ role, local, remote }: Params): bigint => {
  const [opener, accepter] = role === 'funder' ? [local, remote] : [remote, local];
  return obscuringFactor(opener.basepoints.payment, accepter.basepoints.payment);
};

/** The transaction of a spec. Throws RangeError when the spec promises more than there is. */
export const commitmentOf = (
  { params, funding }: FundedParams,
  holder: Holder,
  number: number,
  keys: CommitmentKeys,
  spec: Spec,
): Commitment => {
  const [own, other] = holder === 'local' ? [params.local, params.remote] : [params.remote, params.local];
  const [toHolder, toCounterparty] = holder === 'local' ? [spec.toUs, spec.toThem] : [spec.toThem, spec.toUs];
  const offered = holder === 'local' ? 'out' : 'in';
  return buildCommitment({
    format: formats[params.format],
    funding,
    fundingAmount: params.capacity,
    obscuring: obscuringFactorOf(params),
    number,
    keys,
    toSelfDelay: other.toSelfDelay,
    dustLimit: own.dustLimit,
    opener: (params.role === 'funder') === (holder === 'local') ? 'holder' : 'counterparty',
    feerate: spec.feerate,
    toHolder: msat(toHolder),
    toCounterparty: msat(toCounterparty),
    htlcs: spec.htlcs.map(({ id, way, amount, paymentHash, expiry }) => ({
      id,
      direction: way === offered ? 'offered' : 'received',
      amount,
      paymentHash,
      cltvExpiry: expiry,
    })),
  });
};

/** Our current commitment. */
export const localCommitment = (core: Core): Commitment => {
  const number = core.head.local;
  const keys = localKeys(core, core.keys.perCommitmentSeed, number);
  return commitmentOf(core, 'local', number, keys, specOf(core, inLocal(number)));
};

/** The peer's commitment: the one it has not revoked, or with `next` the one we signed beyond it. */
export const remoteCommitment = (core: Core, which: 'current' | 'next'): Commitment | undefined => {
  const { remote, remotePoint, remoteNextPoint, signedAt } = core.head;
  if (which === 'current')
    return commitmentOf(core, 'remote', remote, remoteKeys(core, remotePoint), specOf(core, inRemote(remote)));
  if (signedAt === undefined || remoteNextPoint === undefined) return undefined;
  const keys = core.nextRemoteKeys ?? remoteKeys(core, remoteNextPoint);
  return commitmentOf(core, 'remote', remote + 1, keys, specOf(core, inRemote(remote + 1)));
};

/** Our commitment with both signatures, serialized, ready to publish. */
export const signedLocalCommitment = (core: Core): Uint8Array =>
  completeCommitment(localCommitment(core), core.signatures.commitment, core.keys.funding).toBuffer();

/** Whether `commitment_signed` may be sent now (BOLT 2: one without updates must not be). */
export const canSign = (core: Core): boolean =>
  core.link.status === 'online' &&
  core.head.signedAt === undefined &&
  core.head.remoteNextPoint !== undefined &&
  hasChangesForRemote(core);

/** Whether keys of a next commitment are still to be derived: two thirds of the work of a lone payment. */
export const canPrepareKeys = ({ link, head, nextLocalKeys, nextRemoteKeys }: Core): boolean =>
  link.status === 'online' &&
  (nextLocalKeys === undefined || (nextRemoteKeys === undefined && head.remoteNextPoint !== undefined));

/** Derives those keys ahead of time; they are derived on demand where that did not happen. */
export const prepareKeys = (core: Core): Core => {
  const { head, keys } = core;
  const local = core.nextLocalKeys ?? localKeys(core, keys.perCommitmentSeed, head.local + 1);
  const remote =
    core.nextRemoteKeys ?? (head.remoteNextPoint === undefined ? undefined : remoteKeys(core, head.remoteNextPoint));
  return { ...core, nextLocalKeys: local, nextRemoteKeys: remote };
};

/** Signs the peer's commitment `head.remote + 1` as its marks describe it: deterministic, so it also serves to send it again. */
export const commitmentSigned = (core: Core): ChannelMessageOf<'commitment_signed'> | undefined => {
  const commitment = remoteCommitment(core, 'next');
  const { remoteNextPoint } = core.head;
  if (commitment === undefined || remoteNextPoint === undefined) return undefined;
  const { signature, htlcSignatures } = signCommitment(commitment, {
    funding: core.keys.funding,
    htlc: deriveSecret(core.keys.htlc, remoteNextPoint),
  });
  return { name: 'commitment_signed', channel_id: core.channelId, signature, htlc_signature: htlcSignatures };
};

/** Notes that we sign the peer's next commitment, with all pending updates. Only where `canSign`. */
export const signNext = (core: Core): Core => {
  const { head, counters } = core;
  const marked = markRemote(core, head.remote + 1);
  return dropFinished({ ...marked, head: { ...head, signedAt: head.local, signedOut: counters.nextOut } });
};

/** The revocation of our commitment before `head.local`, with the point of the one after it. */
export const revokeAndAck = ({ channelId, head, keys }: Core): ChannelMessageOf<'revoke_and_ack'> => ({
  name: 'revoke_and_ack',
  channel_id: channelId,
  per_commitment_secret: perCommitmentSecret(keys.perCommitmentSeed, head.local - 1),
  next_per_commitment_point: perCommitmentPoint(keys.perCommitmentSeed, head.local + 1),
});

/** The transaction that a wrong signature was to be of, without its witness. */
const disputed = (commitment: Commitment, fault: SignatureFault): Uint8Array => {
  const output =
    fault.code === 'invalid_htlc_signature' ? commitment.htlcs.find(({ index }) => index === fault.index) : undefined;
  return unsigned(output === undefined ? commitment.transaction : htlcTransaction(commitment, output));
};

/**
 * The peer signed our next commitment: it replaces the one we have, which is then revoked. Throws ChannelError when a
 * signature is wrong. A commitment_signed without updates is pointless but harmless, and some peers send it.
 */
export const commitmentReceived = (core: Core, message: ChannelMessageOf<'commitment_signed'>): Core => {
  const number = core.head.local + 1;
  const marked = markLocal(core, number);
  const keys = core.nextLocalKeys ?? localKeys(core, core.keys.perCommitmentSeed, number);
  const commitment = commitmentOf(core, 'local', number, keys, specOf(marked, inLocal(number)));
  const { signature, htlc_signature: htlcSignatures } = message;
  const fault = verifyCommitment(commitment, { signature, htlcSignatures });
  if (fault !== undefined) throw new ChannelError({ ...fault, tx: disputed(commitment, fault) });
  return {
    ...marked,
    head: { ...core.head, local: number, signedIn: core.counters.nextIn },
    signatures: { commitment: signature, htlcs: htlcSignatures },
    nextLocalKeys: undefined,
  };
};

/** The peer revokes its commitment `head.remote` for the one we signed. Throws ChannelError. */
export const revocationReceived = (core: Core, message: ChannelMessageOf<'revoke_and_ack'>): Core => {
  const { head } = core;
  const { per_commitment_secret: secret, next_per_commitment_point: point } = message;
  if (head.signedAt === undefined || head.remoteNextPoint === undefined)
    throw new ChannelError({ code: 'unexpected_revocation' });
  if (!isSecretKey(secret) || !equal(pointOf(secret), head.remotePoint))
    throw new ChannelError({ code: 'wrong_revocation_secret', commitment: head.remote });
  if (!isPoint(point)) throw new ChannelError({ code: 'invalid_point', field: 'next_per_commitment_point' });
  try {
    return {
      ...core,
      head: {
        ...head,
        remote: head.remote + 1,
        signedAt: undefined,
        remotePoint: head.remoteNextPoint,
        remoteNextPoint: point,
      },
      secrets: insertSecret(core.secrets, head.remote, secret),
      nextRemoteKeys: undefined,
    };
  } catch (error) {
    if (error instanceof SecretError)
      throw new ChannelError({ code: 'wrong_revocation_secret', commitment: head.remote });
    throw error;
  }
};
