/**
 * Random numbers that a seed determines, on every machine alike, for networks, balances and arrivals. They are good for statistics and
 * no good for secrets.
 */

/** A stream of random numbers. */
export interface Random {
  /** From 0 up to 1, without 1; a multiple of 2^-32. */
  next(): number;
  /** A whole number from 0 up to `end`, without it; `end` is from 1 to 2^32. */
  below(end: number): number;
  /** By an exponential distribution of this mean, as times between arrivals are. */
  exponential(mean: number): number;
  /** By a normal distribution of mean 0 and deviation 1. */
  normal(): number;
  /** A stream of its own for this purpose: what is drawn of it changes nothing here. */
  fork(purpose: string): Random;
}

/** Four words that any text determines (an FNV-1a hash, finished four times over). */
const wordsOf = (text: string): Uint32Array => {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return new Uint32Array(4).map(() => {
    hash = (hash + 0x9e3779b9) | 0;
    let word = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    return (word ^ (word >>> 16)) >>> 0;
  });
};

/** The stream of a seed, which is a number or any text. Two that differ give streams that have nothing to do with each other. */
export const randomOf = (seed: number | string): Random => {
  const words = wordsOf(String(seed));
  let [a = 0, b = 0, c = 0, count = 1] = words;
  // Three words of state and a counter that never lets it go in a short circle.
  const word = (): number => {
    const sum = (a + b + count) | 0;
    count = (count + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) word();
  const next = (): number => word() / 2 ** 32;
  return {
    next,
    below: (end) => Math.floor(next() * end),
    exponential: (mean) => -mean * Math.log(1 - next()),
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    fork: (purpose) => randomOf(`${seed}/${purpose}`),
  };
};
