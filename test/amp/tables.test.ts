/** Which records a step writes and deletes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { changes, listTable, table } from '../../amp/tables.ts';
import { struct, u8 } from '../../wire/codec.ts';
import { propertyRuns } from '../support/runs.ts';

const codec = struct({ n: u8 });
type Value = { readonly n: number };
const asTable = (values: readonly Value[]) =>
  table('one', values, codec, () => values.map((value, i) => [`${i}`, value] as const));

test('a list has the records written and deleted that a table of the same rows has', () => {
  const pool = Array.from({ length: 6 }, (_, n) => ({ n }));
  // Some values are the same objects before and after, some are equal, some are others.
  const value = fc.nat(5).map((n): Value => pool[n] ?? { n });
  const list = fc.array(
    fc.oneof(
      value,
      fc.nat(5).map((n): Value => ({ n })),
    ),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(list, list, (was, now) => {
      expect(changes([listTable('one', was, codec)], [listTable('one', now, codec)])).toEqual(
        changes([asTable(was)], [asTable(now)]),
      );
    }),
    { numRuns: propertyRuns(200) },
  );
});

test('of a list in which one value changes only that one is encoded', () => {
  const encoded: number[] = [];
  const watched = {
    ...codec,
    write: (...[w, value]: Parameters<typeof codec.write>) => {
      encoded.push(value.n);
      codec.write(w, value);
    },
  };
  const was = Array.from({ length: 255 }, (_, n) => ({ n }));
  const now = was.map((one) => (one.n === 100 ? { n: 0 } : one));
  const written = changes([listTable('one', was, watched)], [listTable('one', now, watched)]);
  expect(written.map(({ key }) => key)).toEqual(['one/100']);
  expect(encoded).toEqual([0, 100]);
});
