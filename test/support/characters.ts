/** Characters for texts that may hold anything. */
import fc from 'fast-check';

/** Half surrogates, which are no characters. */
const SURROGATES = { from: 0xd800, count: 0x800 };

/**
 * Any Unicode character, as the `unit` of a `fc.string`. The library's own `'binary'` has the same, and makes a table of all million
 * of them first, which takes longer than what most properties do with them.
 */
export const anyCharacter: fc.Arbitrary<string> = fc
  .integer({ min: 0, max: 0x10_ffff - SURROGATES.count })
  .map((n) => String.fromCodePoint(n < SURROGATES.from ? n : n + SURROGATES.count));
