/** The search for a way through the announced network. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Outlet, RouteQuery } from '../../amp/route.ts';
import { type Graph, nodeKey } from '../../node/graph/graph.ts';
import { fadedBounds, type Preference } from '../../node/graph/likelihood.ts';
import type { Hint, Penalties } from '../../node/graph/routecontext.ts';
import { findRoute, forwardingFee, hasRouteAtRest } from '../../node/graph/routing.ts';
import type { SearchTerms } from '../../node/graph/search.ts';
import { hex } from '../../wire/bytes.ts';
import { msat, sat, scidOf, scidParts } from '../../wire/units.ts';
import { idOf, NOW } from '../support/graph.ts';
import { network } from '../support/network.ts';

const query = (to: string, amount: bigint, more: Partial<RouteQuery> = {}): RouteQuery => ({
  ...{ query: 1, shard: 0, destination: idOf(to), amount: msat(amount), maxFee: msat(1_000_000n), finalExpiry: 500 },
  maxExpiry: 2516,
  ...{ maxHops: 20, excludedNodes: [], excluded: [], reserved: [] },
  ...more,
});
const outlet = (to: string, n: number, spendable = 990_000_000n): Outlet => ({
  scid: scidOf(n, 0, 0),
  peer: idOf(to),
  spendable: msat(spendable),
  slots: 483,
});
const from = (graph: Graph, outlets: readonly Outlet[]) => ({
  ...{ graph, outlets, source: idOf('me'), hints: [], tlvOnly: () => false, now: () => NOW },
});
/** A private channel to z, as its invoice names it. */
const hint = (of: string): Hint => ({
  ...{ from: idOf(of), to: idOf('z'), scid: scidOf(9, 0, 0) },
  ...{ feeBase: msat(5n), feeProportional: 0, cltvExpiryDelta: 9 },
});
const path = (found: ReturnType<typeof findRoute>): readonly string[] | undefined =>
  found.route?.map(({ scid: id }) => String(scidParts(id).height));

/** The answer where not even a small part of the amount has a route. */
const noWay = { route: undefined, largest: 0n };

/** What was learnt: this channel costs 5,000 sat more. */
const penaltyOn = (n: number): Penalties => ({
  scids: () => [scidOf(n, 0, 0)],
  of: (scid) => (scid === scidOf(n, 0, 0) ? 5_000_000n : 0n),
});

describe('a route', () => {
  const graph = network([
    ['me', 'b', 1],
    ['me', 'c', 2],
    ['b', 'd', 3],
    ['c', 'd', 4, { feeBase: 10n }],
    ['d', 'e', 5],
  ]);
  const outlets = [outlet('b', 1), outlet('c', 2)];

  test('is the cheapest, with every amount and expiry what the next hop asks', () => {
    const found = findRoute(from(graph, outlets), query('d', 100_000n));
    expect(path(found)).toEqual(['2', '4']);
    expect(found.route).toMatchObject([
      { node: idOf('c'), amount: 100_000n + 10n + 1n, expiry: 534 },
      { node: idOf('d'), amount: 100_000n, expiry: 500 },
    ]);
  });
  test('avoids channels, nodes and amounts that failed', () => {
    const excluded = [{ scid: scidOf(4, 0, 0), from: idOf('c'), atLeast: msat(50_000n) }];
    expect(path(findRoute(from(graph, outlets), query('d', 100_000n, { excluded })))).toEqual(['1', '3']);
    const alone = from(graph, outlets.slice(1));
    expect(path(findRoute(alone, query('d', 49_999n, { excluded })))).toEqual(['2', '4']);
    expect(findRoute(alone, query('d', 50_000n, { excluded })).route).toBeUndefined();
    expect(path(findRoute(from(graph, outlets), query('d', 100_000n, { excludedNodes: [idOf('c')] })))).toEqual([
      '1',
      '3',
    ]);
  });
  test('avoids a channel that did not carry a little more, until that was long ago', () => {
    const whereItCounts = (weight: number) => {
      const of = (scid: bigint, _: string, capacity: number) =>
        scid === scidOf(4, 0, 0) ? fadedBounds({ low: 0, high: 60_000 }, capacity, 0, weight) : undefined;
      const learnt = { scids: () => [scidOf(4, 0, 0)], of };
      return path(findRoute({ ...from(graph, outlets), learnt }, query('d', 50_000n)));
    };
    expect([whereItCounts(1), whereItCounts(0.9), whereItCounts(0)]).toEqual([
      ['1', '3'],
      ['1', '3'],
      ['2', '4'],
    ]);
  });
  test('avoids a channel that has a penalty, and takes it where there is no other way', () => {
    const context = { ...from(graph, outlets), penalties: penaltyOn(4) };
    expect(path(findRoute(context, query('d', 100_000n)))).toEqual(['1', '3']);
    expect(path(findRoute({ ...context, outlets: outlets.slice(1) }, query('d', 100_000n)))).toEqual(['2', '4']);
  });
  test('costs no more than is allowed where a penalty would lead to a dearer one', () => {
    const { route } = findRoute(
      { ...from(graph, outlets), penalties: penaltyOn(4) },
      query('d', 100_000n, { maxFee: msat(11n) }),
    );
    expect(route?.map(({ scid }) => scid)).toEqual([scidOf(2, 0, 0), scidOf(4, 0, 0)]);
  });
  test('is not looked for where our channels with room lead to peers that have no other channel', () => {
    const ours = [outlet('b', 1, 0n), outlet('leaf', 9)];
    let searches = 0;
    const watched = {
      compact: graph.compact,
      connection: graph.connection,
      search: {
        cheapest: (terms: SearchTerms) => {
          searches++;
          return graph.search.cheapest(terms);
        },
      },
    };
    const context = { ...from(graph, ours), graph: watched };
    expect(findRoute(context, query('e', 100_000n))).toEqual(noWay);
    expect(searches).toBe(0);
    expect(path(findRoute(context, query('leaf', 100_000n)))).toEqual(['9']);
    const hint = { from: idOf('leaf'), to: idOf('x'), scid: scidOf(8, 0, 0) };
    const terms = { feeBase: msat(1n), feeProportional: 0, cltvExpiryDelta: 6 };
    expect(path(findRoute({ ...context, hints: [{ ...hint, ...terms }] }, query('x', 100_000n)))).toEqual(['9', '8']);
  });
  test('past what failed before takes no more of the fees than the part of its shard, where a cheaper one is left', () => {
    const way = (fair: bigint, with4 = true) =>
      path(
        findRoute(
          { ...from(graph, with4 ? outlets : outlets.slice(0, 1)), penalties: penaltyOn(4) },
          query('d', 100_000n, { maxFee: msat(20_000n), fairFee: msat(fair) }),
        ),
      );
    expect([way(1_001n), way(1_000n), way(0n, false)]).toEqual([
      ['1', '3'],
      ['2', '4'],
      ['1', '3'],
    ]);
  });
  test('leaves by no channel of ours whose peer takes no HTLC so small', () => {
    const ours = [
      { ...outlet('b', 1), minimum: msat(5_000n) },
      { ...outlet('c', 2), minimum: msat(200_000n) },
    ];
    const way = (amount: bigint) => path(findRoute(from(graph, ours), query('d', amount)));
    expect([way(3_998n), way(4_000n), way(199_988n), way(200_000n)]).toEqual([
      undefined,
      ['1', '3'],
      ['1', '3'],
      ['2', '4'],
    ]);
  });
  test('leaves out the capacity that other shards use', () => {
    const reserved = [
      { scid: scidOf(4, 0, 0), from: idOf('c'), amount: msat(950_000_000n), count: 1, offered: true },
      { scid: scidOf(1, 0, 0), from: undefined, amount: msat(950_000_000n), count: 1, offered: false },
    ];
    expect(findRoute(from(graph, outlets), query('d', 100_000_000n, { reserved }))).toEqual({
      route: undefined,
      largest: msat(50_000_000n),
    });
  });
  test('goes through a small channel at no fee where that is preferred, and through a large and dear one where it must arrive', () => {
    const both = network([
      ['me', 'b', 1],
      ['me', 'c', 2],
      ['b', 'd', 3, { feeBase: 0n, feeProportional: 0 }],
      ['c', 'd', 4, { feeBase: 1_000_000n, feeProportional: 0 }],
    ]);
    const large = both.channel(scidOf(4, 0, 0));
    if (large === undefined) throw new Error('no channel');
    const [policy] = large.policies;
    const wider = policy && { ...policy, htlcMaximum: msat(100_000_000_000n) };
    both.addChannel({ ...large, capacity: sat(100_000_000n), policies: [wider, wider] });
    const way = (prefer: Preference | undefined, amount = 600_000_000n) =>
      path(findRoute({ ...from(both, outlets), prefer }, query('d', amount)));
    expect([way('cheap'), way('balanced'), way('reliable'), way('reliable', 1000n)]).toEqual([
      ['1', '3'],
      ['1', '3'],
      ['2', '4'],
      ['1', '3'],
    ]);
    expect(way(undefined)).toEqual(way('balanced'));
  });
  test('that is as likely as preferred and costs too much makes way for one that costs little enough', () => {
    const ways = network([
      ['me', 'b', 1],
      ['me', 'c', 2],
      ['b', 'd', 3, { feeBase: 0n, feeProportional: 0 }],
      ['c', 'd', 4, { feeBase: 600_000n, feeProportional: 0 }],
    ]);
    const large = ways.channel(scidOf(4, 0, 0));
    if (large === undefined) throw new Error('no channel');
    ways.addChannel({ ...large, capacity: sat(100_000_000n) });
    const way = (most: bigint) =>
      path(findRoute({ ...from(ways, outlets), prefer: 'reliable' }, query('d', 600_000_000n, { maxFee: msat(most) })));
    expect([way(600_000n), way(599_999n)]).toEqual([
      ['2', '4'],
      ['1', '3'],
    ]);
  });
  test('leaves by a channel of ours only while that has an HTLC slot which the other shards leave', () => {
    const taken = { scid: scidOf(2, 0, 0), from: undefined, amount: msat(1000n) };
    const few = [outlet('b', 1), { ...outlet('c', 2), slots: 2 }];
    const pathWith = (count: number, offered: boolean) =>
      path(findRoute(from(graph, few), query('d', 100_000n, { reserved: [{ ...taken, count, offered }] })));
    expect([pathWith(1, false), pathWith(2, false), pathWith(2, true)]).toEqual([
      ['2', '4'],
      ['1', '3'],
      ['2', '4'],
    ]);
  });
  test('is there at rest where HTLCs of others alone are in the way', () => {
    const full = { ...outlet('c', 2, 0n), slots: 0, atRest: { spendable: msat(990_000n), slots: 2 } };
    const isAtRest = (amount: bigint, outlets: readonly Outlet[] = [full], more: Partial<RouteQuery> = {}): boolean =>
      hasRouteAtRest(from(graph, outlets), query('d', amount, more));
    expect(findRoute(from(graph, [full]), query('d', 100_000n))).toEqual(noWay);
    expect([isAtRest(100_000n), isAtRest(990_001n)]).toEqual([true, false]);
    expect(isAtRest(100_000n, [outlet('c', 2, 0n)])).toBe(false);
    const own = { scid: scidOf(2, 0, 0), from: undefined, count: 1, offered: true };
    expect(isAtRest(100_000n, [full], { reserved: [{ ...own, amount: msat(100_000n) }] })).toBe(true);
    expect(isAtRest(100_000n, [full], { reserved: [{ ...own, amount: msat(900_000n) }] })).toBe(false);
    expect(isAtRest(100_000n, [full], { reserved: [{ ...own, amount: msat(1000n), count: 2 }] })).toBe(false);
  });
  test('is not found beyond the fee limit or the hop limit', () => {
    expect(findRoute(from(graph, outlets), query('e', 100_000n, { maxFee: msat(100n) })).route).toBeUndefined();
    expect(findRoute(from(graph, outlets), query('e', 100_000n, { maxHops: 2 })).route).toBeUndefined();
    expect(path(findRoute(from(graph, outlets), query('e', 100_000n, { maxHops: 3 })))).toEqual(['2', '4', '5']);
  });
  test('does not go through a channel or node that requires an unknown feature, but may end at such a node', () => {
    const closed = network([
      ['me', 'b', 1],
      ['me', 'c', 2],
      ['b', 'd', 3],
      ['c', 'd', 4, { feeBase: 10n }],
      ['d', 'e', 5],
    ]);
    const strange = (name: string, unknownFeature?: number) =>
      closed.setNode({
        ...{ id: nodeKey(idOf(name)), timestamp: NOW, alias: name, features: new Uint8Array(0) },
        ...{ raw: new Uint8Array(0), unknownFeature },
      });
    const to = (name: string) => path(findRoute(from(closed, outlets), query(name, 100_000n)));
    strange('c', 1000);
    expect(to('d')).toEqual(['1', '3']);
    expect(to('c')).toEqual(['2']);
    strange('d', 1000);
    expect(to('d')).toEqual(['1', '3']);
    expect(to('e')).toBeUndefined();
    strange('c');
    strange('d');
    expect(to('e')).toEqual(['2', '4', '5']);
    const channel = closed.channel(scidOf(4, 0, 0));
    if (channel !== undefined) closed.addChannel({ ...channel, unknownFeature: 1000 });
    expect(to('e')).toEqual(['1', '3', '5']);
  });
  test('uses no policy that is two weeks old, and a spent channel only where there is no other route', () => {
    const aged = network([
      ['me', 'b', 1],
      ['me', 'c', 2],
      ['b', 'd', 3],
      ['c', 'd', 4, { feeBase: 10n }],
    ]);
    const context = from(aged, outlets);
    aged.setSpent(scidOf(4, 0, 0), 900);
    expect(path(findRoute(context, query('d', 100_000n)))).toEqual(['1', '3']);
    expect(path(findRoute({ ...context, outlets: outlets.slice(1) }, query('d', 100_000n)))).toEqual(['2', '4']);
    const later = { ...context, now: () => NOW + 14 * 86_400 };
    expect(path(findRoute(later, query('d', 100_000n)))).toBeUndefined();
  });
  test('sends no more over a channel than its htlc_maximum_msat and its capacity', () => {
    const [small] = [
      network([
        ['me', 'b', 1],
        ['b', 'd', 3, { htlcMaximum: 50_000n }],
      ]),
    ];
    const only = outlets.slice(0, 1);
    expect(path(findRoute(from(small, only), query('d', 50_000n)))).toEqual(['1', '3']);
    expect(findRoute(from(small, only), query('d', 50_001n)).route).toBeUndefined();
    const wide = network([
      ['me', 'b', 1],
      ['b', 'd', 3, { htlcMaximum: 5_000_000_000n }],
    ]);
    const rich = [outlet('b', 1, 9_000_000_000n)];
    expect(path(findRoute(from(wide, rich), query('d', 1_000_000_000n)))).toEqual(['1', '3']);
    expect(findRoute(from(wide, rich), query('d', 1_000_000_001n)).route).toBeUndefined();
  });
  test('is not found beyond the expiry limit, and has the least delay where the cheapest exceeds the limit', () => {
    const slow = network([
      ['me', 'b', 1],
      ['me', 'c', 2],
      ['b', 'd', 3, { cltvExpiryDelta: 900 }],
      ['c', 'd', 4, { feeBase: 5000n, cltvExpiryDelta: 80 }],
      ['d', 'e', 5, { cltvExpiryDelta: 40 }],
    ]);
    const within = (blocks: number) =>
      findRoute(from(slow, outlets), query('e', 100_000n, { maxExpiry: 500 + blocks }));
    expect(path(within(940))).toEqual(['1', '3', '5']);
    expect(path(within(939))).toEqual(['2', '4', '5']);
    expect(path(within(120))).toEqual(['2', '4', '5']);
    expect(within(119)).toEqual(noWay);
    expect(findRoute(from(slow, outlets), query('b', 1n, { maxExpiry: 499 }))).toEqual(noWay);
  });
  test('may end in a channel of a route hint, and so may others of the payment', () => {
    const taken = { scid: scidOf(9, 0, 0), from: idOf('e'), amount: msat(300_000n), count: 3, offered: true };
    const context = { ...from(graph, outlets), hints: [hint('e')] };
    expect(path(findRoute(context, query('z', 100_000n, { reserved: [taken] })))).toEqual(['2', '4', '5', '9']);
  });
  test('leaves by no channel of ours that a route hint alone names, such as one that is closing', () => {
    const ours = from(graph, [{ ...outlet('b', 1), atRest: { spendable: msat(990_000_000n), slots: 483 } }]);
    const context = { ...ours, hints: [hint('me')] };
    expect(findRoute(context, query('z', 100_000n))).toEqual(noWay);
    expect(hasRouteAtRest(context, query('z', 100_000n))).toBe(false);
  });
  test('leaves each hop exactly its fee, within all limits', () => {
    const names = ['me', 'a', 'b', 'c', 'd', 'e'];
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names), fc.nat(5000)), {
          minLength: 4,
          maxLength: 14,
        }),
        fc.bigInt(1000n, 500_000_000n),
        (pairs, amount) => {
          const edges = pairs
            .filter(([a, b]) => a !== b)
            .map(([a, b, fee], i) => [a, b, i + 1, { feeBase: BigInt(fee) }] as const);
          const net = network(edges);
          const ours = edges
            .filter(([a, b]) => a === 'me' || b === 'me')
            .map(([a, b, n]) => outlet(a === 'me' ? b : a, n));
          const { route } = findRoute(from(net, ours), query('e', amount));
          if (route === undefined) return;
          expect(hex(route.at(-1)?.node ?? new Uint8Array())).toBe(hex(idOf('e')));
          for (let i = 1; i < route.length; i++) {
            const before = route[i - 1];
            const hop = route[i];
            if (before === undefined || hop === undefined) throw new Error('no hop');
            const channel = net.channel(hop.scid);
            const side = channel?.nodes[0] === hex(before.node) ? 0 : 1;
            const terms = channel?.policies[side];
            if (terms === undefined) throw new Error('no policy');
            expect(before.amount - hop.amount).toBe(forwardingFee(terms, hop.amount));
            expect(before.expiry - hop.expiry).toBe(terms.cltvExpiryDelta);
          }
          expect(route[0].amount - amount).toBeLessThanOrEqual(1_000_000n);
        },
      ),
      { numRuns: 200 },
    );
  });
});
