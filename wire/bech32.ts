/**
 * BIP 173 without its length limit, as BOLT 11 uses it: a human-readable part and words of 5 bits. The runs of bytes inside
 * are padded with zero bits to whole words; the signature covers the words, so reading never needs the padding checked.
 */
import { bech32 } from '@scure/base';

export type Bech32Fault = 'mixed_case' | 'no_separator' | 'bad_checksum';

/** A lower-case human-readable part and words 0..31. */
export interface Bech32 {
  readonly prefix: string;
  readonly words: Uint8Array;
}

/** The text of words 0..31 under a lower-case human-readable part, checksum included. */
export const encodeBech32 = ({ prefix, words }: Bech32): string => bech32.encode(prefix, words, false);

/** Decodes a text in lower or upper case, or says what is wrong with it. An invalid character counts as a wrong checksum. */
export const decodeBech32 = (text: string): Bech32 | Bech32Fault => {
  const lower = text.toLowerCase();
  if (text !== lower && text !== text.toUpperCase()) return 'mixed_case';
  if (lower.lastIndexOf('1') < 1) return 'no_separator';
  const decoded = bech32.decodeUnsafe(lower, false);
  return decoded === undefined ? 'bad_checksum' : { prefix: decoded.prefix, words: Uint8Array.from(decoded.words) };
};

/** Regroups `values` of `from` bits into values of `to` bits, most significant first; what is left over at the end is padded. */
const regroup = (values: Uint8Array, from: number, to: number, length: number): Uint8Array => {
  const out = new Uint8Array(length);
  let held = 0;
  let bits = 0;
  let at = 0;
  for (const value of values) {
    held = ((held << from) | value) & 0xfff;
    for (bits += from; bits >= to && at < length; at++) {
      bits -= to;
      out[at] = (held >> bits) & ((1 << to) - 1);
    }
  }
  if (at < length) out[at] = (held << (to - bits)) & ((1 << to) - 1);
  return out;
};

/** Bytes as words, the last one padded with zero bits. */
export const wordsOf = (bytes: Uint8Array): Uint8Array => regroup(bytes, 8, 5, Math.ceil((bytes.length * 8) / 5));
/** The whole bytes in words; up to 7 bits of padding at the end are dropped, whatever they hold. */
export const bytesOf = (words: Uint8Array): Uint8Array => regroup(words, 5, 8, Math.floor((words.length * 5) / 8));
/** All bits of the words, padded with zero bits to whole bytes, as BOLT 11 signs them. */
export const paddedBytesOf = (words: Uint8Array): Uint8Array => regroup(words, 5, 8, Math.ceil((words.length * 5) / 8));

/** A non-negative integer below 2^53 in as few words as it takes; none for zero. */
export const wordsOfInteger = (n: number): Uint8Array => {
  const words: number[] = [];
  for (let left = n; left > 0; left = Math.floor(left / 32)) words.unshift(left % 32);
  return Uint8Array.from(words);
};
/** The integer in at most 10 words. */
export const integerOf = (words: Uint8Array): number => words.reduce((n, word) => n * 32 + word, 0);
