/** `forgetknowledge`: forgets what payments taught about the channels of others. */

import { z } from 'zod';
import { hex } from '../../../../wire/bytes.ts';
import type { Node } from '../../../core/running.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';

const params = z.strictObject({
  short_channel_id: param.scid.optional().describe('only this channel'),
  id: param.nodeId.optional().describe('only channels of this node'),
});

const result = z.object({
  /** Directions of channels of which something was known. */
  forgotten: field.u32,
});

/** What it needs of a node. */
export interface Parts {
  readonly knowledge: Pick<Node['knowledge'], 'forget'>;
  readonly gate: Pick<Node['gate'], 'allSaved'>;
}

export const forgetknowledge = method({
  doc: 'Forgets what payments taught about the channels of others: all of it, or that of a channel or a node.',
  example: ['short_channel_id=103x1x0'],
  params,
  result,
  handler: async ({ knowledge, gate }: Parts, { short_channel_id, id }) => {
    const forgotten = knowledge.forget({ scid: short_channel_id, node: id && hex(id) });
    await gate.allSaved();
    return { forgotten };
  },
});
