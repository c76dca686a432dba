/** `listforwards`: HTLCs that this node forwarded, or was to forward, and what became of them. */

import { z } from 'zod';
import { failureNameOf } from '../../../../onion/failuremessages.ts';
import { scidText, subMsat } from '../../../../wire/units.ts';
import type { Node } from '../../../core/running.ts';
import { type ForwardRecord, forwardStatuses } from '../../../forward/forwardlog.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';

const forward = z.object({
  created_index: field.u64,
  in_channel: field.scid,
  in_htlc_id: field.u64,
  in_msat: field.amountMsat,
  status: z.enum(forwardStatuses),
  style: z.literal('tlv'),
  received_time: field.time,
  resolved_time: field.time.optional(),
  out_channel: field.scid,
  out_htlc_id: field.u64.optional(),
  out_msat: field.amountMsat.optional(),
  fee_msat: field.amountMsat.optional(),
  /** Of a failure that was made here: BOLT 4's code, and its name. */
  failcode: field.u32.optional(),
  failreason: field.text.optional(),
});

const params = z.strictObject({
  status: param
    .word(...forwardStatuses)
    .optional()
    .describe('only forwards that stand so'),
  in_channel: param.scid.optional().describe('only HTLCs that came by this channel'),
  out_channel: param.scid.optional().describe('only HTLCs that were to leave by this channel'),
  index: param.word('created').optional().describe('the order: there is one'),
  start: param.index.optional().describe('first index to show'),
  limit: param.u32.optional().describe('how many to show'),
});

const result = z.object({ forwards: z.array(forward) });

type Params = z.output<typeof params>;
type Row = z.output<typeof forward>;

/** What an onion without an id for its incoming channel is shown with: a channel that was never mined and has no alias. */
const NO_CHANNEL = '0x0x0';

/** A forward as it is listed, and as `forward_event` tells it. */
export const forwardRow = ({ from, to, amount, toForward, end, status, ...record }: ForwardRecord): Row => {
  // An onion may ask for more than came with it: then there is no fee, and it is failed for that.
  const out = toForward <= amount ? { out_msat: toForward, fee_msat: subMsat(amount, toForward) } : {};
  const code = end?.failureCode;
  const reason = code === undefined ? undefined : failureNameOf(code);
  return {
    created_index: Number(record.createdIndex),
    in_channel: from === undefined ? NO_CHANNEL : scidText(from),
    in_htlc_id: Number(record.id),
    in_msat: amount,
    status,
    style: 'tlv',
    received_time: record.receivedAt / 1000,
    ...(end && { resolved_time: end.at / 1000 }),
    out_channel: scidText(to),
    ...(end?.outId !== undefined && { out_htlc_id: Number(end.outId) }),
    ...out,
    ...(code !== undefined && { failcode: code }),
    ...(reason !== undefined && { failreason: `WIRE_${reason.toUpperCase()}` }),
  };
};

/** What it needs of a node. */
export interface Parts {
  readonly forwards: Pick<Node['forwards'], 'list'>;
}

async function* rowsOf({ forwards }: Parts, params: Params): AsyncGenerator<Row> {
  const { status, in_channel, out_channel, start = 0, limit = Number.POSITIVE_INFINITY } = params;
  let left = limit;
  if (left === 0) return;
  for await (const record of forwards.list(BigInt(start))) {
    if (status !== undefined && record.status !== status) continue;
    if (in_channel !== undefined && record.from !== in_channel) continue;
    if (out_channel !== undefined && record.to !== out_channel) continue;
    yield forwardRow(record);
    if (--left === 0) return;
  }
}

export const listforwards = method({
  doc: 'HTLCs that this node forwarded, or was to forward, and what became of them: the latest 100,000.',
  example: ['status=settled', 'limit=10'],
  params,
  result,
  handler: async (node: Parts, params) => ({ forwards: rowsOf(node, params) }),
});
