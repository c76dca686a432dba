/** What others published, measured again: redundant parts under load. */
import { boomerang, type Way } from '../support/boomerang.ts';
import type { Bench, Scope } from './harness.ts';

const WAYS: readonly Way[] = ['retry', 'redundancy', 'redundant-retry'];
const EXTRAS = [0, 10, 25, 50, 100] as const;

/** Bagaria, Neu and Tse 2020, in their own setting: 100 nodes, 50 payments each, 25 parts. */
const redundantParts = (scope: Scope): void => {
  const rows = EXTRAS.flatMap((extra) => WAYS.map((way) => [extra, way] as const)).map(([extra, way]) => ({
    ...{ extra, way },
    outcome: boomerang({ nodes: 100, paymentsEach: 50, parts: 25, extra, way, seed: 1 }),
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

export const bench: Bench = {
  name: 'published',
  about: 'results that others published, in their setting: redundant parts (2020)',
  run: (scope) => redundantParts(scope),
};
