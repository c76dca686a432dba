/** Flows in equal units: each route carries one, as many as the channels can take go at once, and one makes room for another. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Outlet, Route } from '../../amp/route.ts';
import { SEGMENTS } from '../../node/graph/flow.ts';
import type { GraphArcs } from '../../node/graph/flowarcs.ts';
import { type FlowQuery, findFlow, hasFlowAtRest } from '../../node/graph/flowroutes.ts';
import { inUnits } from '../../node/graph/flowunits.ts';
import { findRoute } from '../../node/graph/routing.ts';
import { Windows } from '../../node/pay/congestion.ts';
import { routeFound } from '../../node/pay/paymenteffects.ts';
import { RoundTrips } from '../../node/pay/roundtrips.ts';
import { hex } from '../../wire/bytes.ts';
import { msat } from '../../wire/units.ts';
import { anyNetwork, context, names, outletTo, scid } from '../support/flownetworks.ts';
import { idOf, NOW, type Terms } from '../support/graph.ts';
import { network } from '../support/network.ts';
import { propertyRuns } from '../support/runs.ts';

const UNIT = 100_000_000n;
const query = (count: number, changes: Partial<FlowQuery> = {}, unit = UNIT): FlowQuery => ({
  ...{ query: 1, shard: 0, destination: idOf('z'), amount: msat(unit * BigInt(count)) },
  ...{ maxFee: msat((unit * BigInt(count)) / 10n), finalExpiry: 500, maxExpiry: 2516, maxHops: 20 },
  ...{ excludedNodes: [], excluded: [], reserved: [] },
  flow: { most: count, least: msat(1000n), unit: msat(unit) },
  ...changes,
});
const arrives = (routes: readonly Route[] | undefined): readonly bigint[] =>
  (routes ?? []).map((route) => (route.at(-1) ?? route[0]).amount);

type Edge = readonly [string, string, number, Terms?];
const holding = (units: number, fee = 100): Terms => ({
  ...{ htlcMaximum: (UNIT * BigInt(units) * 102n) / 100n, feeBase: 0n, feeProportional: fee },
});

describe('equal units', () => {
  const diamond: readonly Edge[] = [
    ['a', 'z', 11, holding(1)],
    ['b', 'z', 12, holding(1)],
    ['c', 'z', 13, holding(1)],
  ];
  const outlets = ['a', 'b', 'c'].map((to, n) => outletTo(n + 1, to, 3n * UNIT));

  test('go by a route each', () => {
    expect(arrives(findFlow(context(network(diamond), outlets), query(3)))).toEqual([UNIT, UNIT, UNIT]);
  });

  test('go by as many routes as there are, where all of them cannot be carried', () => {
    const narrow = [outletTo(1, 'a', UNIT + UNIT / 2n), outletTo(2, 'b', UNIT - 1n), outletTo(3, 'c', 3n * UNIT)];
    const routes = findFlow(context(network(diamond), narrow), query(6)) ?? [];
    expect(routes.length).toBeLessThan(6);
    expect(routes.length).toBeGreaterThanOrEqual(2);
    expect(new Set(arrives(routes))).toEqual(new Set([UNIT]));
    expect(routes.some((route) => route[0].scid === scid(2))).toBe(false);
  });

  test('are more than none only where one finds a route', () => {
    const dry = ['a', 'b', 'c'].map((to, n) => outletTo(n + 1, to, UNIT - 1n));
    expect(findFlow(context(network(diamond), dry), query(2))).toBeUndefined();
    const later = dry.map((one) => ({ ...one, atRest: { spendable: msat(2n * UNIT), slots: 483 } }));
    expect(hasFlowAtRest(context(network(diamond), later), query(2))).toBe(true);
    expect(findFlow(context(network(diamond), outlets), query(2, { destination: idOf('nobody') }))).toBeUndefined();
    expect(findFlow(context(network(diamond), []), query(2))).toBeUndefined();
  });

  test('keep to the slots and the minimum of our channels, and to what each HTLC takes of their balance', () => {
    const two: readonly Edge[] = [
      ['a', 'z', 11, holding(9)],
      ['b', 'z', 12, holding(9)],
    ];
    const over = (changes: Partial<Outlet>, more: Partial<FlowQuery> = {}): number => {
      const ours = [outletTo(1, 'a', 3n * UNIT + UNIT / 10n, changes), outletTo(2, 'b', 9n * UNIT)];
      const routes = findFlow(context(network(two), ours), query(8, more)) ?? [];
      // Those that cannot go by it go by the other.
      expect(routes.length).toBe(8);
      return routes.filter((route) => route[0].scid === scid(1)).length;
    };
    expect(over({})).toBe(3);
    expect(over({ slots: 1 })).toBe(1);
    const reserved = [{ scid: scid(1), from: undefined, amount: msat(1n), count: 1, offered: false }];
    expect(over({ slots: 2 }, { reserved })).toBe(1);
    expect(over({ minimum: msat(2n * UNIT) })).toBe(0);
    expect(over({ perHtlc: msat(UNIT) })).toBe(2);
  });

  test('cost no more together than they may: the dearest are left out', () => {
    const narrow = outlets.map((one) => ({ ...one, spendable: msat(UNIT + UNIT / 50n) }));
    const graph = network([...diamond.slice(0, 2), ['c', 'z', 13, holding(1, 250)]]);
    const routes = (maxFee: bigint) => findFlow(context(graph, narrow), query(3, { maxFee: msat(maxFee) })) ?? [];
    expect(routes(UNIT / 100n).length).toBe(3);
    const cheap = routes(30_000n);
    expect(cheap.map((route) => route[0].scid).sort()).toEqual([scid(1), scid(2)]);
  });

  test('make room for each other, where one after the other would be in the way', () => {
    // More than half of what a channel holds. The cheapest way takes from `b` the only one that it has, by `c`.
    const large = 6n * UNIT;
    const free: Terms = { feeBase: 0n, feeProportional: 0 };
    const crossing: readonly Edge[] = [
      ['a', 'c', 11, free],
      ['b', 'c', 12, { ...free, feeProportional: 1000 }],
      ['c', 'z', 13, free],
      ['a', 'z', 14, { ...free, feeProportional: 30_000 }],
    ];
    const ours = ['a', 'b'].map((to, n) => outletTo(n + 1, to, (large * 11n) / 10n));
    const known = context(network(crossing), ours);
    // Nothing goes back from `c` to `a`.
    const excluded = [{ scid: scid(11), from: idOf('c'), atLeast: msat(1n) }];
    const one = { ...query(2, { excluded }, large), amount: msat(large) };
    const first = findRoute(known, one).route ?? [];
    expect(first.map((hop) => hop.scid)).toEqual([scid(1), scid(11), scid(13)]);
    const reserved = first.map(({ scid: over, amount }, n) => ({
      ...{ scid: over, from: first[n - 1]?.node, amount, count: 1, offered: false },
    }));
    expect(findRoute(known, { ...one, reserved }).route).toBeUndefined();
    const both = findFlow(known, query(2, { excluded }, large)) ?? [];
    expect(new Set(both.map((route) => route.map((hop) => hop.scid).join()))).toEqual(
      new Set([`${scid(1)},${scid(14)}`, `${scid(2)},${scid(12)},${scid(13)}`]),
    );
  });
});

test('where flows leave out the only channel, one unit is found a route by itself', () => {
  // The channel takes no HTLC of a unit, but one of a unit and the fee.
  const graph = network([['a', 'z', 11, holding(9, 1000)]]);
  const outlets = [outletTo(1, 'a', 9n * UNIT, { minimum: msat(UNIT + 1n) })];
  const parts = {
    channels: () => ({ outlets: () => outlets }) as never,
    routes: { graph, source: idOf('me'), now: () => NOW, tlvOnly: () => false },
    ...{ clock: { now: () => 0, after: () => () => undefined }, windows: new Windows(() => 0) },
  };
  const asked = { do: 'find_route', ...query(3) } as const;
  const answer = routeFound(parts, { hints: [] }, new RoundTrips(), { searched: () => undefined }, asked);
  expect(answer).toMatchObject({ routes: { length: 1 }, route: [{ amount: UNIT + UNIT / 1000n }, { amount: UNIT }] });
});

test('arcs of units carry whole ones, at what those cost of the arc, never less for a later one', () => {
  const segment = fc.record({ length: fc.nat(5_000), more: fc.nat(1_000) });
  fc.assert(
    fc.property(
      fc.array(segment, { minLength: SEGMENTS, maxLength: SEGMENTS }),
      fc.integer({ min: 1, max: 3_000 }),
      fc.nat(12),
      (segments, unit, limit) => {
        const [ends, slopes] = [new Float64Array(SEGMENTS), new Float64Array(SEGMENTS)];
        for (const [i, { length, more }] of segments.entries()) {
          ends[i] = (ends[i - 1] ?? 0) + length;
          slopes[i] = (slopes[i - 1] ?? 1) + more;
        }
        const one = { count: 1, tail: Int32Array.of(0), head: Int32Array.of(1), via: Int32Array.of(0) };
        const arcs: GraphArcs = { ...one, ends, slopes, largest: Float64Array.of(ends[SEGMENTS - 1] ?? 0) };
        const made = inUnits(arcs, unit, () => limit);
        /** The cost of so much, by pieces. */
        const cost = (of: Pick<GraphArcs, 'ends' | 'slopes'>, amount: number): number => {
          let [sum, start] = [0, 0];
          for (const [i, end] of of.ends.entries()) {
            sum += Math.max(0, Math.min(amount, end) - start) * (of.slopes[i] ?? 0);
            start = end;
          }
          return sum;
        };
        const whole = Math.min(limit, Math.floor((ends[SEGMENTS - 1] ?? 0) / unit));
        expect(made.ends[SEGMENTS - 1]).toBe(whole);
        for (let i = 1; i < SEGMENTS; i++) {
          expect(made.ends[i]).toBeGreaterThanOrEqual(made.ends[i - 1] ?? 0);
          expect(made.slopes[i]).toBeGreaterThanOrEqual(made.slopes[i - 1] ?? 0);
        }
        // Rounded to a whole slope for each piece.
        expect(Math.abs(cost(made, whole) * unit - cost(arcs, whole * unit))).toBeLessThanOrEqual(whole * unit);
      },
    ),
    { numRuns: propertyRuns(200) },
  );
});

test('whatever the network, each route carries one unit, and all of them keep to the bounds of channels and payment', () => {
  let found = 0;
  fc.assert(
    fc.property(
      anyNetwork,
      fc.integer({ min: 1, max: 400_000 }),
      fc.integer({ min: 2, max: 8 }),
      ({ edges, graph, outlets }, sat, count) => {
        const unit = BigInt(sat) * 1000n;
        const asked = query(count, { maxFee: msat(unit / 100n) }, unit);
        const routes = findFlow(context(graph, outlets), asked);
        if (routes === undefined) return;
        found++;
        expect(routes.length).toBeLessThanOrEqual(count);
        expect(arrives(routes)).toEqual(routes.map(() => unit));
        const sent = routes.reduce((sum, route) => sum + route[0].amount, 0n);
        expect(sent - unit * BigInt(routes.length)).toBeLessThanOrEqual(asked.maxFee);
        const taken = new Map<string, { amount: bigint; count: number }>();
        for (const route of routes) {
          let at = 'me';
          for (const hop of route) {
            const edge = edges[Number((hop.scid >> 40n) - 1n)];
            const next = names.find((name) => hex(idOf(name)) === hex(hop.node)) ?? '';
            expect([edge?.a, edge?.b].sort()).toEqual([at, next].sort());
            if (at !== 'me') expect(hop.amount).toBeLessThanOrEqual(BigInt(edge?.most ?? 0) * 1000n);
            const key = `${hop.scid}/${at}`;
            const before = taken.get(key) ?? { amount: 0n, count: 0 };
            taken.set(key, { amount: before.amount + hop.amount, count: before.count + 1 });
            at = next;
          }
          expect(at).toBe('z');
        }
        for (const [key, { amount, count: htlcs }] of taken) {
          expect(amount).toBeLessThanOrEqual(1_000_000_000n);
          const own = outlets.find((outlet) => key === `${outlet.scid}/me`);
          if (own === undefined) continue;
          expect(amount).toBeLessThanOrEqual(own.spendable);
          expect(htlcs).toBeLessThanOrEqual(own.slots);
        }
      },
    ),
    { numRuns: propertyRuns(150) },
  );
  expect(found).toBeGreaterThan(0);
});
