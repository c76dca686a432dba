/**
 * BOLT 3, "Per-commitment Secret Requirements" and "Efficient Per-commitment Secret Storage". Secrets hang in a binary
 * tree from one seed, so that at most 49 of them give back all that were received. Commitment n has index 2^48 - 1 - n.
 */
import { equal } from '../../wire/bytes.ts';
import { bytes, type Codec, list, map, struct, u8, u48 } from '../../wire/codec.ts';
import { pointOf, sha256 } from '../../wire/crypto.ts';
import { type Point, type SecretKey, secretKey } from '../../wire/units.ts';

const BITS = 48;
const FIRST_INDEX = 2 ** BITS - 1;

/** A secret of the peer's that reveals, by hashing, those of the indices that share its prefix. */
export interface ReceivedSecret {
  readonly index: number;
  readonly secret: SecretKey;
}

/** What is kept of all secrets received so far: the one at place b has an index with b trailing zero bits. */
export type SecretStore = readonly ReceivedSecret[];

export type SecretFault =
  | { readonly code: 'secret_out_of_order'; readonly expected: number; readonly got: number }
  | { readonly code: 'secret_of_another_seed'; readonly number: number }
  | { readonly code: 'secret_unknown'; readonly number: number };

const describe = (fault: SecretFault): string => {
  switch (fault.code) {
    case 'secret_out_of_order':
      return `expected the per-commitment secret of commitment ${fault.expected}, got that of ${fault.got}`;
    case 'secret_of_another_seed':
      return `the per-commitment secret of commitment ${fault.number} does not give back the earlier ones`;
    case 'secret_unknown':
      return `the per-commitment secret of commitment ${fault.number} has not been received`;
  }
};

/** A per-commitment secret that cannot be the peer's, or that it has not given yet. */
export class SecretError extends Error {
  override readonly name = 'SecretError';
  readonly fault: SecretFault;
  constructor(fault: SecretFault) {
    super(describe(fault));
    this.fault = fault;
  }
}

/** Commitment numbers and indices run against each other, so this goes both ways. */
const indexOf = (number: number): number => {
  if (!Number.isInteger(number) || number < 0 || number > FIRST_INDEX)
    throw new RangeError(`commitment number out of range: ${number}`);
  return FIRST_INDEX - number;
};

/** Walks down the tree from `base` over the `bits` low bits of `index`: a set bit flips itself in the value and hashes. */
const descend = (base: Uint8Array, bits: number, index: number): SecretKey => {
  let value: Uint8Array = new Uint8Array(base);
  for (let bit = bits - 1; bit >= 0; bit--) {
    if (Math.floor(index / 2 ** bit) % 2 === 0) continue;
    value[bit >> 3] = (value[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    value = sha256(value);
  }
  return secretKey(value);
};

/** BOLT 3's generate_from_seed, by index 0..2^48 - 1. `seed` has 32 bytes. */
export const secretAtIndex = (seed: Uint8Array, index: number): SecretKey => descend(seed, BITS, index);

/** Our secret for a commitment, to be given away when that commitment is revoked. RangeError outside 48 bits. */
export const perCommitmentSecret = (seed: Uint8Array, number: number): SecretKey =>
  secretAtIndex(seed, indexOf(number));

/** Our point for a commitment: its secret × G. */
export const perCommitmentPoint = (seed: Uint8Array, number: number): Point =>
  pointOf(perCommitmentSecret(seed, number));

const trailingZeros = (index: number): number => {
  for (let bit = 0; bit < BITS; bit++) if (Math.floor(index / 2 ** bit) % 2 === 1) return bit;
  return BITS;
};

/** How many secrets have been received; also the commitment number of the one that comes next. */
export const receivedCount = (known: SecretStore): number =>
  known.reduce((count, { index }) => Math.max(count, indexOf(index) + 1), 0);

/**
 * The store with the secret of commitment `number`, which must be the next one. Throws SecretError when it is another, or
 * when earlier secrets do not follow from it, which means that the peer does not use one seed.
 */
export const insertSecret = (known: SecretStore, number: number, secret: SecretKey): SecretStore => {
  const expected = receivedCount(known);
  if (number !== expected) throw new SecretError({ code: 'secret_out_of_order', expected, got: number });
  const index = indexOf(number);
  const place = trailingZeros(index);
  for (const earlier of known.slice(0, place))
    if (!equal(descend(secret, place, earlier.index), earlier.secret))
      throw new SecretError({ code: 'secret_of_another_seed', number });
  return [...known.slice(0, place), { index, secret }, ...known.slice(place + 1)];
};

/** The peer's secret of a revoked commitment, derived from those kept. Throws SecretError when it is not among them. */
export const receivedSecret = (known: SecretStore, number: number): SecretKey => {
  const index = indexOf(number);
  for (const [place, entry] of known.entries())
    if (Math.floor(index / 2 ** place) === Math.floor(entry.index / 2 ** place))
      return descend(entry.secret, place, index);
  throw new SecretError({ code: 'secret_unknown', number });
};

/** One kept secret as a record of 38 bytes: an insertion replaces or adds exactly one. */
export const receivedSecretCodec: Codec<ReceivedSecret> = struct({
  index: u48,
  secret: map(bytes(32), secretKey, (secret) => secret),
});

/** The whole store as one record, at most 1,863 bytes. */
export const secretStoreCodec: Codec<SecretStore> = map(
  list(u8, receivedSecretCodec),
  (known) => {
    if (known.some(({ index }, place) => trailingZeros(index) !== place))
      throw new RangeError('per-commitment secrets, each at the place of its index');
    return known;
  },
  (known) => known,
);
