/** Methods about the network as announced to us, after Core Lightning's. */
import { z } from 'zod';
import { methods } from '../method.ts';
import * as given from '../params.ts';
import * as shown from '../results.ts';

/** One direction of a channel: how `source` forwards over it. */
const direction = z.object({
  source: shown.nodeId,
  destination: shown.nodeId,
  short_channel_id: shown.scid,
  /** 0 when `source` is the lesser of the two node ids (BOLT 7). */
  direction: shown.u32,
  public: shown.flag,
  amount_msat: shown.amountMsat,
  message_flags: shown.u32,
  channel_flags: shown.u32,
  active: shown.flag,
  last_update: shown.u32,
  base_fee_millisatoshi: shown.u32,
  fee_per_millionth: shown.u32,
  delay: shown.u32,
  htlc_minimum_msat: shown.amountMsat,
  htlc_maximum_msat: shown.amountMsat.optional(),
  features: shown.hexText,
});

const node = z.object({
  nodeid: shown.nodeId,
  /** Missing, with all that follows, where a node has channels and was not announced itself. */
  last_timestamp: shown.u32.optional(),
  alias: shown.text.optional(),
  color: shown.hexText.optional(),
  features: shown.hexText.optional(),
  addresses: z
    .array(z.object({ type: z.enum(['dns', 'ipv4', 'ipv6', 'torv2', 'torv3']), address: shown.text, port: shown.u32 }))
    .optional(),
});

export const graphMethods = methods({
  listchannels: {
    doc: 'Channels of the network we know of, one row a direction.',
    params: z.strictObject({
      short_channel_id: given.scid.optional().describe('only this channel'),
      source: given.nodeId.optional().describe('only directions away from this node'),
      destination: given.nodeId.optional().describe('only directions to this node'),
    }),
    result: z.object({ channels: z.array(direction) }),
  },
  listnodes: {
    doc: 'Nodes of the network we know of.',
    params: z.strictObject({ id: given.nodeId.optional().describe('only this node') }),
    result: z.object({ nodes: z.array(node) }),
  },
});
