/** Strategy flow through simulated networks: what no single way carries arrives, by every scheme, and a second plan learns from the first. */
import { describe, expect, test } from 'vitest';
import { preferential } from '../../../node/simulate/generators.ts';
import type { SimPlan } from '../../../node/simulate/network.ts';
import { drawOrders } from '../../../node/simulate/orders.ts';
import { randomOf } from '../../../node/simulate/random.ts';
import { defaultTerms } from '../../../node/simulate/requests.ts';
import { networkOf, type SimOptions, simulate } from '../../../node/simulate/simulation.ts';
import { graphOf, type TestChannel } from './graphs.ts';

const options: SimOptions = {
  ...{ seed: 7, balances: 'even', limits: { slots: 483, inFlight: 1 }, terms: defaultTerms },
  conditions: { latency: { kind: 'fixed', ms: 100 }, failures: 0, stuck: 0, stuckFor: 0 },
};
const plan = (scheme: string, redundancy = 0, strategy = 'flow'): SimPlan => ({ strategy, scheme, redundancy });

/** Payer 0, payee 9, and ways between them by nodes 1 to 4, of which each side holds half of every channel. */
const ways = (...capacities: readonly number[]): readonly TestChannel[] =>
  capacities.flatMap((capacity, n): readonly TestChannel[] => [
    { ends: [0, n + 1], capacity: 1_000_000 },
    { ends: [n + 1, 9], capacity },
  ]);

describe.each(['mpp', 'tree', 'threshold', 'fixed', 'dynamic'])('by scheme %s', (scheme) => {
  test('an amount that needs three of four ways arrives', async () => {
    const network = networkOf(graphOf(10, ways(200_000, 200_000, 200_000, 200_000)));
    const orders = [{ payer: 0, payee: 9, amount: 240_000_000, at: undefined }];
    const { payments } = await simulate(network, options, plan(scheme), orders);
    expect(payments).toMatchObject([{ result: 'delivered', arrived: 240_000_000, why: undefined }]);
    expect(payments[0]?.parts).toBeGreaterThanOrEqual(3);
  });
});

test('what fails is planned again by what was learnt, in halves of what did not get through and not in slightly less', async () => {
  const network = networkOf(graphOf(10, ways(900_000, 900_000)));
  // Half of both channels carry it: nothing else tells that the first plan is too much for one of them.
  const orders = [{ payer: 0, payee: 9, amount: 880_000_000, at: undefined }];
  const { payments } = await simulate(network, options, plan('mpp'), orders);
  expect(payments).toMatchObject([{ result: 'delivered' }]);
  expect(payments[0]?.attempts).toBeLessThanOrEqual(12);
});

describe('with spare shards', () => {
  /** Room for one shard of 60,000 sat: half of it, and less than two shards without the channel reserve. */
  const narrow = { capacity: 122_000, htlcMaximum: 61_000_000 };
  /**
   * Payer 0, payee 9. The shortest way is by 1 and 5; the longer ones are by 1, 2 and 6, and by 4, 7 and 5. So one shard by the shortest way leaves
   * none for a second.
   */
  const crossing: readonly TestChannel[] = [
    { ends: [1, 5], capacity: 900_000 },
    { ends: [0, 1], ...narrow },
    { ends: [0, 4], ...narrow },
    { ends: [5, 9], ...narrow },
    { ends: [6, 9], ...narrow },
    ...[[1, 2] as const, [2, 6] as const, [4, 7] as const, [7, 5] as const].map((ends) => ({
      ends,
      capacity: 900_000,
    })),
  ];
  // Nothing goes from 5 back to 1.
  const graph = { ...graphOf(10, crossing), disabled: Uint8Array.from({ length: 18 }, (_, n) => (n === 1 ? 1 : 0)) };
  const paid = async (strategy: string) => {
    const terms = { ...defaultTerms, shards: 1 };
    const orders = [{ payer: 0, payee: 9, amount: 60_000_000, at: undefined }];
    const { payments } = await simulate(
      networkOf(graph),
      { ...options, terms },
      plan('threshold', 1, strategy),
      orders,
    );
    return payments[0];
  };

  test('a flow makes room for all of them, where one route after the other leaves out the spare one', async () => {
    expect(await paid('outlets')).toMatchObject({ result: 'delivered', attempts: 1, arrived: 60_000_000 });
    expect(await paid('flow')).toMatchObject({ result: 'delivered', attempts: 2, arrived: 60_000_000 });
  });
});

test('with spare shards a flow is another plan than routes one after the other, and arrives as often', async () => {
  const graph = preferential(60, 7);
  const network = networkOf(graph);
  const wish = { count: 30, least: 300_000_000, most: 3_000_000_000, rate: undefined };
  const orders = drawOrders(graph, wish, randomOf(7));
  const run = async (strategy: string) =>
    (await simulate(network, { ...options, balances: 'uniform' }, plan('threshold', 2, strategy), orders)).payments;
  const [flows, singly] = [await run('flow'), await run('outlets')];
  expect(flows).not.toEqual(singly);
  expect(flows).toEqual(await run('flow'));
  const delivered = (some: typeof flows) => some.filter(({ result }) => result === 'delivered').length;
  expect(delivered(flows)).toBeGreaterThanOrEqual(delivered(singly));
});
