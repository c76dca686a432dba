/** Feature bits by the names that BOLT 9 gives them. */
import { unhex } from './bytes.ts';
import { bitsOf, features } from './features.ts';

const byBit: ReadonlyMap<number, string> = new Map(Object.entries(features).map(([name, { bit }]) => [bit, name]));

const nameOf = (bit: number): string => {
  const name = byBit.get(bit & ~1) ?? `bit ${bit}`;
  return bit % 2 === 0 ? `${name} (required)` : name;
};

/** The features of a bitmap in the order of their bits, at most so many: a peer may set any bits of 65,000 bytes. */
export const namesOfFeatures = (bitmap: Uint8Array, most: number): readonly string[] => {
  const names: string[] = [];
  for (const bit of bitsOf(bitmap)) {
    if (names.length === most) return [...names, 'and more'];
    names.push(nameOf(bit));
  }
  return names;
};

/** Of the bits that a node can announce, more than anybody reads. */
const MOST = 100;

/** The same for a bitmap in hex; none for what is no bitmap, as a text of another field may be. */
export const featureNames = (bitmap: unknown): readonly string[] =>
  typeof bitmap === 'string' && /^(?:[0-9a-f]{2})+$/.test(bitmap) ? namesOfFeatures(unhex(bitmap), MOST) : [];
