/**
 * `listhtlcs`: the HTLCs under way in every channel. Core Lightning's lists those of the past too, numbered in the order in which they
 * came; here they are listed while a channel has them, in the order of the channels, and have no number.
 */

import { z } from 'zod';
import { scidText } from '../../../../wire/units.ts';
import { coreOf, type Entry } from '../../../channels/entry.ts';
import { shortIdOf } from '../../../channels/views.ts';
import type { Node } from '../../../core/running.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';
import { found } from './findchannel.ts';
import { htlc, htlcsUnderWay } from './htlcrow.ts';

const params = z.strictObject({
  id: param.channelRef.optional().describe('only those of this channel, or of the peer we have just one with'),
  index: param.refused.describe('an order: HTLCs stand in that of their channels'),
  start: param.refused.describe('a place in an order'),
  limit: param.u32.optional().describe('how many to show'),
});

const row = z.object({ short_channel_id: field.scid.optional(), ...htlc.shape });

const result = z.object({ htlcs: z.array(row) });

type Row = z.output<typeof row>;

async function* rowsOf(entries: readonly Entry[], limit: number): AsyncGenerator<Row> {
  let left = limit;
  for (const entry of entries) {
    const core = coreOf(entry.machine.state);
    if (core === undefined) continue;
    const scid = shortIdOf(entry);
    for (const one of htlcsUnderWay(core)) {
      if (left-- <= 0) return;
      yield { ...(scid !== undefined && { short_channel_id: scidText(scid) }), ...one };
    }
  }
}

/** What it needs of a node. */
type Parts = Pick<Node, 'channels'>;

export const listhtlcs = method({
  doc: 'HTLCs under way, in all channels or in one.',
  example: ['103x1x0'],
  params,
  result,
  handler: async (node: Parts, { id, limit = Number.POSITIVE_INFINITY }) => ({
    htlcs: rowsOf(id === undefined ? [...node.channels.entries.values()] : [found(node, id)], limit),
  }),
});
