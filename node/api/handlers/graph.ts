/** The methods about the announced network. What is not in the graph's own fields is read from the messages it keeps. */
import { base32nopad } from '@scure/base';
import type { Address } from '../../../wire/address.ts';
import { hex } from '../../../wire/bytes.ts';
import { decodeMessage } from '../../../wire/message.ts';
import { scidText, toMsat } from '../../../wire/units.ts';
import { type Graph, type GraphChannel, type GraphNode, nodeKey, type Side } from '../../graph/graph.ts';
import type { Handlers, Params, Result } from '../table.ts';

type Direction = Result<'listchannels'>['channels'][number];
type NodeRow = Result<'listnodes'>['nodes'][number];

/** One direction, or none while the node at its beginning has not said how it forwards. */
const directions = (channel: GraphChannel, side: Side, features: string): readonly Direction[] => {
  const policy = channel.policies[side];
  // One that is spent is kept for a while in case that a reorganization brings it back, but is over as far as anybody knows.
  if (policy === undefined || channel.spentAt !== undefined) return [];
  const update = decodeMessage(policy.raw);
  const [first, second] = channel.nodes;
  return [
    {
      source: side === 0 ? first : second,
      destination: side === 0 ? second : first,
      short_channel_id: scidText(channel.scid),
      direction: side,
      public: true,
      amount_msat: toMsat(channel.capacity),
      message_flags: update.name === 'channel_update' ? update.message_flags : 0,
      channel_flags: update.name === 'channel_update' ? update.channel_flags : 0,
      active: !policy.disabled,
      last_update: policy.timestamp,
      base_fee_millisatoshi: Number(policy.feeBase),
      fee_per_millionth: policy.feeProportional,
      delay: policy.cltvExpiryDelta,
      htlc_minimum_msat: policy.htlcMinimum,
      htlc_maximum_msat: policy.htlcMaximum,
      features,
    },
  ];
};

const featuresOf = ({ raw }: GraphChannel): string => {
  const announcement = decodeMessage(raw);
  return announcement.name === 'channel_announcement' ? hex(announcement.features) : '';
};

/** The channels that may be asked for, ascending. */
const asked = (graph: Graph, { short_channel_id, source, destination }: Params<'listchannels'>) => {
  if (short_channel_id !== undefined) return [short_channel_id];
  const end = source ?? destination;
  if (end === undefined) return graph.between(0, Number.MAX_SAFE_INTEGER);
  return graph
    .channelsOf(nodeKey(end))
    .map(({ scid }) => scid)
    .sort((a, b) => (a < b ? -1 : 1));
};

/** Each as it stands when it is read: while a long list is written, channels come and go. */
async function* listchannels(graph: Graph, params: Params<'listchannels'>): AsyncGenerator<Direction> {
  const [from, to] = [params.source && nodeKey(params.source), params.destination && nodeKey(params.destination)];
  for (const scid of asked(graph, params)) {
    const channel = graph.channel(scid);
    if (channel === undefined) continue;
    const features = featuresOf(channel);
    for (const side of [0, 1] as const) {
      const [source, destination] = [channel.nodes[side], channel.nodes[side === 0 ? 1 : 0]];
      if ((from !== undefined && source !== from) || (to !== undefined && destination !== to)) continue;
      yield* directions(channel, side, features);
    }
  }
}

/** An address of an announcement as people write it; undefined for one of unknown form. */
const addressRow = (address: Address): NonNullable<NodeRow['addresses']>[number] | undefined => {
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

const announcedRow = (node: GraphNode): NodeRow => {
  const said = decodeMessage(node.raw);
  return {
    nodeid: node.id,
    last_timestamp: node.timestamp,
    alias: node.alias,
    features: hex(node.features),
    ...(said.name === 'node_announcement' && {
      color: hex(said.rgb_color),
      addresses: said.addresses.map(addressRow).filter((row) => row !== undefined),
    }),
  };
};

async function* listnodes(graph: Graph, { id }: Params<'listnodes'>): AsyncGenerator<NodeRow> {
  for (const key of id === undefined ? [...graph.ids].sort() : [nodeKey(id)]) {
    if (!graph.hasChannel(key)) continue;
    const node = graph.node(key);
    yield node === undefined ? { nodeid: key } : announcedRow(node);
  }
}

/** `listchannels` and `listnodes` over a graph. */
export const graphHandlers = (graph: Graph): Pick<Handlers, 'listchannels' | 'listnodes'> => ({
  listchannels: async (params) => ({ channels: listchannels(graph, params) }),
  listnodes: async (params) => ({ nodes: listnodes(graph, params) }),
});
