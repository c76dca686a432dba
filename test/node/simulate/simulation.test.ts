/** Simulated payments: the same for a seed, no msat made or lost, limits respected, and what each way of paying does. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Strategy } from '../../../amp/strategy.ts';
import type { Liquidity } from '../../../node/simulate/liquidity.ts';
import type { SimGraph, SimPlan, SimRun } from '../../../node/simulate/network.ts';
import { drawOrders, type SimOrder } from '../../../node/simulate/orders.ts';
import { randomOf } from '../../../node/simulate/random.ts';
import { defaultTerms } from '../../../node/simulate/requests.ts';
import { networkOf, type SimHooks, type SimOptions, simulate } from '../../../node/simulate/simulation.ts';
import { graphOf, ringWithChords } from './graphs.ts';

const options = (changes: Partial<SimOptions> = {}): SimOptions => ({
  ...{ seed: 7, balances: 'uniform', limits: { slots: 483, inFlight: 1 }, terms: { ...defaultTerms, maxShards: 12 } },
  terms: { ...defaultTerms, maxShards: 12 },
  conditions: { latency: { kind: 'fixed', ms: 100 }, failures: 0, stuck: 0, stuckFor: 0 },
  ...changes,
});
const plan = (changes: Partial<SimPlan> = {}): SimPlan => ({
  strategy: 'outlets',
  scheme: 'tree',
  redundancy: 0,
  ...changes,
});

const run = (graph: SimGraph, orders: readonly SimOrder[], so = options(), how = plan(), hooks: SimHooks = {}) =>
  simulate(networkOf(graph), so, how, orders, hooks);

const SAT = 1000;
const pay = (payer: number, payee: number, sat: number, at?: number): SimOrder => ({
  payer,
  payee,
  amount: sat * SAT,
  at,
});

/** Payer 0, payee 3, two ways between them by 1 and 2, each of which half of the capacity can go over. */
const diamond = graphOf(4, [
  { ends: [0, 1], capacity: 100_000 },
  { ends: [1, 3], capacity: 100_000 },
  { ends: [0, 2], capacity: 100_000 },
  { ends: [2, 3], capacity: 100_000 },
]);
const even = options({ balances: 'even' });

const plans: readonly SimPlan[] = [
  plan({ strategy: 'single' }),
  plan({ strategy: 'packets', scheme: 'single' }),
  plan({ strategy: 'halving', scheme: 'tree' }),
  plan({ strategy: 'congestion', scheme: 'dynamic' }),
  plan({ strategy: 'halving', scheme: 'mpp' }),
  plan({ scheme: 'fixed' }),
  plan({ scheme: 'threshold', redundancy: 2 }),
];

describe('a simulated payment', () => {
  test('of one HTLC takes the time of its hops there and back to the payer, and is delivered when the payee claims it', async () => {
    const { payments, took } = await run(diamond, [pay(0, 3, 40_000)], even);
    expect(payments).toMatchObject([
      { result: 'delivered', attempts: 1, parts: 1, arrived: 40_000_000, why: undefined },
    ]);
    // Two hops; the first was locked for four of them, the second for three less the way to it.
    expect(payments[0]?.endedAt).toBe(200);
    expect(took).toBe(200);
    expect(payments[0]?.fee).toBe(1 + 4000);
    expect(payments[0]?.locked).toBeCloseTo(40_004.001 * 0.4 + 40_000 * 0.2, 6);
  });

  test('that no one channel carries is cut, and arrives whole', async () => {
    const { payments } = await run(diamond, [pay(0, 3, 80_000)], even);
    expect(payments).toMatchObject([{ result: 'delivered', parts: 2, arrived: 80_000_000 }]);
  });

  test('in one HTLC does not arrive where no one channel carries it', async () => {
    const { payments } = await run(diamond, [pay(0, 3, 80_000)], even, plan({ strategy: 'single' }));
    expect(payments).toMatchObject([{ result: 'failed', why: 'amount_too_large', arrived: 0, attempts: 0, fee: 0 }]);
  });

  test('in packets that is cut off leaves the payee with some of it', async () => {
    const { payments } = await run(
      diamond,
      [pay(0, 3, 120_000)],
      even,
      plan({ strategy: 'packets', scheme: 'single' }),
    );
    expect(payments).toMatchObject([{ result: 'partly' }]);
    expect(payments[0]?.arrived).toBeGreaterThan(80_000_000);
    expect(payments[0]?.arrived).toBeLessThanOrEqual(100_000_000);
  });

  test('above all liquidity fails, and says that the amount is too large', async () => {
    const { payments } = await run(diamond, [pay(0, 3, 1_000_000_000)], even);
    expect(payments).toMatchObject([{ result: 'failed', why: 'amount_too_large' }]);
  });

  test('with redundancy arrives though one of its shards is kept for an hour', async () => {
    const three = graphOf(
      5,
      [1, 2, 3].flatMap((n) => [{ ends: [0, n], capacity: 9000 } as const, { ends: [n, 4], capacity: 9000 } as const]),
    );
    const conditions = { ...options().conditions, stuck: 0.2, stuckFor: 3_600_000 };
    const so = options({ seed: 4, balances: 'even', conditions, terms: { ...defaultTerms, shards: 2 } });
    const redundant = await run(three, [pay(0, 4, 6000)], so, plan({ scheme: 'threshold', redundancy: 1 }));
    expect(redundant.payments).toMatchObject([{ result: 'delivered', parts: 2, attempts: 3, arrived: 6_000_000 }]);
    expect(redundant.payments[0]?.endedAt).toBe(200);
  });

  test('whose strategy throws costs itself alone', async () => {
    const broken: Strategy = {
      ...{ name: 'broken', needsShards: false, usesWindows: false, split: () => undefined },
      cut: () => {
        throw new Error('no idea');
      },
    };
    const so = options({ balances: 'even', strategies: new Map([[broken.name, broken]]) });
    const { payments } = await run(diamond, [pay(0, 3, 10_000)], so, plan({ strategy: 'broken' }));
    expect(payments).toMatchObject([
      { result: 'failed', why: 'strategy_failed: broken: it threw no idea', attempts: 0 },
    ]);
  });
});

describe('a simulation', () => {
  test('with forwarders that fail by chance costs attempts, and other routes are found', async () => {
    const so = options({ balances: 'even', conditions: { ...options().conditions, failures: 0.5 } });
    const orders = Array.from({ length: 20 }, (_, n) => pay(0, 3, 10, n * 10_000));
    const { payments } = await run(diamond, orders, so);
    expect(payments.reduce((all, { attempts }) => all + attempts, 0)).toBeGreaterThan(25);
    expect(payments.some(({ result }) => result === 'delivered')).toBe(true);
  });
});

describe('the limits of channels', () => {
  test('on HTLCs at once hold the others up until there is room', async () => {
    const line = graphOf(2, [{ ends: [0, 1], capacity: 1_000_000 }]);
    const so = options({ balances: 'even', limits: { slots: 2, inFlight: 1 } });
    const { payments } = await run(
      line,
      [1, 2, 3, 4].map(() => pay(0, 1, 1000, 0)),
      so,
    );
    expect(payments.map(({ result }) => result)).toEqual(Array(4).fill('delivered'));
    expect(payments.map(({ endedAt }) => endedAt)).toEqual([100, 100, 300, 300]);
  });

  test('on what is in flight bound an HTLC', async () => {
    const line = graphOf(2, [{ ends: [0, 1], capacity: 100_000 }]);
    const so = options({ balances: 'even', limits: { slots: 30, inFlight: 0.1 } });
    const { payments } = await run(line, [pay(0, 1, 10_001)], so);
    expect(payments).toMatchObject([{ result: 'failed', why: 'amount_too_large' }]);
  });
});

describe('a run', () => {
  const graph = ringWithChords(12, 14, 3);
  const drawn = (seed: number, rate: number | undefined) =>
    drawOrders(graph, { count: 8, least: 1000 * SAT, most: 300_000 * SAT, rate }, randomOf(seed));

  test.each(plans)('by $strategy, $scheme and $redundancy is the same for the same seed', async (how) => {
    const so = options({
      conditions: { latency: { kind: 'tail', median: 80, spread: 0.5 }, failures: 0.05, stuck: 0.02, stuckFor: 5000 },
    });
    const once = await run(graph, drawn(5, 10), so, how);
    expect(await run(graph, drawn(5, 10), so, how)).toEqual(once);
  });

  test('neither makes nor loses a msat, leaves no HTLC, and tells of each payment, however payments meet', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          seed: fc.integer({ min: 0, max: 1_000_000 }),
          how: fc.constantFrom(...plans),
          balances: fc.constantFrom('uniform', 'bimodal', 'even'),
          slots: fc.integer({ min: 1, max: 6 }),
          inFlight: fc.constantFrom(0.2, 1),
          failures: fc.constantFrom(0, 0.2),
          rate: fc.constantFrom(undefined, 1, 50),
        }),
        async ({ seed, how, balances, slots, inFlight, failures, rate }) => {
          const conditions = {
            latency: { kind: 'between', least: 10, most: 400 },
            failures,
            stuck: 0.05,
            stuckFor: 9000,
          } as const;
          const so = options({ seed, balances, limits: { slots, inFlight }, conditions });
          let left: Liquidity | undefined;
          const orders = drawn(seed, rate);
          const made: SimRun = await run(graph, orders, so, how, { liquidity: (one) => (left = one) });
          expect(made.payments).toHaveLength(orders.length);
          for (let channel = 0; channel < graph.channels; channel++)
            expect(left?.total(channel)).toBe((graph.capacity[channel] ?? 0) * SAT);
          expect(left?.htlcs.every((count) => count === 0)).toBe(true);
          expect(left?.locked.every((amount) => amount === 0)).toBe(true);
          for (const { result, arrived, amount } of made.payments)
            expect(result === 'delivered' ? arrived >= amount : arrived < amount).toBe(true);
          if (how.strategy !== 'packets') expect(made.payments.every(({ result }) => result !== 'partly')).toBe(true);
        },
      ),
      { numRuns: 12, seed: 12 },
    );
  });

  test('that is ended from outside has the payments that were over by then', async () => {
    const abort = new AbortController();
    const progress = (ended: number): void => {
      if (ended === 4) abort.abort('interrupted');
    };
    const made = await run(graph, drawn(5, undefined), options(), plan(), { progress, signal: abort.signal });
    expect(made.cut).toBe('interrupted');
    expect(made.payments.length).toBe(4);
  });
});
