/** The graph on disk: one record per channel, policy and node, each holding the announcement as it was received. */
import type { Change } from '../../wire/change.ts';
import { decode, encode, rest, struct, u16 } from '../../wire/codec.ts';
import { sat, txid } from '../../wire/fields.ts';
import { decodeMessage } from '../../wire/message.ts';
import { type ShortChannelId, shortChannelId } from '../../wire/units.ts';
import type { Store } from '../ports.ts';
import { aliasText } from './gossip.ts';
import { type Graph, type GraphChannel, type NodeKey, nodeKey, policyOf, type Side } from './graph.ts';

const stored = struct({ capacity: sat, funding: struct({ txid, vout: u16 }), raw: rest });
const key = (scid: ShortChannelId): string => scid.toString(16).padStart(16, '0');

/** Where the gossip service keeps what it verified. */
export interface GraphStore {
  channel(channel: GraphChannel): Promise<void>;
  policy(scid: ShortChannelId, side: Side, raw: Uint8Array): Promise<void>;
  node(id: NodeKey, raw: Uint8Array): Promise<void>;
}

export const graphStore = (store: Store): GraphStore => ({
  channel: (channel) => store.commit([{ key: `graph/channel/${key(channel.scid)}`, value: encode(stored, channel) }]),
  policy: (scid, side, raw) => store.commit([{ key: `graph/policy/${key(scid)}/${side}`, value: raw }]),
  node: (id, raw) => store.commit([{ key: `graph/node/${id}`, value: raw }]),
});

/** What is to be kept no more of a channel that is gone, and of nodes that have no channel left. */
export const removed = (scid: ShortChannelId, nodes: readonly NodeKey[]): readonly Change[] => [
  { key: `graph/channel/${key(scid)}`, value: undefined },
  { key: `graph/policy/${key(scid)}/0`, value: undefined },
  { key: `graph/policy/${key(scid)}/1`, value: undefined },
  ...nodes.map((id) => ({ key: `graph/node/${id}`, value: undefined })),
];

/** Fills a graph from disk. Signatures and funding outputs were checked before the records were written. */
export const loadGraph = async (store: Store, graph: Graph): Promise<void> => {
  for await (const [name, value] of store.entries('graph/channel/')) {
    const { capacity, funding, raw } = decode(stored, value);
    const m = decodeMessage(raw);
    if (m.name !== 'channel_announcement') throw new Error(`record ${name} holds a ${m.name}`);
    const nodes: GraphChannel['nodes'] = [nodeKey(m.node_id_1), nodeKey(m.node_id_2)];
    graph.addChannel({ scid: m.short_channel_id, nodes, capacity, funding, raw, policies: [undefined, undefined] });
  }
  for await (const [name, raw] of store.entries('graph/policy/')) {
    const m = decodeMessage(raw);
    if (m.name !== 'channel_update') throw new Error(`record ${name} holds a ${m.name}`);
    const side: Side = name.endsWith('/0') ? 0 : 1;
    graph.setPolicy(shortChannelId(m.short_channel_id), side, policyOf(m, raw));
  }
  for await (const [name, raw] of store.entries('graph/node/')) {
    const m = decodeMessage(raw);
    if (m.name !== 'node_announcement') throw new Error(`record ${name} holds a ${m.name}`);
    const { timestamp, features } = m;
    graph.setNode({ id: nodeKey(m.node_id), timestamp, alias: aliasText(m.alias), features, raw });
  }
};
