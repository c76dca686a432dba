/** `listchannels`: the channels of the network as announced. What is not in the graph's own fields is read from the messages it keeps. */

import { z } from 'zod';
import { hex } from '../../../../wire/bytes.ts';
import { decodeMessage } from '../../../../wire/message.ts';
import { type ShortChannelId, scidText, toMsat } from '../../../../wire/units.ts';
import type { Node } from '../../../core/running.ts';
import { type Graph, type GraphChannel, nodeKey, type Side } from '../../../graph/graph.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';

/** One direction of a channel: how `source` forwards over it. */
const direction = z.object({
  source: field.nodeId,
  destination: field.nodeId,
  short_channel_id: field.scid,
  /** 0 when `source` is the lesser of the two node ids (BOLT 7). */
  direction: field.u32,
  public: field.flag,
  amount_msat: field.amountMsat,
  message_flags: field.u32,
  channel_flags: field.u32,
  active: field.flag,
  last_update: field.u32,
  base_fee_millisatoshi: field.u32,
  fee_per_millionth: field.u32,
  delay: field.u32,
  htlc_minimum_msat: field.amountMsat,
  htlc_maximum_msat: field.amountMsat.optional(),
  features: field.hexText,
});

const params = z.strictObject({
  short_channel_id: param.scid.optional().describe('only this channel'),
  source: param.nodeId.optional().describe('only directions away from this node'),
  destination: param.nodeId.optional().describe('only directions to this node'),
});

const result = z.object({ channels: z.array(direction) });

type Params = z.output<typeof params>;
type Result = z.output<typeof result>;

type Row = Result['channels'][number];

/** One direction, or none while the node at its beginning has not said how it forwards. */
const directions = (graph: Graph, channel: GraphChannel, side: Side, features: string): readonly Row[] => {
  const policy = channel.policies[side];
  // One that is spent is kept for a while in case that a reorganization brings it back, but is over as far as anybody knows.
  if (policy === undefined || channel.spentAt !== undefined) return [];
  const raw = graph.rawPolicy(channel.scid, side);
  const update = raw && decodeMessage(raw);
  const [first, second] = channel.nodes;
  return [
    {
      source: side === 0 ? first : second,
      destination: side === 0 ? second : first,
      short_channel_id: scidText(channel.scid),
      direction: side,
      public: true,
      amount_msat: toMsat(channel.capacity),
      message_flags: update?.name === 'channel_update' ? update.message_flags : 0,
      channel_flags: update?.name === 'channel_update' ? update.channel_flags : 0,
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

const featuresOf = (graph: Graph, scid: ShortChannelId): string => {
  const raw = graph.rawChannel(scid);
  const announcement = raw && decodeMessage(raw);
  return announcement?.name === 'channel_announcement' ? hex(announcement.features) : '';
};

/** The channels that may be asked for, ascending. */
const asked = (graph: Graph, { short_channel_id, source, destination }: Params) => {
  if (short_channel_id !== undefined) return [short_channel_id];
  const end = source ?? destination;
  if (end === undefined) return graph.between(0, Number.MAX_SAFE_INTEGER);
  return graph
    .channelsOf(nodeKey(end))
    .map(({ scid }) => scid)
    .sort((a, b) => (a < b ? -1 : 1));
};

/** Each as it stands when it is read: while a long list is written, channels come and go. */
async function* rowsOf(graph: Graph, params: Params): AsyncGenerator<Row> {
  const [from, to] = [params.source && nodeKey(params.source), params.destination && nodeKey(params.destination)];
  for (const scid of asked(graph, params)) {
    const channel = graph.channel(scid);
    if (channel === undefined) continue;
    const features = featuresOf(graph, scid);
    for (const side of [0, 1] as const) {
      const [source, destination] = [channel.nodes[side], channel.nodes[side === 0 ? 1 : 0]];
      if ((from !== undefined && source !== from) || (to !== undefined && destination !== to)) continue;
      yield* directions(graph, channel, side, features);
    }
  }
}

/** What it needs of a node. */
type Parts = Pick<Node, 'graph'>;

export const listchannels = method({
  doc: 'Channels of the network we know of, one row a direction.',
  example: ['103x1x0'],
  params,
  result,
  handler: async ({ graph }: Parts, params) => ({ channels: rowsOf(graph, params) }),
});
