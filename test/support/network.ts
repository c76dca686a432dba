/** A network made up of edges, for tests of the search for routes. */
import { ourSide } from '../../node/graph/gossipsignatures.ts';
import { Graph, nodeKey } from '../../node/graph/graph.ts';
import { msat, sat, scidOf, txid } from '../../wire/units.ts';
import { idOf, NOW, policy, type Terms } from './graph.ts';

/** A network by its edges, both directions, each with its terms, believed without further ado. */
export const network = (edges: readonly (readonly [string, string, number, Terms?])[]): Graph => {
  const graph = new Graph();
  for (const [a, b, n, terms] of edges) {
    const id = scidOf(n, 0, 0);
    const nodes = ourSide(idOf(a), idOf(b)) === 0 ? ([a, b] as const) : ([b, a] as const);
    const { feeBase, feeProportional, cltvExpiryDelta, htlcMaximum } = { ...policy, ...terms };
    const side = {
      ...{ timestamp: NOW, cltvExpiryDelta, htlcMinimum: msat(1n), htlcMaximum: msat(htlcMaximum) },
      ...{ feeBase: msat(feeBase), feeProportional, disabled: false, checksum: 0 },
    };
    graph.addChannel({
      scid: id,
      nodes: [nodeKey(idOf(nodes[0])), nodeKey(idOf(nodes[1]))],
      capacity: sat(1_000_000n),
      funding: { txid: txid(new Uint8Array(32).fill(n)), vout: 0 },
      policies: [side, side],
    });
  }
  return graph;
};
