/** Codecs of what both machines keep on disk. None of this is ever on the wire. */

import { text, utf8 } from '../wire/bytes.ts';
import { type Codec, map, prefixed, struct, u8, u16 } from '../wire/codec.ts';
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

export const nothing = struct({});

export const share: Codec<Share> = struct({ share: bytes32, marker: u8 });
