/** A run in figures, and the figures as a table. */
import { describe, expect, test } from 'vitest';
import type { SimPayment, SimRun } from '../../../node/simulate/network.ts';
import { planName, reportLines } from '../../../node/simulate/report.ts';
import { summaryOf } from '../../../node/simulate/summary.ts';

const payment = (changes: Partial<SimPayment>): SimPayment => ({
  ...{ payer: 0, payee: 1, amount: 10_000_000, result: 'delivered', why: undefined, arrived: 10_000_000 },
  ...{ fee: 1000, attempts: 2, parts: 1, begunAt: 0, endedAt: 1000, knownAt: 1200, locked: 4 },
  ...changes,
});
const runOf = (payments: readonly SimPayment[], changes: Partial<SimRun> = {}): SimRun => ({
  ...{ plan: { strategy: 'halving', scheme: 'tree', redundancy: 0 }, payments, took: 10_000, cut: undefined },
  ...changes,
});

const mixed = runOf([
  payment({}),
  payment({ begunAt: 1000, endedAt: 4000, attempts: 4, parts: 3 }),
  payment({ amount: 200_000_000, arrived: 200_000_000, fee: 20_000, endedAt: 7000 }),
  payment({ amount: 200_000_000, arrived: 50_000_000, result: 'partly', why: 'no_route' }),
  payment({ amount: 900_000_000, arrived: 0, fee: 0, result: 'failed', why: 'no_route', attempts: 0, parts: 0 }),
]);

describe('the summary of a run', () => {
  test('has rates, means and quantiles', () => {
    expect(summaryOf(mixed).all).toEqual({
      ...{ least: undefined, below: undefined, payments: 5, delivered: 3, partly: 1, success_rate: 0.6 },
      ...{ attempts: 2, shards: 5 / 3, fee_ppm: 100, median_seconds: 3, p95_seconds: 7 },
      payer_knows_seconds: 1.2,
      ...{ locked_sat_seconds: 4, throughput_sat: 22_000, partly_arrived: 0.25, failures: { no_route: 2 } },
    });
  });

  test('has a row for each power of ten of the amount', () => {
    const rows = summaryOf(mixed).by_amount;
    expect(rows.map(({ least, below, payments }) => [least, below, payments])).toEqual([
      [10_000, 100_000, 2],
      [100_000, 1_000_000, 3],
    ]);
    expect(summaryOf(runOf([payment({})])).by_amount).toEqual([]);
  });

  test('of no payment at all has no times', () => {
    expect(summaryOf(runOf([], { took: 0 })).all).toMatchObject({
      payments: 0,
      success_rate: 0,
      median_seconds: undefined,
      throughput_sat: 0,
    });
  });
});

describe('the report', () => {
  test('is a table with a row for each amount, and says below why payments failed', () => {
    const lines = reportLines([summaryOf(mixed)], { width: 80 });
    expect(lines.slice(0, 4)).toEqual([
      'plan          from  n   ok %  tries  parts  ppm  med s  p95 s  sat·s  sat/s',
      'halving/tree   10k  2  100.0      3      2  100    1.0    3.0      4   2000',
      '              100k  3   33.3   1.33      1  100    7.0    7.0      4  20.0k',
      '               all  5   60.0      2   1.67  100    3.0    7.0      4  22.0k',
    ]);
    expect(lines.slice(4)).toEqual([
      '',
      'halving/tree: 1 cut off, 25 % of their amounts arrived',
      'halving/tree: 2 no route',
    ]);
  });

  test('tells why a run was ended', () => {
    const cut = runOf([payment({})], {
      cut: 'interrupted',
      plan: { strategy: 'outlets', scheme: 'threshold', redundancy: 2 },
    });
    expect(reportLines([summaryOf(cut)], { width: 80 }).at(-1)).toBe(
      'outlets/threshold+2: ended after 1 payment: interrupted',
    );
  });

  test('is no wider than its place', () => {
    const long = runOf(
      mixed.payments.map((one) => ({ ...one, locked: 1e15, attempts: 123.456, endedAt: 86_399_000 })),
      {
        plan: { strategy: 'a-strategy-with-a-very-long-name', scheme: 'threshold', redundancy: 12 },
      },
    );
    for (const line of reportLines([summaryOf(long)], { width: 80 }).slice(0, 4))
      expect(line.length).toBeLessThanOrEqual(80);
  });

  test('names plans in one word', () => {
    expect(planName({ strategy: 'single', scheme: 'single', redundancy: 0 })).toBe('single');
    expect(planName({ strategy: 'outlets', scheme: 'threshold', redundancy: 2 })).toBe('outlets/threshold+2');
  });
});
