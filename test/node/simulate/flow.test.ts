/** Strategy flow through simulated networks: what no single way carries arrives, by every scheme, and a second plan learns from the first. */
import { describe, expect, test } from 'vitest';
import type { SimPlan } from '../../../node/simulate/network.ts';
import { defaultTerms } from '../../../node/simulate/requests.ts';
import { networkOf, type SimOptions, simulate } from '../../../node/simulate/simulation.ts';
import { graphOf, type TestChannel } from './graphs.ts';

const options: SimOptions = {
  ...{ seed: 7, balances: 'even', limits: { slots: 483, inFlight: 1 }, terms: defaultTerms },
  conditions: { latency: { kind: 'fixed', ms: 100 }, failures: 0, stuck: 0, stuckFor: 0 },
};
const plan = (scheme: string): SimPlan => ({ strategy: 'flow', scheme, redundancy: 0 });

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
