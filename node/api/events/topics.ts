/**
 * THE table of notifications: what programs can subscribe to, and the shape of what they are told. Names and fields are Core
 * Lightning's where it has the notification; those of shards and sets are this node's own.
 */
import { z } from 'zod';
import { forwardStatuses } from '../../forward/forwardlog.ts';
import { channelStates } from '../methods/channels/statenames.ts';
import * as field from '../results.ts';

const invoiceFields = { label: field.text, payment_hash: field.hash, preimage: field.hash.optional() };

const partFields = {
  id: field.u64,
  created_index: field.u64,
  payment_hash: field.hash,
  groupid: field.u64,
  partid: field.u64.optional(),
  destination: field.nodeId.optional(),
  amount_msat: field.amountMsat.optional(),
  amount_sent_msat: field.amountMsat,
  created_at: field.u64,
};

/** Each notification with one line for people. */
export const topics = {
  invoice_creation: {
    doc: 'an invoice was made',
    shape: z.object({ ...invoiceFields, msat: field.amountMsat.optional() }),
  },
  invoice_payment: {
    doc: 'an invoice was paid, or a keysend came',
    shape: z.object({ ...invoiceFields, msat: field.amountMsat }),
  },
  sendpay_success: {
    doc: 'a payment of this node is complete',
    shape: z.looseObject({ ...partFields, status: z.literal('complete') }),
  },
  sendpay_failure: {
    doc: 'a payment of this node has failed',
    shape: z.object({ code: z.number().int(), message: field.text, data: z.looseObject({ payment_hash: field.hash }) }),
  },
  channel_opened: {
    doc: 'a peer funded a channel with this node',
    shape: z.object({
      id: field.nodeId,
      funding_msat: field.amountMsat,
      funding_txid: field.txid,
      channel_ready: field.flag,
    }),
  },
  channel_state_changed: {
    doc: 'a channel came into another state',
    shape: z.object({
      peer_id: field.nodeId,
      channel_id: field.hash.optional(),
      short_channel_id: field.scid.optional(),
      /** ISO 8601, UTC. */
      timestamp: field.text,
      /** `CLOSED` where the channel is resolved for good and listed no more, or its opening failed. */
      old_state: z.enum([...channelStates, 'CLOSED']),
      new_state: z.enum([...channelStates, 'CLOSED']),
      cause: z.enum(['unknown', 'local', 'user', 'remote', 'protocol', 'onchain']),
      message: field.text,
    }),
  },
  forward_event: {
    doc: 'an HTLC was passed on, or what became of it',
    shape: z.object({
      payment_hash: field.hash.optional(),
      in_channel: field.scid,
      in_htlc_id: field.u64,
      out_channel: field.scid,
      out_htlc_id: field.u64.optional(),
      in_msat: field.amountMsat,
      out_msat: field.amountMsat.optional(),
      fee_msat: field.amountMsat.optional(),
      status: z.enum(forwardStatuses),
      style: z.literal('tlv'),
      failcode: field.u32.optional(),
      failreason: field.text.optional(),
      received_time: field.time,
      resolved_time: field.time.optional(),
    }),
  },
  amp_shard: {
    doc: 'an HTLC of a payment of this node was sent, claimed or failed, with its route',
    shape: z.object({
      /** The payment's, as listpays has it; `shard_hash` is the HTLC's own. */
      payment_hash: field.hash,
      shard_hash: field.hash,
      scheme: field.text,
      status: z.enum(['sent', 'claimed', 'failed']),
      shard: field.u32,
      attempt: field.u32,
      amount_msat: field.amountMsat,
      amount_sent_msat: field.amountMsat,
      route: z.array(z.object({ id: field.nodeId, short_channel_id: field.scid })),
      failure: field.text.optional(),
      /** The node that failed it, counted from 0, which is this one. */
      erring_index: field.u32.optional(),
      time: field.time,
    }),
  },
  amp_set: {
    doc: 'a set of HTLCs for this node has one more and waits for others, is claimed, or has failed',
    shape: z.object({
      set_id: field.hash,
      scheme: field.text,
      status: z.enum(['held', 'claimed', 'failed']),
      label: field.text.optional(),
      shares: field.u32,
      expected_shares: field.u32.optional(),
      amount_received_msat: field.amountMsat,
      why: field.text.optional(),
      htlcs: z.array(z.object({ payment_hash: field.hash, amount_msat: field.amountMsat })),
      time: field.time,
    }),
  },
  block_added: { doc: 'the node has read a block', shape: z.object({ hash: field.hash, height: field.u32 }) },
  connect: {
    doc: 'a peer is connected',
    shape: z.object({ id: field.nodeId, direction: z.enum(['in', 'out']), address: field.text }),
  },
  disconnect: { doc: 'the connection to a peer ended', shape: z.object({ id: field.nodeId }) },
  warning: {
    doc: 'the log has a line at warn or error',
    shape: z.object({
      level: z.enum(['warn', 'error']),
      /** Seconds since 1970, with decimals. */
      time: field.text,
      /** The part of the node. */
      source: field.text,
      log: field.text,
    }),
  },
  shutdown: { doc: 'the node stops', shape: z.object({}) },
} as const;

export type Topic = keyof typeof topics;
/** What is told about a topic, as the node has it: amounts are Msat. */
export type PayloadOf<T extends Topic> = z.output<(typeof topics)[T]['shape']>;

export const topicNames = Object.keys(topics) as readonly Topic[];
export const isTopic = (name: string): name is Topic => Object.hasOwn(topics, name);

/** What a subscriber is told instead of notifications that it was too slow for. */
export const LOST = 'notifications_lost';
