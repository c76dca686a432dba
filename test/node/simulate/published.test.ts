/** What others measured and published comes out here, too, at a small size with fixed seeds; `npm run bench -- published` has it in full. */
import { describe, expect, test } from 'vitest';
import { preferential } from '../../../node/simulate/generators.ts';
import { Liquidity } from '../../../node/simulate/liquidity.ts';
import { randomOf } from '../../../node/simulate/random.ts';
import { networkOf } from '../../../node/simulate/simulation.ts';
import { boomerang, type Way } from '../../support/boomerang.ts';
import { inRounds, localBalance } from '../../support/rounds.ts';
import { flow, type Router, singlePath } from '../../support/routework.ts';

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
  test('raise throughput by more than a fifth, and so do they together with retries', () => {
    expect(redundancy.throughput / retry.throughput).toBeGreaterThan(1.2);
    expect(both.throughput / retry.throughput).toBeGreaterThan(1.2);
  });
  test('leave no payment behind that would be delivered without them, and cost as many attempts as there are parts', () => {
    expect(redundancy.delivered).toBeGreaterThan(none.delivered);
    expect([redundancy.wanted, redundancy.attempts, none.attempts]).toEqual([500, 500 * 50, 500 * 25]);
  });
  test('are the same for the same seed', () => {
    expect(outcome('redundancy', 25)).toEqual(redundancy);
  });
});

describe('minimum-cost flows in rounds, as Pickhardt and Richter describe them', () => {
  const network = networkOf(preferential(200, 3, { channels: 5 }));
  const world = {
    ...network,
    liquidity: new Liquidity(network.graph, 'uniform', { slots: 483, inFlight: 1 }, randomOf('b')),
  };
  const deliver = (payer: number, router: Router, most: number) => {
    const amount = BigInt(Math.floor(0.9 * localBalance(world, payer)));
    return { amount, ...inRounds(world, { payer, payee: 0, amount, maxFee: amount / 20n }, router, most) };
  };
  test.each([199, 197, 194, 192, 191, 188])(
    'deliver nine tenths of all that node %d has, in fewer than ten rounds, which no single path does in fifty',
    (payer) => {
      const { amount, arrived, rounds, fees } = deliver(payer, flow, 9);
      expect(arrived).toBe(amount);
      expect(rounds).toBeLessThan(10);
      expect(fees).toBeLessThan(amount / 100n);
      const whole: Router = (context, query) => (query.amount === amount ? singlePath(context, query) : undefined);
      expect(deliver(payer, whole, 50).arrived).toBe(0n);
    },
  );
  test('leave all balances as they were, once what was locked is given back', () => {
    const before = [...world.liquidity.balance];
    deliver(191, flow, 9);
    expect([...world.liquidity.balance]).toEqual(before);
    expect(Math.max(...world.liquidity.locked)).toBe(0);
  });
});
