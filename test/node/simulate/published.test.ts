/** What others measured and published comes out here, too, at a small size with fixed seeds; `npm run bench -- published` has it in full. */
import { describe, expect, test } from 'vitest';
import { boomerang, type Way } from '../../support/boomerang.ts';

describe('redundant parts, as Bagaria, Neu and Tse measured them', () => {
  const outcome = (way: Way, extra: number) =>
    boomerang({ nodes: 100, paymentsEach: 5, parts: 25, extra, way, seed: 2 });
  const [none, retry, redundancy, both] = [
    outcome('retry', 0),
    outcome('retry', 25),
    outcome('redundancy', 25),
    outcome('redundant-retry', 25),
  ];
  test('take about a third of the time to completion off that of parts sent again once they fail', () => {
    expect(redundancy.seconds / retry.seconds).toBeLessThan(0.7);
    expect(redundancy.seconds / retry.seconds).toBeGreaterThan(0.5);
  });
  test('raise throughput by more than a quarter, and so do they together with retries', () => {
    expect(redundancy.throughput / retry.throughput).toBeGreaterThan(1.25);
    expect(both.throughput / retry.throughput).toBeGreaterThan(1.25);
  });
  test('leave no payment behind that would be delivered without them, and cost as many attempts as there are parts', () => {
    expect(redundancy.delivered).toBeGreaterThan(none.delivered);
    expect([redundancy.wanted, redundancy.attempts, none.attempts]).toEqual([500, 500 * 50, 500 * 25]);
  });
  test('are the same for the same seed', () => {
    expect(outcome('redundancy', 25)).toEqual(redundancy);
  });
});
