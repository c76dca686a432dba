/** Routes that carry an amount together: found where no single one does, exact to the msat, within all bounds of channels and payment. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Outlet, Route } from '../../amp/route.ts';
import { type FlowQuery, findFlow, hasFlowAtRest } from '../../node/graph/flowroutes.ts';
import { hex } from '../../wire/bytes.ts';
import { msat } from '../../wire/units.ts';
import { anyNetwork, context, names, outletTo, scid } from '../support/flownetworks.ts';
import { idOf, type Terms } from '../support/graph.ts';
import { network } from '../support/network.ts';
import { propertyRuns } from '../support/runs.ts';

const query = (amount: bigint, changes: Partial<FlowQuery> = {}): FlowQuery => ({
  ...{ query: 1, shard: 0, destination: idOf('z'), amount: msat(amount), maxFee: msat(amount / 20n) },
  ...{ finalExpiry: 500, maxExpiry: 2516, maxHops: 20, excludedNodes: [], excluded: [], reserved: [] },
  flow: { most: 16, least: msat(1000n) },
  ...changes,
});
const amountsOf = (routes: readonly Route[] | undefined): readonly bigint[] | undefined =>
  routes?.map((route) => (route.at(-1) ?? route[0]).amount).sort((a, b) => Number(b - a));
const sumOf = (routes: readonly Route[]): bigint => (amountsOf(routes) ?? []).reduce((a, b) => a + b, 0n);

type Edge = readonly [string, string, number, Terms?];
const carrying = (sat: bigint): Terms => ({ htlcMaximum: sat * 1000n, feeBase: 0n, feeProportional: 100 });

describe('an amount that no single route carries', () => {
  const diamond: readonly Edge[] = [
    ['a', 'z', 11, carrying(400_000n)],
    ['b', 'z', 12, carrying(400_000n)],
    ['c', 'z', 13, carrying(400_000n)],
  ];
  const outlets = [outletTo(1, 'a', 900_000_000n), outletTo(2, 'b', 900_000_000n), outletTo(3, 'c', 900_000_000n)];

  test('goes over as many as it takes, and they come to it exactly', () => {
    const routes = findFlow(context(network(diamond), outlets), query(1_000_000_001n)) ?? [];
    expect(sumOf(routes)).toBe(1_000_000_001n);
    expect(routes.length).toBeGreaterThanOrEqual(3);
    expect(routes.every(({ length }) => length === 2)).toBe(true);
  });

  test('pays the fee of each route on top of what arrives by it', () => {
    for (const route of findFlow(context(network(diamond), outlets), query(900_000_000n)) ?? [])
      expect(route[0].amount).toBe((route[1]?.amount ?? 0n) + ((route[1]?.amount ?? 0n) * 100n) / 1_000_000n);
  });

  test('is answered with none where the channels together cannot carry it', () => {
    expect(findFlow(context(network(diamond), outlets), query(4_000_000_000n))).toBeUndefined();
    expect(findFlow(context(network(diamond), []), query(1_000n))).toBeUndefined();
    expect(
      findFlow(context(network(diamond), outlets), query(1_000n, { destination: idOf('nobody') })),
    ).toBeUndefined();
  });

  test('is not cut into more parts, nor into smaller ones, than it may be', () => {
    const ask = (changes: Partial<FlowQuery>) =>
      findFlow(context(network(diamond), outlets), query(1_000_000_000n, changes));
    expect(ask({ flow: { most: 2, least: msat(1n) } })).toBeUndefined();
    expect(ask({ flow: { most: 3, least: msat(200_000_000n) } })?.length).toBe(3);
    expect(ask({ flow: { most: 16, least: msat(401_000_000n) } })).toBeUndefined();
  });

  test('keeps to what failures and its other shards leave of channels', () => {
    const from = idOf('a');
    const excluded = [{ scid: scid(11), from, atLeast: msat(100_000_000n) }];
    const reserved = [{ scid: scid(12), from: idOf('b'), amount: msat(900_000_000n), count: 1, offered: true }];
    const ask = (amount: bigint) => findFlow(context(network(diamond), outlets), query(amount, { excluded, reserved }));
    const routes = ask(550_000_000n) ?? [];
    const over = (n: number): bigint =>
      routes
        .flatMap((route) => route.filter((hop) => hop.scid === scid(n)))
        .reduce((sum, { amount }) => sum + amount, 0n);
    expect(sumOf(routes)).toBe(550_000_000n);
    expect(over(11)).toBeLessThan(100_000_000n);
    expect(over(12)).toBeLessThanOrEqual(80_000_000n);
    expect(
      findFlow(context(network(diamond), outlets), query(1_970_000_000n, { excludedNodes: [from], excluded })),
    ).toBeUndefined();
  });

  test('is looked for between what a channel carried and what it did not, before nearly all of that is tried again', () => {
    const excluded = [{ scid: scid(11), from: idOf('a'), atLeast: msat(300_000_000n) }];
    const over = (amount: bigint, edges: readonly Edge[]): bigint =>
      (findFlow(context(network(edges), outlets), query(amount, { excluded })) ?? [])
        .flatMap((route) => route.filter((hop) => hop.scid === scid(11)))
        .reduce((sum, hop) => sum + hop.amount, 0n);
    expect(over(500_000_000n, diamond)).toBeLessThanOrEqual(155_000_000n);
    expect(over(250_000_000n, diamond.slice(0, 1))).toBe(250_000_000n);
  });

  test('takes no more HTLCs of a channel of ours than it has slots, and none below its minimum', () => {
    const narrow = [
      outletTo(1, 'a', 900_000_000n, { slots: 1 }),
      outletTo(2, 'b', 500_000_000n, { minimum: msat(300_000_000n) }),
    ];
    const routes = findFlow(context(network(diamond), narrow), query(700_000_000n)) ?? [];
    expect(sumOf(routes)).toBe(700_000_000n);
    expect(routes.filter((route) => route[0].scid === scid(1)).length).toBeLessThanOrEqual(1);
    for (const route of routes)
      if (route[0].scid === scid(2)) expect(route[0].amount).toBeGreaterThanOrEqual(300_000_000n);
  });

  test('can use all that our channels have, for what arrives and for the fees', () => {
    const tight = [outletTo(1, 'a', 300_000_000n), outletTo(2, 'b', 300_000_000n)];
    const most = 599_940_000n;
    const routes = findFlow(context(network(diamond), tight), query(most)) ?? [];
    expect(sumOf(routes)).toBe(most);
    for (const route of routes) expect(route[0].amount).toBeLessThanOrEqual(300_000_000n);
  });

  test('is known to have a way once nothing is in flight in our channels', () => {
    const later = (spendable: bigint) => ({ atRest: { spendable: msat(spendable), slots: 483 } });
    const busy = [outletTo(1, 'a', 1n, later(380_000_000n)), outletTo(2, 'b', 1n, later(380_000_000n))];
    const ask = (outlets: readonly Outlet[], amount: bigint) =>
      hasFlowAtRest(context(network(diamond), outlets), query(amount));
    expect(ask(busy, 700_000_000n)).toBe(true);
    expect(ask(busy, 800_000_000n)).toBe(false);
    expect(ask(outlets, 700_000_000n)).toBe(false);
  });
});

test('an amount within one channel goes over several where that is likelier, and over one that is cheaper by more', () => {
  const choice = (fee: number): readonly Edge[] => [
    ['a', 'z', 11, { feeBase: 0n, feeProportional: 0 }],
    ['b', 'z', 12, { feeBase: 0n, feeProportional: fee }],
  ];
  const outlets = [outletTo(1, 'a', 990_000_000n), outletTo(2, 'b', 990_000_000n)];
  const amounts = (fee: number) => amountsOf(findFlow(context(network(choice(fee)), outlets), query(900_000_000n)));
  expect(amounts(0)?.length).toBeGreaterThan(1);
  expect(amounts(49_000)).toEqual([900_000_000n]);
});

test('where fees are asked of fees, a flow that costs more than all money there is counts as too dear', () => {
  const edges: readonly Edge[] = [
    ['a', 'b', 11],
    ['a', 'c', 12, carrying(600_000n)],
    ['c', 'z', 13, carrying(600_000n)],
  ];
  const named = (n: number, from: string, to: string) => ({
    ...{ from: idOf(from), to: idOf(to), scid: scid(n) },
    ...{ feeBase: msat(0xffff_ffffn), feeProportional: 0xffff_ffff, cltvExpiryDelta: 10 },
  });
  const hints = [named(21, 'b', 'd'), named(22, 'd', 'e'), named(23, 'e', 'f'), named(24, 'f', 'z')];
  const ask = (sat: bigint) =>
    findFlow({ ...context(network(edges), [outletTo(1, 'a', 1_900_000_000n)]), hints }, query(sat * 1000n));
  expect(ask(1_100_000n)).toBeUndefined();
  expect(amountsOf(ask(500_000n))).toEqual([500_000_000n]);
});

test('where the likelier flow costs more than it may, the cheaper one is taken', () => {
  const edges: readonly Edge[] = [
    ['a', 'z', 11, { feeBase: 0n, feeProportional: 0 }],
    ['b', 'z', 12, { feeBase: 0n, feeProportional: 100 }],
  ];
  const outlets = [outletTo(1, 'a', 990_000_000n), outletTo(2, 'b', 990_000_000n)];
  const ask = (maxFee: bigint) =>
    findFlow(context(network(edges), outlets), query(900_000_000n, { maxFee: msat(maxFee) }));
  expect(ask(90_000n)?.length).toBeGreaterThan(1);
  expect(amountsOf(ask(0n))).toEqual([900_000_000n]);
});

test('whatever the network, a flow is exact, connected, and within every bound of channels and payment', () => {
  fc.assert(
    fc.property(
      anyNetwork,
      fc.integer({ min: 1, max: 2_000_000 }),
      fc.nat(4),
      ({ edges, graph, outlets }, sat, few) => {
        const asked = query(BigInt(sat) * 1000n, {
          flow: { most: few + 1, least: msat(1000n) },
          maxFee: msat(BigInt(sat) * 5n),
        });
        const routes = findFlow(context(graph, outlets), asked);
        if (routes === undefined) return;
        expect(sumOf(routes)).toBe(asked.amount);
        expect(routes.length).toBeLessThanOrEqual(few + 1);
        expect(routes.reduce((sum, route) => sum + route[0].amount, 0n) - asked.amount).toBeLessThanOrEqual(
          asked.maxFee,
        );
        const taken = new Map<string, bigint>();
        for (const route of routes) {
          let at = 'me';
          for (const hop of route) {
            const edge = edges[Number((hop.scid >> 40n) - 1n)];
            const next = names.find((name) => hex(idOf(name)) === hex(hop.node)) ?? '';
            expect([edge?.a, edge?.b].sort()).toEqual([at, next].sort());
            if (at !== 'me') expect(hop.amount).toBeLessThanOrEqual(BigInt(edge?.most ?? 0) * 1000n);
            const key = `${hop.scid}/${at}`;
            taken.set(key, (taken.get(key) ?? 0n) + hop.amount);
            at = next;
          }
          expect(at).toBe('z');
        }
        for (const [key, amount] of taken) {
          expect(amount).toBeLessThanOrEqual(1_000_000_000n);
          const own = outlets.find(({ scid }) => key === `${scid}/me`);
          if (own !== undefined) expect(amount).toBeLessThanOrEqual(own.spendable);
        }
      },
    ),
    { numRuns: propertyRuns(150) },
  );
});
