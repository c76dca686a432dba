/** What others published, measured again: redundant parts under load, and flows that deliver nearly all that a payer has. */
import { preferential } from '../../node/simulate/generators.ts';
import { Liquidity } from '../../node/simulate/liquidity.ts';
import { randomOf } from '../../node/simulate/random.ts';
import { networkOf } from '../../node/simulate/simulation.ts';
import { boomerang, type Way } from '../support/boomerang.ts';
import { inRounds, localBalance } from '../support/rounds.ts';
import { flow, singlePath } from '../support/routework.ts';
import { type Bench, median, type Scope } from './harness.ts';

const WAYS: readonly Way[] = ['retry', 'redundancy', 'redundant-retry'];
const EXTRAS = [0, 10, 25, 50, 100] as const;

/** Bagaria, Neu and Tse 2020, in their own setting: 100 nodes, 20 payments each, 25 parts. */
const redundantParts = (scope: Scope): void => {
  const rows = EXTRAS.flatMap((extra) => WAYS.map((way) => [extra, way] as const)).map(([extra, way]) => ({
    ...{ extra, way },
    outcome: boomerang({ nodes: 100, paymentsEach: 20, parts: 25, extra, way, seed: 1 }),
  }));
  const tables = [
    ['mean time to completion', 'seconds', ({ seconds }) => seconds],
    ['throughput', 'amount per second', ({ throughput }) => throughput],
    ['delivered', 'percent', ({ delivered, wanted }) => (100 * delivered) / wanted],
    ['attempts', 'per payment', ({ attempts, wanted }) => attempts / wanted],
  ] as const satisfies readonly (readonly [string, string, (outcome: ReturnType<typeof boomerang>) => number])[];
  for (const [title, unit, figure] of tables) {
    scope.table(`redundant parts: ${title}, by parts beyond 25`, unit);
    for (const { extra, way, outcome } of rows) scope.put(String(extra), way, figure(outcome));
  }
};

const [NODES, PAYERS, MOST_ROUNDS] = [200, 30, 30];

/** Pickhardt and Richter 2021: from each of the newest nodes of a network to the best connected one. */
const flowsInRounds = ({ table, put }: Scope): void => {
  const network = networkOf(preferential(NODES, 3, { channels: 5 }));
  const liquidity = new Liquidity(network.graph, 'uniform', { slots: 483, inFlight: 1 }, randomOf('b'));
  const world = { ...network, liquidity };
  const payers = Array.from({ length: PAYERS }, (_, n) => NODES - 1 - n);
  table(
    `${PAYERS} payers send a part of all that they have, in at most ${MOST_ROUNDS} rounds`,
    'rounds and attempts: medians',
  );
  for (const part of [0.5, 0.8, 0.9])
    for (const [name, router] of [
      ['flow', flow],
      ['a path a round', singlePath],
    ] as const) {
      const all = payers.map((payer) => {
        const amount = BigInt(Math.floor(part * localBalance(world, payer)));
        return { amount, ...inRounds(world, { payer, payee: 0, amount, maxFee: amount / 20n }, router, MOST_ROUNDS) };
      });
      const whole = all.filter(({ amount, arrived }) => arrived === amount);
      const row = `${100 * part} %, ${name}`;
      put(row, 'delivered', whole.length);
      put(row, 'in < 10 rounds', whole.filter(({ rounds }) => rounds < 10).length);
      put(row, 'rounds', median(whole.map(({ rounds }) => rounds)));
      put(row, 'attempts', median(whole.map(({ attempts }) => attempts)));
    }
};

export const bench: Bench = {
  name: 'published',
  about: 'results that others published, in their setting: redundant parts (2020), flows in rounds (2021)',
  run: (scope) => {
    flowsInRounds(scope);
    redundantParts(scope);
  },
};
