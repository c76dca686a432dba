/** `backup`: the file that the channels can be had back from. */

import { z } from 'zod';
import type { Node } from '../../../core/running.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';

const params = z.strictObject({
  file: param.file.optional().describe('where to; else the file that the node keeps up to date by itself'),
});

const result = z.object({
  file: field.text,
  channels: field.u32,
  /** Where the backup is now that was there before, if it held channels that this node does not know. */
  kept: field.text.optional(),
});

/** What it needs of a node. */
type Parts = Pick<Node, 'backups' | 'config'>;

export const backup = method({
  doc: 'Writes what it takes, beside the seed, to get the money out of every channel.',
  example: ['/media/stick/channels.backup'],
  params,
  result,
  handler: async (node: Parts, { file = node.config.backupFile }) => {
    const { channels, aside } = await node.backups.writeTo(file);
    return { file, channels, ...(aside !== undefined && { kept: aside }) };
  },
});
