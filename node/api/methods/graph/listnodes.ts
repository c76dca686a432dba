/** `listnodes`: the nodes of the network as announced. What is not in the graph's own fields is read from the messages it keeps. */

import { base32nopad } from '@scure/base';
import { z } from 'zod';
import type { Address } from '../../../../wire/address.ts';
import { hex } from '../../../../wire/bytes.ts';
import { decodeMessage } from '../../../../wire/message.ts';
import type { Node } from '../../../core/running.ts';
import { type Graph, type GraphNode, nodeKey } from '../../../graph/graph.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';

const announcedNode = z.object({
  nodeid: field.nodeId,
  /** Missing, with all that follows, where a node has channels and was not announced itself. */
  last_timestamp: field.u32.optional(),
  alias: field.text.optional(),
  color: field.hexText.optional(),
  features: field.hexText.optional(),
  addresses: z
    .array(z.object({ type: z.enum(['dns', 'ipv4', 'ipv6', 'torv2', 'torv3']), address: field.text, port: field.u32 }))
    .optional(),
});

const params = z.strictObject({ id: param.nodeId.optional().describe('only this node') });

const result = z.object({ nodes: z.array(announcedNode) });

type Params = z.output<typeof params>;
type Result = z.output<typeof result>;

type Row = Result['nodes'][number];

/** An address of an announcement as people write it; undefined for one of unknown form. */
const addressRow = (address: Address): NonNullable<Row['addresses']>[number] | undefined => {
  if (address.type === 'unknown') return undefined;
  const { type, port } = address;
  switch (address.type) {
    case 'dns':
      return { type, port, address: address.host };
    case 'ipv4':
      return { type, port, address: address.host.join('.') };
    case 'ipv6': {
      const groups = Array.from({ length: 8 }, (_, i) => hex(address.host.subarray(2 * i, 2 * i + 2)));
      return { type, port, address: new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1) };
    }
    case 'torv2':
    case 'torv3':
      return { type, port, address: `${base32nopad.encode(address.host).toLowerCase()}.onion` };
  }
};

const announcedRow = (graph: Graph, node: GraphNode): Row => {
  const raw = graph.rawNode(node.id);
  const said = raw && decodeMessage(raw);
  return {
    nodeid: node.id,
    last_timestamp: node.timestamp,
    alias: node.alias,
    features: hex(node.features),
    ...(said?.name === 'node_announcement' && {
      color: hex(said.rgb_color),
      addresses: said.addresses.map(addressRow).filter((row) => row !== undefined),
    }),
  };
};

async function* rowsOf(graph: Graph, { id }: Params): AsyncGenerator<Row> {
  for (const key of id === undefined ? [...graph.ids].sort() : [nodeKey(id)]) {
    if (!graph.hasChannel(key)) continue;
    const node = graph.node(key);
    yield node === undefined ? { nodeid: key } : announcedRow(graph, node);
  }
}

/** What it needs of a node. */
type Parts = Pick<Node, 'graph'>;

export const listnodes = method({
  doc: 'Nodes of the network we know of.',
  example: ['0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'],
  params,
  result,
  handler: async ({ graph }: Parts, params) => ({ nodes: rowsOf(graph, params) }),
});
