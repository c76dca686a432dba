/** Payments from a node of ours to others of a network whose balances nobody knows, each for itself: what one moved, the next one finds as it was. */
import { Liquidity } from '../../node/simulate/liquidity.ts';
import type { SimGraph, SimPayment, SimPlan } from '../../node/simulate/network.ts';
import { randomOf } from '../../node/simulate/random.ts';
import { defaultTerms } from '../../node/simulate/requests.ts';
import { type SimNetwork, type SimOptions, simulate } from '../../node/simulate/simulation.ts';
import { maxFlow } from './maxflow.ts';

const joined = <T extends Float64Array | Uint32Array | Uint8Array>(array: T, more: readonly number[]): T => {
  const all = new (array.constructor as new (length: number) => T)(array.length + more.length);
  all.set(array as never);
  all.set(more as never, array.length);
  return all;
};

/** The network and one node more, the last, with a free channel of `capacity` sat to each of `peers`. */
export const withNode = (graph: SimGraph, peers: readonly number[], capacity: number): SimGraph => {
  const each = (value: number): readonly number[] => peers.flatMap(() => [value, value]);
  return {
    ...{ nodes: graph.nodes + 1, channels: graph.channels + peers.length },
    start: joined(
      graph.start,
      peers.map(() => graph.nodes),
    ),
    end: joined(graph.end, peers),
    capacity: joined(
      graph.capacity,
      peers.map(() => capacity),
    ),
    disabled: joined(graph.disabled, each(0)),
    htlcMinimum: joined(graph.htlcMinimum, each(0)),
    htlcMaximum: joined(graph.htlcMaximum, each(capacity * 1000)),
    ...{ feeBase: joined(graph.feeBase, each(0)), feeProportional: joined(graph.feeProportional, each(0)) },
    cltvDelta: joined(graph.cltvDelta, each(40)),
  };
};

const options: SimOptions = {
  ...{ seed: 7, balances: 'uniform' as const, limits: { slots: 483, inFlight: 1 } },
  conditions: { latency: { kind: 'fixed', ms: 100 }, failures: 0, stuck: 0, stuckFor: 0 },
  terms: defaultTerms,
};

/** The balances that payments of `pay` find. */
export const balancesOf = ({ graph }: SimNetwork): Liquidity =>
  new Liquidity(graph, options.balances, options.limits, randomOf(options.seed).fork('balances'));

/** One payment of `amount` msat from the last node to each of `payees`. */
export const pay = async (
  network: SimNetwork,
  plan: SimPlan,
  payees: readonly number[],
  amount: number,
): Promise<readonly SimPayment[]> => {
  const payer = network.graph.nodes - 1;
  const all: SimPayment[] = [];
  for (const payee of payees)
    all.push(...(await simulate(network, options, plan, [{ payer, payee, amount, at: undefined }])).payments);
  return all;
};

/** How many of `payees` the balances would let `amount` msat reach, were they known. */
export const possible = (network: SimNetwork, payees: readonly number[], amount: number): number => {
  const { balance } = balancesOf(network);
  const payer = network.graph.nodes - 1;
  return payees.filter((payee) => maxFlow(network.graph, network.directions, balance, payer, payee, amount) >= amount)
    .length;
};
