/** `listknowledge`: what payments taught about the channels of others, and how much it still counts in the choice of routes. */

import { z } from 'zod';
import { type Tried, weightOf } from '../../../../amp/knowledge.ts';
import { hex } from '../../../../wire/bytes.ts';
import { scidText } from '../../../../wire/units.ts';
import type { Node } from '../../../core/running.ts';
import type { KnownDirection } from '../../../pay/knowledge.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';

const direction = z.object({
  updated_index: field.u64,
  short_channel_id: field.scid,
  direction: field.u32,
  source: field.nodeId,
  destination: field.nodeId,
  /** The most that the channel carried in this direction, and when. */
  carried_msat: field.amountMsat.optional(),
  carried_at: field.time.optional(),
  /** The least that it did not carry, 0 where nothing would be carried, when that was, and how much it still counts. */
  failed_msat: field.amountMsat.optional(),
  failed_at: field.time.optional(),
  failed_weight_percent: field.u32.optional(),
});

const params = z.strictObject({
  short_channel_id: param.scid.optional().describe('only this channel'),
  id: param.nodeId.optional().describe('only channels of this node'),
  index: param.word('updated').optional().describe('the order: there is one'),
  start: param.index.optional().describe('first index to show'),
  limit: param.u32.optional().describe('how many to show'),
});

const result = z.object({ directions: z.array(direction) });

type Params = z.output<typeof params>;
type Row = z.output<typeof direction>;

const triedFields = <N extends 'carried' | 'failed'>(name: N, tried: Tried | undefined) =>
  tried === undefined ? {} : { [`${name}_msat`]: tried.amount, [`${name}_at`]: tried.at };

const rowOf = ({ index, scid, from, to, carried, failed }: KnownDirection, now: number): Row => ({
  updated_index: Number(index),
  short_channel_id: scidText(scid),
  direction: from < to ? 0 : 1,
  source: from,
  destination: to,
  ...triedFields('carried', carried),
  ...triedFields('failed', failed),
  ...(failed && { failed_weight_percent: Math.round(100 * weightOf(failed, now)) }),
});

/** What it needs of a node. */
export interface Parts {
  readonly knowledge: Pick<Node['knowledge'], 'list'>;
  readonly now: Node['now'];
}

async function* rowsOf({ knowledge, now }: Parts, given: Params): AsyncGenerator<Row> {
  const { short_channel_id, id, start = 0, limit = Number.POSITIVE_INFINITY } = given;
  const node = id && hex(id);
  let left = limit;
  if (left === 0) return;
  for (const one of knowledge.list(BigInt(start))) {
    if (short_channel_id !== undefined && one.scid !== short_channel_id) continue;
    if (node !== undefined && one.from !== node && one.to !== node) continue;
    yield rowOf(one, now());
    if (--left === 0) return;
  }
}

export const listknowledge = method({
  doc: 'What payments taught about the channels of others: the latest 10,000 directions, for six hours.',
  example: ['short_channel_id=103x1x0'],
  params,
  result,
  handler: async (node: Parts, params) => ({ directions: rowsOf(node, params) }),
});
