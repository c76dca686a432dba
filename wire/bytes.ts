/** Byte arrays: concatenation, comparison, hex, fixed-width integers. */

export const zeros = (length: number): Uint8Array => new Uint8Array(length);

/** All parts of a list in one new array, however many they are. */
export const join = (parts: readonly Uint8Array[]): Uint8Array => {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
};

/** All arguments in one new array. */
export const concat = (...parts: readonly Uint8Array[]): Uint8Array => join(parts);

/** Equality of public values; stops at the first difference, so never for secrets or MACs. */
export const equal = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

/** Equality in a time that depends on the length alone: for MACs and secrets. */
export const equalConstantTime = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
};

/** Byte order: negative, zero or positive, as Array.prototype.sort wants it. */
export const compare = (a: Uint8Array, b: Uint8Array): number => {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const d = (a[i] ?? 0) - (b[i] ?? 0);
    if (d !== 0) return d;
  }
  return a.length - b.length;
};

/** a ^ b. Throws RangeError when the lengths differ. */
export const xor = (a: Uint8Array, b: Uint8Array): Uint8Array => {
  if (a.length !== b.length) throw new RangeError(`xor of ${a.length} and ${b.length} bytes`);
  const out = new Uint8Array(a.length);
  for (let i = 0; i < a.length; i++) out[i] = (a[i] ?? 0) ^ (b[i] ?? 0);
  return out;
};

export const reversed = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes).reverse();

const DIGITS = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));
const ascii = new TextDecoder();

/** Lower-case hexadecimal, made in one step: a string built digit by digit takes ten times its length in memory. */
export const hex = (bytes: Uint8Array): string => {
  const out = new Uint8Array(2 * bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    out[2 * i] = DIGITS[byte >> 4] ?? 0;
    out[2 * i + 1] = DIGITS[byte & 15] ?? 0;
  }
  return ascii.decode(out);
};

/** Bytes of a hexadecimal string in either case. Throws RangeError on odd length or another character. */
export const unhex = (text: string): Uint8Array => {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text))
    throw new RangeError('expected an even number of hex digits');
  const out = new Uint8Array(text.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return out;
};

export const u16be = (n: number): Uint8Array => Uint8Array.of(n >>> 8, n);
export const u32be = (n: number): Uint8Array => Uint8Array.of(n >>> 24, n >>> 16, n >>> 8, n);
export const u64be = (n: bigint): Uint8Array => {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, n);
  return out;
};
export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
/** Text of bytes from outside; what is not UTF-8 becomes U+FFFD. */
export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
