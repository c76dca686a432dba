/** Feature bits by the names that BOLT 9 gives them. */
import { bitsOf, features } from '../../wire/features.ts';

const byBit: ReadonlyMap<number, string> = new Map(Object.entries(features).map(([name, { bit }]) => [bit, name]));

/** A peer may set any bits of 65,000 bytes. */
const MOST = 100;

const nameOf = (bit: number): string => {
  const name = byBit.get(bit & ~1) ?? `bit ${bit}`;
  return bit % 2 === 0 ? `${name} (required)` : name;
};

/** The features of a bitmap in hex, in the order of their bits; none for what is no bitmap. */
export const featureNames = (bitmap: unknown): readonly string[] => {
  if (typeof bitmap !== 'string' || !/^(?:[0-9a-f]{2})+$/.test(bitmap)) return [];
  const names: string[] = [];
  for (const bit of bitsOf(Buffer.from(bitmap, 'hex'))) {
    if (names.length === MOST) return [...names, 'and more'];
    names.push(nameOf(bit));
  }
  return names;
};
