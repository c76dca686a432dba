/** Maps of which every version stays as it was, whatever is made of it and in whatever order versions are used. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { VersionedMap } from '../../amp/versions.ts';
import { propertyRuns } from '../support/runs.ts';

const runs = propertyRuns(60);

/** A change of version `from`: `key` gets `value`, or goes. */
const step = fc.record({ from: fc.nat(), key: fc.constantFrom('a', 'b', 'c', 'd'), value: fc.option(fc.nat(9)) });

test('every version of a map holds what it was made with, and any two know in which keys they differ', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.array(fc.nat(), { maxLength: 20 }), (steps, looks) => {
      const made = [{ version: VersionedMap.of<number>([['a', 0]]), holds: new Map([['a', 0]]) }];
      const at = (n: number) => made[n % made.length] ?? { version: VersionedMap.of<number>(), holds: new Map() };
      for (const { from, key, value } of steps) {
        const { version, holds } = at(from);
        const next = new Map(holds);
        if (value === null) next.delete(key);
        else next.set(key, value);
        made.push({ version: value === null ? version.delete(key) : version.set(key, value), holds: next });
      }
      for (const [i, n] of looks.entries()) {
        const [one, other] = [at(n), at(looks[i - 1] ?? 0)];
        const differ = ['a', 'b', 'c', 'd'].filter((key) => one.holds.get(key) !== other.holds.get(key));
        expect([...one.version.changedSince(other.version)]).toEqual(expect.arrayContaining(differ));
        expect(new Map(one.version)).toEqual(one.holds);
        expect(one.version.size).toBe(one.holds.size);
        for (const key of ['a', 'b', 'c', 'd']) expect(one.version.get(key)).toBe(one.holds.get(key));
      }
    }),
    { numRuns: runs },
  );
});

test('two versions of a map that differ by one change are compared in that key alone', () => {
  let version = VersionedMap.of<number>();
  for (let i = 0; i < 300; i++) version = version.set(`${i}`, i);
  const next = version.set('7', 1000);
  expect([...next.changedSince(version)]).toEqual(['7']);
  expect([...next.delete('7').changedSince(next)]).toEqual(['7']);
  expect(version.get('7')).toBe(7);
});

test('two maps made separately are compared in all their keys', () => {
  const [one, two] = [VersionedMap.of([['a', 1]]), VersionedMap.of([['b', 2]])];
  expect([...one.changedSince(two)].sort()).toEqual(['a', 'b']);
});
