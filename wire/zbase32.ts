/** z-base-32: base 32 in letters that are easy to read and say, as signed messages of Lightning nodes are written. */

const LETTERS = 'ybndrfg8ejkmcpqxot1uwisza345h769';

/** Text of bytes, five bits a letter; zero bits fill the last one. */
export const encodeZbase32 = (bytes: Uint8Array): string => {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += LETTERS[(held >> (bits - 5)) & 31];
    held &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + LETTERS[(held << (5 - bits)) & 31];
};

/** The bytes of such a text; undefined where a letter is none of the alphabet, or what is left over is not zero bits short of a byte. */
export const decodeZbase32 = (text: string): Uint8Array | undefined => {
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const letter of text) {
    const value = LETTERS.indexOf(letter);
    if (value < 0) return undefined;
    held = (held << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push(held >> bits);
      held &= (1 << bits) - 1;
    }
  }
  return bits < 5 && held === 0 ? Uint8Array.from(bytes) : undefined;
};
