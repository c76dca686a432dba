/** `recover`: the channels of a backup. Core Lightning's emergencyrecover and recoverchannel answer with `stubs`, and so does this. */

import { z } from 'zod';
import { hex } from '../../../../wire/bytes.ts';
import { readBackup } from '../../../backup/file.ts';
import { recoverFromBackup } from '../../../core/recover.ts';
import type { Node } from '../../../core/running.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';

const params = z.strictObject({
  file: param.file.describe('a backup of a node with the same seed'),
});

const result = z.object({
  /** The channel_id of each channel taken back. */
  stubs: z.array(field.hash),
  /** Seconds since 1970 at which the backup was written. */
  written_at: field.time,
});

/** What it needs of a node. */
type Parts = Pick<
  Node,
  'addresses' | 'backups' | 'reconnecting' | 'channels' | 'channelHost' | 'follower' | 'gate' | 'ports' | 'wallet'
>;

export const recover = method({
  doc: 'Takes back the channels of a backup that this node does not know: their peers are asked to close them.',
  example: ['/media/stick/channels.backup'],
  params,
  result,
  handler: async (node: Parts, { file }) => {
    const { ports, gate, follower, wallet, channels, channelHost, addresses, reconnecting } = node;
    const contents = node.backups.read(await readBackup(file));
    const parts = {
      store: ports.store,
      chain: ports.chain,
      log: ports.log,
      gate,
      follower,
      wallet,
      channels,
      channelHost,
      addresses,
      reconnecting,
    };
    const stubs = await recoverFromBackup(parts, contents);
    return { stubs: stubs.map(hex), written_at: contents.time };
  },
});
