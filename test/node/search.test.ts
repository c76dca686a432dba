/** The search over the graph as numbers: it finds what looking at every way finds, whatever became of the graph before. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Outlet, RouteQuery } from '../../amp/route.ts';
import { Graph, nodeKey } from '../../node/graph/graph.ts';
import { type Preference, preferredWeight, uniformCost } from '../../node/graph/likelihood.ts';
import { findRoute } from '../../node/graph/routing.ts';
import { hex } from '../../wire/bytes.ts';
import { msat, sat, scidOf, scidParts } from '../../wire/units.ts';
import { idOf, NOW } from '../support/graph.ts';
import { network } from '../support/network.ts';
import { propertyRuns } from '../support/runs.ts';

const names = ['me', 'a', 'b', 'c', 'd', 'e'];
const amount = 100_000n;
const query: RouteQuery = {
  ...{ query: 1, shard: 0, destination: idOf('e'), amount: msat(amount), maxFee: msat(1_000_000n), finalExpiry: 500 },
  ...{ maxExpiry: 2516, maxHops: 20, excludedNodes: [], excluded: [], reserved: [] },
};

interface Edge {
  readonly a: string;
  readonly b: string;
  readonly fee: number;
}

const edge: fc.Arbitrary<Edge> = fc
  .record({ a: fc.constantFrom(...names), b: fc.constantFrom(...names), fee: fc.nat(5000) })
  .filter(({ a, b }) => a !== b);

const graphOf = (edges: readonly Edge[]): Graph =>
  network(edges.map(({ a, b, fee }, i) => [a, b, i + 1, { feeBase: BigInt(fee), feeProportional: 0 }] as const));

const outletsOf = (edges: readonly Edge[]): readonly Outlet[] =>
  edges.flatMap(({ a, b }, i) =>
    a === 'me' || b === 'me'
      ? [{ scid: scidOf(i + 1, 0, 0), peer: idOf(a === 'me' ? b : a), spendable: msat(990_000_000n), slots: 483 }]
      : [],
  );

const routeIn = (graph: Graph, outlets: readonly Outlet[], prefer?: Preference) =>
  findRoute(
    { graph, outlets, source: idOf('me'), hints: [], tlvOnly: () => false, now: () => NOW, riskPerBlock: 0n, prefer },
    query,
  ).route;

/** The least cost of all ways without a circle: fees, and 100 msat a hop. */
const leastCost = (edges: readonly Edge[]): bigint | undefined => {
  let best: bigint | undefined;
  const walk = (at: string, cost: bigint, visited: readonly string[]): void => {
    if (at === 'e') {
      if (best === undefined || cost < best) best = cost;
      return;
    }
    for (const { a, b, fee } of edges) {
      const to = a === at ? b : b === at ? a : undefined;
      if (to === undefined || visited.includes(to)) continue;
      walk(to, cost + 100n + (at === 'me' ? 0n : BigInt(fee)), [...visited, to]);
    }
  };
  walk('me', 0n, ['me']);
  return best;
};

test('no way costs less than the route that is found, and one is found where there is one', () => {
  fc.assert(
    fc.property(fc.array(edge, { maxLength: 12 }), (edges) => {
      const route = routeIn(graphOf(edges), outletsOf(edges));
      const cost = route && route[0].amount - amount + 100n * BigInt(route.length);
      expect(cost).toBe(leastCost(edges));
    }),
    { numRuns: propertyRuns(150) },
  );
});

/** Of all ways from me to e without a circle: what a hop and what the improbability of its channels cost. */
const leastUnlikely = (graph: Graph, edges: readonly Edge[]): number | undefined => {
  const { compact } = graph;
  const costOf = (n: number): number => {
    const capacity = compact.capacity[compact.channelNumber(scidOf(n, 0, 0)) ?? 0] ?? 0;
    return uniformCost(capacity, Number(amount), preferredWeight('reliable', amount));
  };
  let best: number | undefined;
  const walk = (at: string, cost: number, visited: readonly string[]): void => {
    if (at === 'e') {
      if (best === undefined || cost < best) best = cost;
      return;
    }
    edges.forEach(({ a, b }, i) => {
      const to = a === at ? b : b === at ? a : undefined;
      if (to !== undefined && !visited.includes(to))
        walk(to, cost + 100 + (at === 'me' ? 0 : costOf(i + 1)), [...visited, to]);
    });
  };
  walk('me', 0, ['me']);
  return best;
};

test('no way is likelier than the route that is found where all are free, at 100 msat a hop', () => {
  const capacities = fc.array(fc.integer({ min: 101, max: 5_000 }), { minLength: 12, maxLength: 12 });
  fc.assert(
    fc.property(fc.array(edge, { maxLength: 12 }), capacities, (edges, sats) => {
      const graph = graphOf(edges.map((one) => ({ ...one, fee: 0 })));
      for (const channel of [...graph.channels])
        graph.addChannel({ ...channel, capacity: sat(BigInt(sats[scidParts(channel.scid).height - 1] ?? 0)) });
      const outlets = outletsOf(edges);
      const route = routeIn(graph, outlets, 'reliable');
      const cost = route?.reduce((sum, { scid }, i) => {
        const capacity = Number(graph.channel(scid)?.capacity ?? 0n) * 1000;
        return sum + 100 + (i === 0 ? 0 : uniformCost(capacity, Number(amount), preferredWeight('reliable', amount)));
      }, 0);
      const best = leastUnlikely(graph, edges);
      if (cost === undefined || best === undefined) expect(cost).toBe(best);
      else expect(cost).toBeCloseTo(best, 3);
    }),
    { numRuns: propertyRuns(150) },
  );
});

type Change =
  | { readonly change: 'remove' | 'again' | 'spend'; readonly n: number }
  | { readonly change: 'policy'; readonly n: number; readonly fee: number; readonly disabled: boolean }
  | { readonly change: 'node'; readonly name: string; readonly strange: boolean };

const n = fc.integer({ min: 1, max: 10 });
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ change: fc.constantFrom('remove' as const, 'again' as const, 'spend' as const), n }),
  fc.record({ change: fc.constant('policy' as const), n, fee: fc.nat(5000), disabled: fc.boolean() }),
  fc.record({ change: fc.constant('node' as const), name: fc.constantFrom(...names), strange: fc.boolean() }),
);

const make = (graph: Graph, original: Graph, one: Change): void => {
  if (one.change === 'node') {
    const empty = { features: new Uint8Array(0) };
    const id = nodeKey(idOf(one.name));
    // As gossip: a node without channels is not kept.
    if (graph.hasChannel(id))
      graph.setNode({ id, timestamp: NOW, alias: '', ...empty, unknownFeature: one.strange ? 1000 : undefined });
    return;
  }
  const scid = scidOf(one.n, 0, 0);
  const channel = original.channel(scid);
  const policy = channel?.policies[0];
  if (channel === undefined || policy === undefined) return;
  if (one.change === 'policy')
    graph.setPolicy(scid, 0, { ...policy, feeBase: msat(BigInt(one.fee)), disabled: one.disabled });
  else if (one.change === 'remove') graph.removeChannel(scid);
  else if (one.change === 'again') graph.addChannel(channel);
  else graph.setSpent(scid, 900);
};

test('a graph that changed gives the routes of one that was always as it is now', () => {
  fc.assert(
    fc.property(
      fc.array(edge, { minLength: 4, maxLength: 10 }),
      fc.array(change, { maxLength: 20 }),
      (edges, changes) => {
        const [graph, original] = [graphOf(edges), graphOf(edges)];
        for (const one of changes) make(graph, original, one);
        const fresh = new Graph();
        for (const channel of graph.channels) fresh.addChannel(channel);
        for (const node of graph.nodes) fresh.setNode(node);
        const outlets = outletsOf(edges);
        const costOf = (route: ReturnType<typeof routeIn>) =>
          route && [route[0].amount + 100n * BigInt(route.length), hex(route.at(-1)?.node ?? new Uint8Array())];
        expect(costOf(routeIn(graph, outlets))).toEqual(costOf(routeIn(fresh, outlets)));
        expect(fresh.compact.nodesEnd).toBeLessThanOrEqual(names.length);
        expect(graph.compact.nodesEnd).toBeLessThanOrEqual(names.length);
      },
    ),
    { numRuns: propertyRuns(150) },
  );
});

test('an amount that no number holds exactly has no route', () => {
  const edges = [{ a: 'me', b: 'e', fee: 0 }];
  const wide = outletsOf(edges).map((outlet) => ({ ...outlet, spendable: msat(2n ** 63n) }));
  const ask = (sent: bigint) =>
    findRoute(
      { graph: graphOf(edges), outlets: wide, source: idOf('me'), hints: [], tlvOnly: () => false, now: () => NOW },
      { ...query, amount: msat(sent) },
      () => 1n,
    );
  expect(ask(2n ** 53n)).toEqual({ route: undefined });
  expect(ask(2n ** 53n - 1n).route?.[0].amount).toBe(2n ** 53n - 1n);
});
