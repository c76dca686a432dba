/** The graph as routing wants it, for all payers alike: it says nothing of balances. */
import { CompactGraph, type CompactPolicy } from '../graph/compact.ts';
import { Connection } from '../graph/connection.ts';
import type { RouteContext } from '../graph/routecontext.ts';
import { Search } from '../graph/search.ts';
import { nodeKey, scidOf } from './names.ts';
import type { SimGraph } from './network.ts';

/** The time at which a simulation begins, Unix seconds; no clock says so. */
export const BEGINNING = 1_800_000_000;

const policyOf = (graph: SimGraph, direction: number): CompactPolicy => ({
  timestamp: BEGINNING,
  cltvExpiryDelta: graph.cltvDelta[direction] ?? 0,
  htlcMinimum: BigInt(graph.htlcMinimum[direction] ?? 0),
  htlcMaximum: BigInt(graph.htlcMaximum[direction] ?? 0),
  feeBase: BigInt(graph.feeBase[direction] ?? 0),
  feeProportional: graph.feeProportional[direction] ?? 0,
  disabled: graph.disabled[direction] === 1,
});

/** The typed arrays that a search goes through, and the search. */
export const routingGraph = (graph: SimGraph): RouteContext['graph'] => {
  const compact = new CompactGraph();
  const keys = Array.from({ length: graph.nodes }, (_, node) => nodeKey(node));
  for (let channel = 0; channel < graph.channels; channel++) {
    const [a, b] = [keys[graph.start[channel] ?? 0] ?? '', keys[graph.end[channel] ?? 0] ?? ''];
    // A loop leads nowhere, and a channel of nothing carries nothing.
    if (a === b || !((graph.capacity[channel] ?? 0) > 0)) continue;
    compact.add(
      {
        scid: scidOf(channel),
        nodes: [a, b],
        capacity: BigInt(Math.floor(graph.capacity[channel] ?? 0)),
        policies: [policyOf(graph, 2 * channel), policyOf(graph, 2 * channel + 1)],
      },
      () => false,
    );
  }
  return { compact, search: new Search(compact), connection: new Connection(compact) };
};

/** By node: the directions that lead away from it. */
export const directionsFrom = (graph: SimGraph): readonly (readonly number[])[] => {
  const out: number[][] = Array.from({ length: graph.nodes }, () => []);
  for (let channel = 0; channel < graph.channels; channel++) {
    if (graph.start[channel] === graph.end[channel] || !((graph.capacity[channel] ?? 0) > 0)) continue;
    out[graph.start[channel] ?? 0]?.push(2 * channel);
    out[graph.end[channel] ?? 0]?.push(2 * channel + 1);
  }
  return out;
};
