/**
 * BOLT 3, "Key Derivation": the secrets of one channel, the keys of each of its commitments, and the obscuring factor. "Holder"
 * is the side that may publish the commitment (BOLT 3 calls it the local node); every key but the payment keys changes with each
 * commitment.
 */
import { utf8 } from '../../wire/bytes.ts';
import {
  addPoints,
  addSecrets,
  hmacSha256,
  isSecretKey,
  multiply,
  multiplySecrets,
  pointOf,
  sha256,
} from '../../wire/crypto.ts';
import { type Point, type SecretKey, secretKey } from '../../wire/units.ts';

/** One side's basepoints, as open_channel and accept_channel carry them, and its funding key. */
export interface Basepoints {
  readonly funding: Point;
  readonly revocation: Point;
  readonly payment: Point;
  readonly delayedPayment: Point;
  readonly htlc: Point;
}

/** The secrets behind one side's basepoints, and the seed of its per-commitment secrets (32 bytes). */
export interface ChannelSecrets {
  readonly funding: SecretKey;
  readonly revocation: SecretKey;
  readonly payment: SecretKey;
  readonly delayedPayment: SecretKey;
  readonly htlc: SecretKey;
  readonly perCommitmentSeed: Uint8Array;
}

/** Every public key that stands in one commitment transaction and in the HTLC transactions that spend it. */
export interface CommitmentKeys {
  readonly holderFunding: Point;
  readonly counterpartyFunding: Point;
  /** Takes everything of the holder's once the counterparty knows the per-commitment secret. */
  readonly revocation: Point;
  readonly holderDelayed: Point;
  readonly holderHtlc: Point;
  readonly counterpartyHtlc: Point;
  /** The counterparty's payment basepoint as it is: option_static_remotekey. */
  readonly counterpartyPayment: Point;
}

/** A scalar that nobody can tell from random without the seed; a value outside 1..n-1 (chance 2^-128) is hashed again. */
const derived = (seed: Uint8Array, label: string): SecretKey => {
  let bytes = hmacSha256(seed, utf8(`ampere/channel/${label}`));
  while (!isSecretKey(bytes)) bytes = sha256(bytes);
  return bytes;
};

/**
 * All secrets of a channel from its 32-byte seed: HMAC-SHA256(seed, "ampere/channel/" and the secret's name). So a backup
 * of the seed is a backup of every key. Throws RangeError when the seed is not 32 bytes.
 */
export const channelSecrets = (seed: Uint8Array): ChannelSecrets => {
  if (seed.length !== 32) throw new RangeError(`channel seed: expected 32 bytes, got ${seed.length}`);
  return {
    funding: derived(seed, 'funding'),
    revocation: derived(seed, 'revocation'),
    payment: derived(seed, 'payment'),
    delayedPayment: derived(seed, 'delayed_payment'),
    htlc: derived(seed, 'htlc'),
    perCommitmentSeed: hmacSha256(seed, utf8('ampere/channel/per_commitment')),
  };
};

/** A channel's secrets: those it was given, where a lab forced them, else those of its seed. */
export const secretsOf = ({
  seed,
  forced,
}: {
  readonly seed: Uint8Array;
  readonly forced?: ChannelSecrets | undefined;
}): ChannelSecrets => forced ?? channelSecrets(seed);

/** The public side of a channel's secrets. */
export const basepointsOf = (secrets: ChannelSecrets): Basepoints => ({
  funding: pointOf(secrets.funding),
  revocation: pointOf(secrets.revocation),
  payment: pointOf(secrets.payment),
  delayedPayment: pointOf(secrets.delayedPayment),
  htlc: pointOf(secrets.htlc),
});

const tweak = (first: Point, second: Point): SecretKey => secretKey(sha256(first, second));

/** basepoint + SHA256(per_commitment_point || basepoint) × G. Throws RangeError for a point off the curve. */
export const derivePoint = (basepoint: Point, perCommitment: Point): Point =>
  addPoints(basepoint, pointOf(tweak(perCommitment, basepoint)));

/** The secret of {@link derivePoint}'s result, from the basepoint's secret. */
export const deriveSecret = (basepointSecret: SecretKey, perCommitment: Point): SecretKey =>
  addSecrets(basepointSecret, tweak(perCommitment, pointOf(basepointSecret)));

/**
 * The key that punishes: made of the counterparty's revocation basepoint and the holder's per-commitment point, so that
 * neither side alone knows its secret. Throws RangeError for a point off the curve.
 */
export const revocationPoint = (basepoint: Point, perCommitment: Point): Point =>
  addPoints(
    multiply(basepoint, tweak(basepoint, perCommitment)),
    multiply(perCommitment, tweak(perCommitment, basepoint)),
  );

/** The secret of {@link revocationPoint}'s result, known once the holder has given away its per-commitment secret. */
export const revocationSecret = (basepointSecret: SecretKey, perCommitmentSecret: SecretKey): SecretKey => {
  const basepoint = pointOf(basepointSecret);
  const perCommitment = pointOf(perCommitmentSecret);
  return addSecrets(
    multiplySecrets(basepointSecret, tweak(basepoint, perCommitment)),
    multiplySecrets(perCommitmentSecret, tweak(perCommitment, basepoint)),
  );
};

/**
 * All keys of the commitment that `holder` has, or will have, at this per-commitment point (the holder's). Costs seven
 * point operations: worth doing ahead of time for the next commitment. Throws RangeError for a point off the curve.
 */
export const commitmentKeys = (holder: Basepoints, counterparty: Basepoints, perCommitment: Point): CommitmentKeys => ({
  holderFunding: holder.funding,
  counterpartyFunding: counterparty.funding,
  revocation: revocationPoint(counterparty.revocation, perCommitment),
  holderDelayed: derivePoint(holder.delayedPayment, perCommitment),
  holderHtlc: derivePoint(holder.htlc, perCommitment),
  counterpartyHtlc: derivePoint(counterparty.htlc, perCommitment),
  counterpartyPayment: counterparty.payment,
});

/** BOLT 3, "Commitment Transaction": the 48 bits that hide commitment numbers from everyone but the two peers. */
export const obscuringFactor = (openerPayment: Point, accepterPayment: Point): bigint => {
  const hash = sha256(openerPayment, accepterPayment);
  return new DataView(hash.buffer, hash.byteOffset, hash.byteLength).getBigUint64(24) & 0xffff_ffff_ffffn;
};
