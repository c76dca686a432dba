/**
 * BOLT 4, "Filler Generation": the tail of `hops_data` that the hops before the last produce by shifting zeros in and encrypting them. The
 * sender has to know it, since the HMACs cover it.
 */
import { zeros } from '../wire/bytes.ts';

/** `target[i] ^= source[from + i]` over `length` bytes, in place. */
export const xorInto = (target: Uint8Array, source: Uint8Array, from: number, length: number): void => {
  for (let i = 0; i < length; i++) target[i] = (target[i] ?? 0) ^ (source[from + i] ?? 0);
};

/**
 * The filler behind hops of the given sizes, which are all but the last. `streams[i]` is hop i's rho stream, at least
 * `hopsLength + sizes[i]` bytes; the result is as long as the sizes add up to.
 */
export const generateFiller = (
  sizes: readonly number[],
  streams: readonly Uint8Array[],
  hopsLength: number,
): Uint8Array => {
  const filler = zeros(sizes.reduce((sum, size) => sum + size, 0));
  let filled = 0;
  sizes.forEach((size, i) => {
    const stream = streams[i] ?? zeros(0);
    // The filler of earlier hops ends at hopsLength, where this hop's zeros begin.
    xorInto(filler, stream, hopsLength - filled, filled + size);
    filled += size;
  });
  return filler;
};
