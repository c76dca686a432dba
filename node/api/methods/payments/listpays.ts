/** `listpays`: payments made from here and what became of them. */

import { z } from 'zod';
import { hex } from '../../../../wire/bytes.ts';
import { scidText } from '../../../../wire/units.ts';
import type { Node } from '../../../core/running.ts';
import { amountOf, isAmp, type PaymentRecord } from '../../../pay/paymentrecord.ts';
import type { PlanRecord } from '../../../pay/shards.ts';
import { method } from '../../method.ts';
import * as field from '../../results.ts';
import { inOrder, listParams, pageOf, type Wanted, wantedOf } from './paymentlists.ts';
import { failureField, partial, shard, shardOf } from './paymentrow.ts';
import { groupRow, groupsOf, type SendpayGroup } from './sendpaygroups.ts';

/** How the amount was cut at first, of payments since the node was started: into which HTLCs, and for which channels of ours. */
const plan = z.object({
  strategy: field.text,
  parts_msat: z.array(field.amountMsat),
  /** HTLCs that all channels would have taken then, together. */
  htlc_slots: field.u32,
  /** Those that could carry most in one HTLC, twenty at most: the most and the least that it could carry, and how many they would take. */
  channels: z.array(
    z.object({
      short_channel_id: field.scid,
      spendable_msat: field.amountMsat,
      minimum_htlc_msat: field.amountMsat.optional(),
      htlc_slots: field.u32,
    }),
  ),
});

const result = z.object({
  pays: z.array(
    z.object({
      payment_hash: field.hash,
      status: z.enum(['pending', 'failed', 'complete']),
      destination: field.nodeId.optional(),
      created_at: field.u64,
      completed_at: field.u64.optional(),
      label: field.text.optional(),
      bolt11: field.text.optional(),
      description: field.text.optional(),
      created_index: field.u64,
      updated_index: field.u64.optional(),
      amount_msat: field.amountMsat.optional(),
      amount_sent_msat: field.amountMsat.optional(),
      preimage: field.hash.optional(),
      number_of_parts: field.u64.optional(),
      warning_partial_completion: field.text.optional(),
      erroronion: field.hexText.optional(),
      /** Why it failed: what `pay` answered to whoever waited for it. */
      error: z.object({ code: z.number().int(), name: field.text, message: field.text }).optional(),
      payment_preimages: z.array(field.hash).optional(),
      scheme: field.text.optional(),
      /** By which the amount was cut, where the caller named one. */
      strategy: field.text.optional(),
      /** Which routes it prefers, where the caller said so. */
      prefer: field.text.optional(),
      plan: plan.optional(),
      shards: z.array(shard).optional(),
    }),
  ),
});

type Result = z.output<typeof result>;

type Row = Result['pays'][number];

/** What it needs of a node. */
export interface Parts {
  readonly payments: Pick<Node['payments'], 'list' | 'pending' | 'shardsOf'> & {
    readonly shards: Pick<Node['payments']['shards'], 'plan'>;
  };
  readonly sendpays: Pick<Node['sendpays'], 'list' | 'pending'>;
  readonly keys: Pick<Node['keys'], 'nodeId'>;
}

const planRow = ({ strategy, pieces, slots, outlets }: PlanRecord): z.output<typeof plan> => ({
  strategy,
  parts_msat: [...pieces],
  htlc_slots: slots,
  channels: outlets.map((outlet) => ({
    short_channel_id: scidText(outlet.scid),
    spendable_msat: outlet.spendable,
    ...(outlet.minimum !== undefined && { minimum_htlc_msat: outlet.minimum }),
    htlc_slots: outlet.slots,
  })),
});

const payRow = (node: Parts, record: PaymentRecord): Row => {
  const { result } = record;
  const shards = node.payments.shardsOf(record.id);
  const planned = node.payments.shards.plan(record.id);
  return {
    payment_hash: hex(record.paymentHash),
    status: record.status,
    destination: hex(record.destination),
    created_at: record.createdAt,
    created_index: Number(record.createdIndex),
    amount_msat: amountOf(record),
    ...(record.label !== undefined && { label: record.label }),
    ...(record.bolt11 !== undefined && { bolt11: record.bolt11 }),
    ...(record.description !== undefined && { description: record.description }),
    ...partial(record),
    ...failureField(record),
    ...(result && {
      completed_at: result.at,
      amount_sent_msat: result.sent,
      number_of_parts: result.parts,
      payment_preimages: result.preimages.map(hex),
      ...(!isAmp(record) && result.preimages[0] && { preimage: hex(result.preimages[0]) }),
    }),
    scheme: record.scheme,
    ...(record.strategy !== undefined && { strategy: record.strategy }),
    ...(record.prefer !== undefined && { prefer: record.prefer }),
    ...(planned && { plan: planRow(planned) }),
    ...(shards.length > 0 && { shards: shards.map(shardOf) }),
  };
};

const rowsOf = (node: Parts, wanted: Wanted<Row['status']>): AsyncGenerator<Row> => {
  const first = BigInt(wanted.start ?? 0);
  const onlyPending = wanted.status === 'pending';
  const all = inOrder<PaymentRecord | SendpayGroup>(
    onlyPending ? node.payments.pending() : node.payments.list(first, wanted.hash),
    groupsOf(node, onlyPending, first, wanted.hash),
  );
  return pageOf(all, wanted, (one) => ('parts' in one ? groupRow(node.keys.nodeId, one) : payRow(node, one)));
};

export const listpays = method({
  doc: 'Payments made from here and what became of them.',
  aliases: { invstring: 'bolt11' },
  example: ['status=failed'],
  params: listParams,
  result,
  handler: async (node: Parts, params) => {
    const wanted = wantedOf(params);
    return { pays: wanted === undefined ? [] : rowsOf(node, wanted) };
  },
});
