/** How likely channels carry amounts: what holds whatever the capacity, the bounds and the prior are. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Bounds,
  boundsWithin,
  fadedBounds,
  improbabilityCost,
  LEAST_PROBABILITY,
  type Prior,
  preferences,
  preferredWeight,
  probabilityOf,
  UNIFORM,
  uniformCost,
} from '../../node/graph/likelihood.ts';

interface Case {
  readonly prior: Prior;
  readonly capacity: number;
  readonly bounds: Bounds;
}

const prior: fc.Arbitrary<Prior> = fc.oneof(
  fc.constant(UNIFORM),
  fc.integer({ min: 1_000, max: 1e12 }).map((scale) => ({ prior: 'bimodal' as const, scale })),
);
const cases: fc.Arbitrary<Case> = fc
  .record({
    prior,
    capacity: fc.integer({ min: 1, max: 1e13 }),
    a: fc.double({ min: 0, max: 1, noNaN: true }),
    b: fc.nat(100),
  })
  .map(({ prior, capacity, a, b }) => {
    const low = Math.floor(a * capacity);
    return { prior, capacity, bounds: { low, high: low + 1 + Math.floor(((capacity - low) * b) / 100) } };
  });
const part = fc.double({ min: 0, max: 1, noNaN: true });

describe('the probability that a channel carries an amount', () => {
  test('lies from 0 to 1 and falls as the amount or what is in flight rises', () => {
    fc.assert(
      fc.property(cases, part, part, part, ({ prior, capacity, bounds }, x, y, z) => {
        const [less, more] = [Math.floor(Math.min(x, y) * capacity), Math.floor(Math.max(x, y) * capacity)];
        const at = (amount: number, inFlight = 0) => probabilityOf(prior, capacity, { ...bounds, inFlight }, amount);
        expect(at(more)).toBeGreaterThanOrEqual(0);
        expect(at(less)).toBeLessThanOrEqual(1);
        expect(at(more)).toBeLessThanOrEqual(at(less) + 1e-12);
        expect(at(more, Math.floor(z * capacity))).toBeGreaterThanOrEqual(0);
        if (prior.prior === 'uniform') expect(at(less, more)).toBeLessThanOrEqual(at(less, less) + 1e-12);
      }),
    );
  });

  test('is 1 for what it is known to carry and 0 for what it is known not to', () => {
    fc.assert(
      fc.property(cases, ({ prior, capacity, bounds }) => {
        expect(probabilityOf(prior, capacity, bounds, bounds.low)).toBe(1);
        expect(probabilityOf(prior, capacity, bounds, bounds.high)).toBe(0);
      }),
    );
  });

  test('of two HTLCs one after the other is that of both at once', () => {
    fc.assert(
      fc.property(cases, part, part, ({ prior, capacity, bounds }, x, y) => {
        const [first, second] = [(x * bounds.high) / 2, (y * bounds.high) / 2];
        const at = (amount: number, inFlight = 0) => probabilityOf(prior, capacity, { ...bounds, inFlight }, amount);
        expect(at(first) * at(second, first)).toBeCloseTo(at(first + second), 9);
      }),
    );
  });

  test('is what is left of the capacity, uniformly; near the ends it changes most, bimodally', () => {
    expect(probabilityOf(UNIFORM, 999, boundsWithin(999), 250)).toBe(0.75);
    expect(probabilityOf(UNIFORM, 999, { low: 200, high: 300 }, 250)).toBe(0.5);
    expect(probabilityOf(UNIFORM, 999, { ...boundsWithin(999), inFlight: 500 }, 250)).toBe(0.5);
    const bimodal = (amount: number, bounds = boundsWithin(1e9)) =>
      probabilityOf({ prior: 'bimodal', scale: 1e7 }, 1e9, bounds, amount);
    expect(bimodal(1e8)).toBeCloseTo(0.5, 3);
    expect(bimodal(9e8)).toBeCloseTo(0.5, 3);
    expect(bimodal(1e7)).toBeCloseTo(0.5 + 0.5 / Math.E, 3);
    // Who carried a tenth carries nine tenths, too, and who failed at nine tenths fails at one.
    expect(bimodal(9e8, { low: 1e8, high: 1e9 + 1 })).toBeGreaterThan(0.99);
    expect(bimodal(1e8, { low: 0, high: 9e8 })).toBeLessThan(0.01);
  });
});

describe('bounds that were learnt', () => {
  test('hold at first and with time go back to what the capacity says', () => {
    fc.assert(
      fc.property(cases, part, part, ({ capacity, bounds }, x, y) => {
        const [older, newer] = [Math.min(x, y), Math.max(x, y)];
        const [long, just] = [fadedBounds(bounds, capacity, 0, 0), fadedBounds(bounds, capacity, 1, 1)];
        expect(long).toEqual(boundsWithin(capacity));
        expect(just.low).toBe(bounds.low);
        expect(just.high / bounds.high).toBeCloseTo(1, 9);
        const [old, young] = [fadedBounds(bounds, capacity, older, older), fadedBounds(bounds, capacity, newer, newer)];
        expect(old.low).toBeLessThanOrEqual(young.low);
        expect(old.high).toBeGreaterThanOrEqual(young.high * (1 - 1e-12));
      }),
    );
  });

  test('make a small amount that failed in a large channel unlikely for minutes, and for hours where nothing would pass', () => {
    const [capacity, minute, hour] = [5e11, 2 ** (-1 / 60), 1 / 2];
    const at = (failed: number, weight: number) =>
      probabilityOf(UNIFORM, capacity, fadedBounds({ low: 0, high: failed }, capacity, 0, weight), 1e7);
    expect(at(1e7, minute)).toBeLessThan(0.2);
    expect(at(1e7, hour)).toBeGreaterThan(0.9);
    expect(at(0, hour)).toBe(0);
    expect(at(0, hour / 4)).toBeGreaterThan(0.9);
  });
});

describe('the cost of improbability', () => {
  test('is convex in the amount with the uniform prior, and finite for every amount', () => {
    fc.assert(
      fc.property(cases, part, part, ({ capacity, bounds }, x, y) => {
        const at = (amount: number) => improbabilityCost(probabilityOf(UNIFORM, capacity, bounds, amount), 1000);
        const most = bounds.high - (bounds.high - bounds.low) * LEAST_PROBABILITY;
        const [a, b] = [x * most, y * most];
        // An amount is rounded to the digits of a number, and the cost rises by this much for each msat of that.
        const rounding = (4 * Number.EPSILON * bounds.high * 1000) / (bounds.high - Math.max(a, b));
        expect(at((a + b) / 2)).toBeLessThanOrEqual((at(a) + at(b)) / 2 + 1e-6 + rounding);
        expect(Number.isFinite(at(bounds.high))).toBe(true);
      }),
    );
  });

  test('is reckoned by a series to a millionth of what the logarithm gives', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e13 }), part, (capacity, x) => {
        for (const amount of [x * capacity, (x * capacity) / 1000]) {
          const exact = improbabilityCost(probabilityOf(UNIFORM, capacity, boundsWithin(capacity), amount), 1e6);
          expect(Math.abs(uniformCost(capacity, amount, 1e6) - exact)).toBeLessThanOrEqual(exact * 1e-6 + 1e-6);
        }
      }),
    );
  });

  test('is nothing for what is certain, and grows from cheap over balanced to reliable', () => {
    expect(improbabilityCost(1, 1e6)).toBe(0);
    const weights = preferences.map((one) => preferredWeight(one, 1e8));
    expect(weights).toEqual([...weights].sort((a, b) => a - b));
    expect(improbabilityCost(1 / Math.E, 1e6)).toBeCloseTo(1e6);
  });
});
