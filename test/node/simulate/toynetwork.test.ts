/** Amounts that most channels of a network cannot carry: retried alone, few of them arrive. */
import { expect, test } from 'vitest';
import { halve } from '../../../amp/cut.ts';
import { strategies } from '../../../amp/strategies.ts';
import type { Strategy } from '../../../amp/strategy.ts';
import { smallWorld } from '../../../node/simulate/generators.ts';
import { drawOrders } from '../../../node/simulate/orders.ts';
import { randomOf } from '../../../node/simulate/random.ts';
import { settingsOf } from '../../../node/simulate/settings.ts';
import { networkOf, simulate } from '../../../node/simulate/simulation.ts';
import { plainTerms } from '../../../node/simulate/terms.ts';

/** Cuts as the default does, and splits nothing while there is a way left for all of it. */
const retrying: Strategy = {
  ...{ name: 'retrying', needsShards: false, usesWindows: false },
  cut: (wish, outlets) => strategies.get('outlets')?.cut(wish, outlets),
  split: ({ minShard }, { amount, cause, largest }) =>
    cause === 'no_route' ? halve(amount, minShard, largest) : undefined,
};

test('of amounts near what channels hold, more arrive where a part is split that several channels did not carry', async () => {
  const own = new Map([[retrying.name, retrying]]);
  const settings = settingsOf(
    { strategies: 'outlets,retrying', amount: '700k..950k', seed: '3', latency: '1000', deadline: '30' },
    own,
  );
  const graph = smallWorld(60, settings.seed, { neighbours: 8, rewired: 0.3 }, plainTerms(1_000_000));
  const network = networkOf(graph);
  const orders = drawOrders(graph, { ...settings, count: 12 }, randomOf(settings.seed));
  const delivered: number[] = [];
  for (const plan of settings.plans) {
    const { payments } = await simulate(network, { ...settings, strategies: own }, plan, orders);
    delivered.push(payments.filter(({ result }) => result === 'delivered').length);
  }
  const [splitting = 0, before = 0] = delivered;
  // 12 and 5, of 12.
  expect(splitting).toBeGreaterThanOrEqual(before + 4);
});
