/** All runs of one simulation: each plan over the same network and the same payments, one after the other. */
import type { Strategies } from '../../amp/strategy.ts';
import type { SimGraph, SimPlan, SimRun } from './network.ts';
import { drawOrders } from './orders.ts';
import { randomOf } from './random.ts';
import type { Settings } from './settings.ts';
import { networkOf, simulate } from './simulation.ts';

export interface RunsHooks {
  /** Payments of all plans that have ended, the plan they are of, and how many there are to be. */
  readonly progress: (ended: number, plan: SimPlan, of: number) => void;
  /** Ends the run that is under way, and all after it. */
  readonly signal: AbortSignal;
}

/** What a mistake in a strategy is told with. */
const STRATEGY_FAILED = 'strategy_failed';

/**
 * Simulates every plan. A strategy at fault costs its run, which says why; ended from outside, there is what there is by then. Throws
 * RangeError for a network without two nodes that could pay.
 */
export const runAll = async (
  graph: SimGraph,
  settings: Settings,
  own: Strategies,
  { progress, signal }: RunsHooks,
): Promise<readonly SimRun[]> => {
  const { payments, least, most, rate, seed, plans, balances, limits, conditions, terms } = settings;
  const network = networkOf(graph);
  const orders = drawOrders(graph, { count: payments, least, most, rate }, randomOf(seed).fork('payments'));
  const runs: SimRun[] = [];
  for (const [n, plan] of plans.entries()) {
    if (signal.aborted) break;
    const failed = new AbortController();
    const run = await simulate(network, { seed, balances, limits, conditions, terms, strategies: own }, plan, orders, {
      progress: (ended, { why }) => {
        progress(n * payments + ended, plan, plans.length * payments);
        if (why?.startsWith(STRATEGY_FAILED) === true) failed.abort(why.slice(STRATEGY_FAILED.length + 2));
      },
      signal: AbortSignal.any([signal, failed.signal]),
    });
    runs.push(run);
  }
  return runs;
};
