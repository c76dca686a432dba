/** A payment and its HTLCs as the methods about payments tell them, and what callers are told of one that failed. */

import { z } from 'zod';
import { FRAME_LENGTH } from '../../../../onion/eobframe.ts';
import { hex } from '../../../../wire/bytes.ts';
import { msat, scidText } from '../../../../wire/units.ts';
import { coreOf } from '../../../channels/entry.ts';
import type { Node } from '../../../core/running.ts';
import { amountOf, isAmp, type PaymentFailureCode, type PaymentRecord, shortfall } from '../../../pay/paymentrecord.ts';
import type { ShardRecord } from '../../../pay/shards.ts';
import { ApiError, codes, type ErrorName } from '../../errors.ts';
import * as field from '../../results.ts';
import { stateName } from '../channels/statenames.ts';

/** One HTLC of a payment, from here to the payee. */
export const shard = z.object({
  /** The child's index, as the scheme counts; 0 where the payment is a plain one. */
  index: field.u32,
  payment_hash: field.hash,
  status: z.enum(['pending', 'complete', 'failed']),
  amount_msat: field.amountMsat,
  amount_sent_msat: field.amountMsat,
  /** Nodes on the way, the channel that leads to each, the HTLC that arrives there, and what its onion is read as there. */
  route: z.array(
    z.object({
      id: field.nodeId,
      short_channel_id: field.scid,
      amount_msat: field.amountMsat.optional(),
      expiry: field.u32.optional(),
      style: z.enum(['frame', 'tlv']).optional(),
    }),
  ),
  payment_preimage: field.hash.optional(),
  /** How often it was sent, and BOLT 4's name for what went wrong last. */
  attempts: field.u32,
  failure: field.text.optional(),
  /** When it left here last, and when it came back as settled or failed. */
  offered_at: field.time.optional(),
  resolved_at: field.time.optional(),
  /** What the payee reads of the last attempt: the 65-byte frame (its HMAC zero) and the blobs behind it, or a TLV stream. */
  frame: field.hexText.optional(),
  blobs: z.array(field.hexText).optional(),
});

type Shard = z.output<typeof shard>;

export const paidFields = {
  destination: field.nodeId.optional(),
  payment_hash: field.hash,
  created_at: field.time,
  /** HTLCs that arrived. */
  parts: field.u32,
  amount_msat: field.amountMsat,
  amount_sent_msat: field.amountMsat,
  warning_partial_completion: field.text.optional(),
  /** Present where one preimage proves the payment; an atomic multi-path payment has `payment_preimages`. */
  payment_preimage: field.hash.optional(),
  payment_preimages: z.array(field.hash),
  /** The share scheme of an AMP; `single` for one HTLC, `mpp` for several of one payment hash. */
  scheme: field.text,
  shards: z.array(shard).optional(),
};

const row = z.object(paidFields);
type Paid = z.output<typeof row>;

export const shardOf = (shard: ShardRecord): Shard => {
  const [first] = shard.route;
  const last = shard.route.at(-1) ?? first;
  const isFrame = shard.frame.length === FRAME_LENGTH && shard.frame[0] === 0;
  return {
    index: shard.index ?? 0,
    payment_hash: hex(shard.paymentHash),
    status: shard.status,
    amount_msat: last.amount,
    amount_sent_msat: first.amount,
    route: shard.route.map(({ node, scid, amount, expiry, tlvOnly }) => ({
      id: hex(node),
      short_channel_id: scidText(scid),
      amount_msat: amount,
      expiry,
      style: isFrame && !tlvOnly ? 'frame' : 'tlv',
    })),
    ...(shard.preimage && { payment_preimage: hex(shard.preimage) }),
    attempts: shard.attempts,
    ...(shard.failure !== undefined && { failure: shard.failure }),
    offered_at: shard.offeredAt / 1000,
    ...(shard.endedAt !== undefined && { resolved_at: shard.endedAt / 1000 }),
    frame: hex(shard.frame),
    blobs: shard.blobs.map(hex),
  };
};

/** Where less was claimed than was meant. */
export const partial = (record: PaymentRecord) => {
  const text = shortfall(record);
  return text === undefined ? {} : { warning_partial_completion: text };
};

export const paid = (node: Pick<Node, 'payments'>, record: PaymentRecord): Paid => {
  const { result } = record;
  const preimages = result?.preimages ?? [];
  return {
    destination: hex(record.destination),
    payment_hash: hex(record.paymentHash),
    created_at: record.createdAt,
    parts: result?.parts ?? 0,
    amount_msat: amountOf(record),
    amount_sent_msat: result?.sent ?? msat(0n),
    ...(!isAmp(record) && preimages[0] && { payment_preimage: hex(preimages[0]) }),
    payment_preimages: preimages.map(hex),
    ...partial(record),
    scheme: record.scheme,
    shards: node.payments.shardsOf(record.id).map(shardOf),
  };
};

/** What the API calls each reason for which a payment failed. */
const errorNames: Readonly<Record<PaymentFailureCode, ErrorName>> = {
  no_route: 'pay_no_route',
  amount_too_large: 'pay_no_route',
  bad_request: 'invalid_params',
  refused_by_destination: 'pay_destination_failed',
  too_many_attempts: 'pay_gave_up',
  deadline: 'pay_gave_up',
  channels_full: 'pay_gave_up',
  invoice_expired: 'pay_invoice_expired',
  cancelled: 'pay_gave_up',
  partially_claimed: 'pay_gave_up',
  preimage_known: 'pay_user_error',
  node_stopped: 'pay_gave_up',
  internal: 'internal_error',
  strategy_failed: 'pay_failed',
};

/** Why a payment failed, as `pay` answers it; one kept by a version that kept no codes has the code of any failure. */
const failureOf = ({ result }: PaymentRecord): { readonly name: ErrorName; readonly message: string } => ({
  name: result?.code === undefined ? 'pay_failed' : errorNames[result.code],
  message: result?.why ?? 'the payment failed, and the reason is not on record',
});

/** What is told of a payment that an internal error has left with HTLCs in flight. */
const underWay = {
  name: 'pay_in_progress',
  message:
    'the payment is still under way, though an internal error keeps the node from sending more of it: do not pay again before listpays says that it failed',
} as const;

/** The failure of a payment as it is listed; nothing for any other payment. */
export const failureField = (record: PaymentRecord) => {
  if (record.status !== 'failed') return {};
  const { name, message } = failureOf(record);
  return { error: { code: codes[name], name, message } };
};

/** Counts of channels that cannot be used now, by the reason; undefined where there are none. */
const unusableText = ({ channels }: Pick<Node, 'channels'>): string | undefined => {
  const counts = { 'without a connection to its peer': 0, 'waiting for its funding': 0, closing: 0 };
  for (const { machine } of channels.entries.values()) {
    const core = coreOf(machine.state);
    if (core === undefined || machine.state.phase === 'closed') continue;
    const name = stateName(machine.state);
    if (name === 'CHANNELD_AWAITING_LOCKIN') counts['waiting for its funding']++;
    else if (name !== 'CHANNELD_NORMAL') counts.closing++;
    else if (core.link.status !== 'online') counts['without a connection to its peer']++;
  }
  const said = Object.entries(counts).flatMap(([why, count]) => (count === 0 ? [] : [`${count} ${why}`]));
  return said.length === 0 ? undefined : `not counted are channels that cannot be used now: ${said.join(', ')}`;
};

/**
 * The result of a payment that is complete. Throws ApiError with the shards as data when it failed, and when it is still under way:
 * then nothing more is sent, but what was sent may yet be claimed.
 */
export const finished = (node: Pick<Node, 'channels' | 'payments'>, record: PaymentRecord): Paid => {
  if (record.status === 'complete') return paid(node, record);
  const { name, message } = record.status === 'pending' ? underWay : failureOf(record);
  const unusable = record.result?.code === 'amount_too_large' ? unusableText(node) : undefined;
  throw new ApiError(name, unusable === undefined ? message : `${message}; ${unusable}`, {
    payment_hash: hex(record.paymentHash),
    status: record.status,
    shards: node.payments.shardsOf(record.id).map(({ status, failure, paymentHash, route }) => ({
      status,
      failure,
      payment_hash: hex(paymentHash),
      amount_msat: Number((route.at(-1) ?? route[0]).amount),
      route: route.map(({ node: id, scid }) => ({ id: hex(id), short_channel_id: scidText(scid) })),
    })),
  });
};
