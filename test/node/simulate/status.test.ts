/** A status session between payer and payee: what hangs is replaced without being paid twice, and what is complete is known. */
import { describe, expect, test } from 'vitest';
import { EventQueue } from '../../../node/simulate/eventqueue.ts';
import type { Latency } from '../../../node/simulate/latency.ts';
import type { Liquidity } from '../../../node/simulate/liquidity.ts';
import type { SimPlan, SimRun } from '../../../node/simulate/network.ts';
import { drawOrders } from '../../../node/simulate/orders.ts';
import { randomOf } from '../../../node/simulate/random.ts';
import { planName } from '../../../node/simulate/report.ts';
import { defaultTerms } from '../../../node/simulate/requests.ts';
import { settingsOf } from '../../../node/simulate/settings.ts';
import { networkOf, type SimOptions, simulate } from '../../../node/simulate/simulation.ts';
import { patienceOf, StatusSession, statusKinds } from '../../../node/simulate/status.ts';
import { summaryOf } from '../../../node/simulate/summary.ts';
import { graphOf, ringWithChords } from './graphs.ts';

const latency: Latency = { kind: 'fixed', ms: 100 };
const optionsOf = (stuck: number, seed = 7): SimOptions => ({
  ...{ seed, balances: 'even', limits: { slots: 483, inFlight: 1 } },
  terms: { ...defaultTerms, shards: 4 },
  conditions: { latency, failures: 0, stuck, stuckFor: 300_000 },
});
const planOf = (changes: Partial<SimPlan>): SimPlan => ({
  ...{ strategy: 'equal', scheme: 'threshold', redundancy: 0 },
  ...changes,
});

const graph = ringWithChords(30, 60, 3);
const orders = drawOrders(graph, { count: 40, least: 1e6, most: 2e7, rate: 5 }, randomOf(5));
const run = async (plan: SimPlan, stuck: number): Promise<{ readonly made: SimRun; readonly left: Liquidity }> => {
  const all: Liquidity[] = [];
  const made = await simulate(networkOf(graph), optionsOf(stuck), plan, orders, {
    liquidity: (one) => void all.push(one),
  });
  const [left] = all;
  if (left === undefined) throw new Error('the run has not ended');
  return { made, left };
};

describe('a status session', () => {
  test.each(['tree', 'threshold'])(
    'brings payments by %s whose shards hang to their payees, and sooner, at once or over a distance',
    async (scheme) => {
      const { all: none } = summaryOf((await run(planOf({ scheme }), 0.08)).made);
      expect(none.delivered).toBeLessThan(0.9 * orders.length);
      for (const status of ['perfect', 'distant'] as const) {
        const { all } = summaryOf((await run(planOf({ scheme, status }), 0.08)).made);
        expect(all.delivered).toBe(orders.length);
        expect(all.p95_seconds).toBeLessThan((none.p95_seconds ?? 0) / 4);
      }
    },
  );

  test('has nobody pay twice: no more is claimed than was owed, and what hung is back in the end', async () => {
    for (const status of statusKinds) {
      const { made, left } = await run(planOf({ status, redundancy: 2 }), 0.08);
      for (const { arrived, amount } of made.payments) expect(arrived === 0 || arrived - amount < 4).toBe(true);
      for (let channel = 0; channel < graph.channels; channel++)
        expect(left.total(channel)).toBe((graph.capacity[channel] ?? 0) * 1000);
      expect(left.htlcs.every((count) => count === 0)).toBe(true);
    }
  });

  test('counts what a replaced HTLC has locked until it is back', async () => {
    const [without, replaced] = await Promise.all([run(planOf({}), 0.08), run(planOf({ status: 'perfect' }), 0.08)]);
    const locked = ({ made }: typeof without) => summaryOf(made).all.locked_sat_seconds;
    // One shard in a few hangs for as long as before; the others no longer wait for it.
    expect(locked(replaced)).toBeGreaterThan(locked(without) / 10);
    expect(locked(replaced)).toBeLessThan(locked(without));
  });

  test('tells the payer that all has arrived when it has, and not a way back later', async () => {
    const line = graphOf(3, [
      { ends: [0, 1], capacity: 100_000 },
      { ends: [1, 2], capacity: 100_000 },
    ]);
    const knows = async (status: SimPlan['status']) => {
      const order = { payer: 0, payee: 2, amount: 8_000_000, at: undefined };
      const { payments } = await simulate(networkOf(line), optionsOf(0), planOf({ scheme: 'tree', status }), [order]);
      return payments.map(({ endedAt, knownAt }) => [endedAt, knownAt]);
    };
    expect(await knows(undefined)).toEqual([[200, 400]]);
    expect(await knows('perfect')).toEqual([[200, 200]]);
    expect(await knows('distant')).toEqual([[200, 300]]);
  });

  test('has an HTLC that reaches the payee before it is to be refused stay as it is', () => {
    const queue = new EventQueue();
    const session = new StatusSession('distant', { queue, latency, random: randomOf(1) });
    const said: string[] = [];
    session.standsStill({
      isThere: () => queue.now >= 200,
      refuse: () => void said.push('refused'),
      replace: () => void said.push('replaced'),
    });
    while (queue.step());
    expect(said).toEqual([]);
    session.standsStill({
      isThere: () => false,
      refuse: () => void said.push(`refused ${queue.now}`),
      replace: () => void said.push(`replaced ${queue.now}`),
    });
    while (queue.step());
    expect(said).toEqual(['refused 400', 'replaced 500']);
  });

  test('waits for as long as a hop may take', () => {
    expect(patienceOf(latency)).toBe(100);
    expect(patienceOf({ kind: 'between', least: 50, most: 300 })).toBe(300);
    const tail = { kind: 'tail', median: 150, spread: 0.6 } as const;
    expect(patienceOf(tail)).toBeGreaterThan(150);
    expect(patienceOf({ ...tail, spread: 0 })).toBe(150);
  });

  test('is a plan of its own for every AMP, and for nothing else', () => {
    const flags = { strategies: 'single,outlets', schemes: 'tree,mpp', status: 'none,perfect,distant' };
    expect(settingsOf(flags).plans.map(planName)).toEqual([
      ...['single', 'outlets/tree', 'outlets/tree?perfect', 'outlets/tree?distant', 'outlets/mpp'],
    ]);
    expect(() => settingsOf({ status: 'good' })).toThrow(
      "--status: expected one of none, perfect, distant, got 'good'",
    );
  });
});
