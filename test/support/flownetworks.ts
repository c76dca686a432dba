/** Networks in which flows are looked for: our channels to their nodes, and any network at all. */
import fc from 'fast-check';
import type { Outlet } from '../../amp/route.ts';
import type { Graph } from '../../node/graph/graph.ts';
import type { RouteContext } from '../../node/graph/routecontext.ts';
import { msat, scidOf } from '../../wire/units.ts';
import { idOf, NOW, type Terms } from './graph.ts';
import { network } from './network.ts';

export const scid = (n: number) => scidOf(n, 0, 0);

/** Our channel `n`, to a node of that name. */
export const outletTo = (n: number, to: string, spendable: bigint, changes: Partial<Outlet> = {}): Outlet => ({
  ...{ scid: scid(n), peer: idOf(to), spendable: msat(spendable), slots: 483 },
  ...changes,
});

export const context = (graph: Graph, outlets: readonly Outlet[]): RouteContext => ({
  ...{ graph, outlets, source: idOf('me'), hints: [], tlvOnly: () => false, now: () => NOW },
});

/** The nodes of any network: `me` sends, `z` is paid. */
export const names = ['me', 'a', 'b', 'c', 'z'];
const anyEdge = fc.record({
  ...{ a: fc.constantFrom(...names), b: fc.constantFrom(...names), fee: fc.nat(3000), base: fc.nat(3) },
  most: fc.constantFrom(0, 1_000, 50_000, 300_000, 1_000_000),
});

/** Up to 14 channels between these nodes, channel `i + 1` the edge `i`, and those of ours as outlets with two slots each. */
export const anyNetwork = fc.array(anyEdge, { maxLength: 14 }).map((drawn) => {
  const edges = drawn.filter(({ a, b }) => a !== b);
  const termsOf = ({ fee, base, most }: (typeof edges)[number]): Terms => ({
    ...{ feeBase: BigInt(base) * 1000n, feeProportional: fee, htlcMaximum: BigInt(most) * 1000n },
  });
  const graph = network(edges.map((edge, i) => [edge.a, edge.b, i + 1, termsOf(edge)] as const));
  const outlets = edges.flatMap(({ a, b, most }, i) =>
    a === 'me' || b === 'me' ? [outletTo(i + 1, a === 'me' ? b : a, BigInt(most) * 900n, { slots: 2 })] : [],
  );
  return { edges, graph, outlets };
});
