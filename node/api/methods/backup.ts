/** Methods about backups. Core Lightning's emergencyrecover and recoverchannel answer with `stubs`, and so does ours. */
import { z } from 'zod';
import { methods } from '../method.ts';
import * as given from '../params.ts';
import * as shown from '../results.ts';

export const backupMethods = methods({
  backup: {
    doc: 'Writes what it takes, beside the seed, to get the money out of every channel.',
    params: z.strictObject({
      file: given.file.optional().describe('where to; else the file that the node keeps up to date by itself'),
    }),
    result: z.object({
      file: shown.text,
      channels: shown.u32,
      /** Where the backup is now that was there before, if it held channels that this node does not know. */
      kept: shown.text.optional(),
    }),
  },
  recover: {
    doc: 'Takes back the channels of a backup that this node does not know: their peers are asked to close them.',
    params: z.strictObject({
      file: given.file.describe('a backup of a node with the same seed'),
    }),
    result: z.object({
      /** The channel_id of each channel taken back. */
      stubs: z.array(shown.hash),
      /** Seconds since 1970 at which the backup was written. */
      written_at: shown.time,
    }),
  },
});
