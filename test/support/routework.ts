/**
 * The work that Core Lightning's developers give their router on a real network: from a leaf with one channel to each of the hundred
 * best connected nodes, within half a percent of fees; first as it is asked, then again for one msat less until nothing is found.
 */

import type { Route, RouteQuery } from '../../amp/route.ts';
import { findFlow } from '../../node/graph/flowroutes.ts';
import type { RouteContext } from '../../node/graph/routecontext.ts';
import { findRoute } from '../../node/graph/routing.ts';
import { nodeId, scidOf } from '../../node/simulate/names.ts';
import type { SimGraph } from '../../node/simulate/network.ts';
import { BEGINNING, routingGraph } from '../../node/simulate/routes.ts';
import { msat } from '../../wire/units.ts';

/** What a router found for one destination: parts of the amount, each over a route. */
export type Answer = readonly Route[] | undefined;
export type RouterContext = RouteContext;
export type Router = (context: RouteContext, query: RouteQuery) => Answer;

export const singlePath: Router = (context, query) => {
  const { route } = findRoute(context, query, () => 1n);
  return route && [route];
};

/** A minimum-cost flow in at most 16 parts. */
export const flow: Router = (context, query) => findFlow(context, { ...query, flow: { most: 16, least: msat(1000n) } });

export interface Work {
  readonly graph: SimGraph;
  /** Where the leaf's channel leads to. */
  readonly peer: number;
  readonly amount: bigint;
}

/** What the leaf knows: its one channel holds more than all it may have to send. */
export const leafOf = ({ graph, peer, amount }: Work, preference: Partial<RouteContext> = {}): RouteContext => ({
  graph: routingGraph(graph),
  source: nodeId(graph.nodes),
  outlets: [{ scid: scidOf(graph.channels), peer: nodeId(peer), spendable: msat(2n * amount), slots: 483 }],
  hints: [],
  now: () => BEGINNING,
  tlvOnly: () => true,
  ...preference,
});

const [FINAL_CLTV, MOST_DELAY, MOST_HOPS] = [18, 2016, 20];

const queryOf = (destination: number, amount: bigint, maxFee: bigint): RouteQuery => ({
  ...{ query: 1, shard: 0, destination: nodeId(destination), amount: msat(amount), maxFee: msat(maxFee) },
  ...{ finalExpiry: FINAL_CLTV, maxExpiry: MOST_DELAY, maxHops: MOST_HOPS },
  ...{ excludedNodes: [], excluded: [], reserved: [] },
});

/** What routes cost together: the first hop is free. */
export const feesOf = (routes: readonly Route[]): bigint =>
  routes.reduce((sum, route) => sum + route[0].amount - (route.at(-1) ?? route[0]).amount, 0n);

/** The probability that all channels but the first carry what goes through them together, each balance as likely as another. */
export const probabilityOf = (graph: SimGraph, routes: readonly Route[]): number => {
  const through = new Map<string, { readonly capacity: number; readonly amount: number }>();
  for (const route of routes)
    route.forEach(({ scid, node, amount }, n) => {
      if (n === 0) return;
      const key = `${scid}/${node.join()}`;
      const capacity = (graph.capacity[Number(scid) - 1] ?? 0) * 1000;
      through.set(key, { capacity, amount: (through.get(key)?.amount ?? 0) + Number(amount) });
    });
  return [...through.values()].reduce(
    (all, { capacity, amount }) => all * Math.max(0, (capacity + 1 - amount) / (capacity + 1)),
    1,
  );
};

export interface WorkDone {
  /** Destinations for which there was an answer at all. */
  readonly reached: readonly number[];
  /** Msat for all of them together, and the mean probability of one, as asked first. */
  readonly fees: bigint;
  readonly probability: number;
  /** The same where each is asked for one msat less until nothing is found. */
  readonly leastFees: bigint;
  readonly leastProbability: number;
  /** Milliseconds of each first answer. */
  readonly times: readonly number[];
}

/** Asks a router for all of `destinations`; `thrifty` also asks for less and less. `now` tells milliseconds. */
export const work = (
  of: Work,
  context: RouteContext,
  router: Router,
  destinations: readonly number[],
  { thrifty, now }: { readonly thrifty: boolean; readonly now: () => number },
): WorkDone => {
  const reached: number[] = [];
  const times: number[] = [];
  let [fees, leastFees, probability, leastProbability] = [0n, 0n, 0, 0];
  for (const destination of destinations) {
    const begun = now();
    const first = router(context, queryOf(destination, of.amount, of.amount / 200n));
    times.push(now() - begun);
    if (first === undefined) continue;
    reached.push(destination);
    fees += feesOf(first);
    probability += probabilityOf(of.graph, first);
    let [least, fee] = [first, feesOf(first)];
    while (thrifty && fee > 0n) {
      const less = router(context, queryOf(destination, of.amount, fee - 1n));
      if (less === undefined) break;
      [least, fee] = [less, feesOf(less)];
    }
    leastFees += fee;
    leastProbability += probabilityOf(of.graph, least);
  }
  const count = Math.max(1, reached.length);
  return {
    reached,
    fees,
    probability: probability / count,
    leastFees,
    leastProbability: leastProbability / count,
    times,
  };
};
