/** A feature vector, bit by bit (BOLT 9). */
import { bitsOf, features } from '../../wire/features.ts';

type Fields = Readonly<Record<string, unknown>>;

const names: ReadonlyMap<number, string> = new Map(Object.entries(features).map(([name, { bit }]) => [bit, name]));

/** Bits of a vector that are named. */
const MOST_BITS = 1000;
/** A vector that nobody announced as one has no more bits than this: a hash has. */
const PLAUSIBLE_BITS = 48;

/** Each bit that is set, with its name, and whether it is required (even) or optional. */
export const decodeFeatures = (bitmap: Uint8Array): Fields => {
  const bits: Fields[] = [];
  let left = 0;
  for (const bit of bitsOf(bitmap)) {
    if (bits.length < MOST_BITS)
      bits.push({ bit, name: names.get(bit - (bit % 2)) ?? 'unknown', required: bit % 2 === 0 });
    else left++;
  }
  return { bits, ...(left > 0 && { further_bits: left }) };
};

/** Whether bytes look like a feature vector: few bits, one of them known at least. */
export const looksLikeFeatures = (bitmap: Uint8Array): boolean => {
  let count = 0;
  let known = 0;
  for (const bit of bitsOf(bitmap)) {
    if (++count > PLAUSIBLE_BITS) return false;
    if (names.has(bit - (bit % 2))) known++;
  }
  return known > 0 && known * 2 >= count;
};
