/** What feerate a claim is worth as its deadline nears, as rows and as a property. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { confirmationTarget, MAX_FEERATE, targetFeerate, URGENT_BLOCKS } from '../../../node/sweep/rate.ts';
import { FEERATE_FLOOR } from '../../../wire/units.ts';

describe('the rate', () => {
  const at = (tip: number, deadline: number | undefined, since?: number, from = 0) => ({ tip, from, deadline, since });

  test.each([
    ['no deadline', at(100, undefined), 24],
    ['a deadline far away', at(100, 1_000), 144],
    ['ten blocks left', at(100, 111), 10],
    ['one block left', at(100, 102), 1],
    ['too late', at(100, 90), 1],
  ])('how many blocks an estimate is asked for: %s', (_, moment, blocks) => {
    expect(confirmationTarget(moment)).toBe(blocks);
  });

  test.each<readonly [string, ReturnType<typeof at>, number]>([
    ['nobody hurries', at(100, undefined), 1_000],
    ['the deadline is far', at(100, 101 + URGENT_BLOCKS), 1_000],
    ['half of the last blocks are gone', at(100, 101 + URGENT_BLOCKS / 2), 10_000],
    ['the deadline is there', at(100, 101), 100_000],
    ['the deadline has passed', at(100, 90), 100_000],
    ['the deadline is near, but sooner it could not be made', at(100, 110, undefined, 101), 1_000],
    ['and the first block did not have it', at(101, 110, undefined, 101), 1_668],
    ['and the deadline is there', at(109, 110, undefined, 101), 100_000],
    ['it is made after its deadline', at(100, 100, undefined, 101), 100_000],
    ['it hangs for six blocks', at(106, undefined, 100), 1_250],
    ['it hangs for twelve blocks', at(112, undefined, 100), 1_562],
    ['it hangs for a day: three times the estimate, and no more', at(244, undefined, 100), 3_000],
    ['it hangs for a month', at(4_420, undefined, 100), 3_000],
    ['it hangs for a day with a deadline far away', at(244, 1_000, 100), 3_000],
  ])('%s', (_, moment, rate) => {
    expect(targetFeerate(moment, 1_000, 100_000)).toBe(rate);
  });

  test('a stuck claim is raised to its patient limit at most, and always pays the estimate', () => {
    expect(targetFeerate(at(244, undefined, 100), 1_000, 100_000, 100_000, 1_700)).toBe(1_700);
    expect(targetFeerate(at(244, undefined, 100), 1_000, 100_000, 100_000, 400)).toBe(1_000);
    expect(targetFeerate(at(100, 101), 1_000, 100_000, 100_000, 400)).toBe(100_000);
  });

  test('the target feerate never falls while the estimate stays the same, and stays within its bounds', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50_000 }),
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.option(fc.integer({ min: 0, max: 400 }), { nil: undefined }),
        fc.option(fc.integer({ min: 0, max: 200 }), { nil: undefined }),
        fc.nat(400),
        fc.option(fc.integer({ min: 1, max: 1_000_000 }), { nil: undefined }),
        fc.option(fc.integer({ min: 1, max: 1_000_000 }), { nil: undefined }),
        (estimate, ceiling, deadline, since, from, top, patient) => {
          let last = 0;
          for (let tip = since ?? 0; tip < 300; tip++) {
            const rate = targetFeerate({ tip, from, deadline, since }, estimate, ceiling, top, patient);
            expect(rate).toBeGreaterThanOrEqual(last);
            expect(rate).toBeLessThanOrEqual(ceiling);
            expect(rate).toBeLessThanOrEqual(Math.max(MAX_FEERATE, estimate, FEERATE_FLOOR));
            expect(rate).toBeGreaterThanOrEqual(Math.min(ceiling, Math.max(FEERATE_FLOOR, estimate)));
            last = rate;
          }
        },
      ),
    );
  });
});
