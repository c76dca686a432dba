/** Codecs of what both machines keep on disk. None of this is ever on the wire. */

import { text, utf8 } from '../wire/bytes.ts';
import { type Codec, map, prefixed, struct, u8, u16, WireError } from '../wire/codec.ts';
import { bytes32 } from '../wire/fields.ts';
import type { Share } from './scheme.ts';

/** A short text behind its length. */
export const ascii: Codec<string> = map(prefixed(u16), text, utf8);

/** A value by its place in a list that only grows. */
export const oneOf = <T extends string>(name: string, values: readonly T[]): Codec<T> =>
  map(
    u8,
    (n) => {
      const value = values[n];
      if (value === undefined) throw new RangeError(`a known ${name}`);
      return value;
    },
    (value) => values.indexOf(value),
  );

/** What stands before a name that has no number. */
const NAMED = 255;

/** A name: as a number of 0..254 where versions before gave it one, which keeps it; any other as it is. */
export const numberedName = (numbers: Readonly<Record<string, number>>): Codec<string> => {
  const names = new Map(Object.entries(numbers).map(([name, number]) => [number, name]));
  return {
    write: (w, name) => {
      const number = Object.hasOwn(numbers, name) ? numbers[name] : undefined;
      u8.write(w, number ?? NAMED);
      if (number === undefined) ascii.write(w, name);
    },
    read: (r) => {
      const number = u8.read(r);
      const name = number === NAMED ? ascii.read(r) : names.get(number);
      if (name === undefined) throw new WireError({ code: 'invalid_value', expected: 'the number of a known name' });
      return name;
    },
  };
};

export const nothing = struct({});

export const share: Codec<Share> = struct({ share: bytes32, marker: u8 });
