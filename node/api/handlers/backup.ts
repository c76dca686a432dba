/** Methods about backups. */

import { hex } from '../../../wire/bytes.ts';
import { readBackup } from '../../backup/file.ts';
import type { Node } from '../../core/node.ts';
import { recoverFromBackup } from '../../core/recover.ts';
import type { Handlers } from '../table.ts';

export const backupHandlers = (node: Node): Pick<Handlers, 'backup' | 'recover'> => ({
  backup: async ({ file = node.config.backupFile }) => {
    const { channels, aside } = await node.backups.writeTo(file);
    return { file, channels, ...(aside !== undefined && { kept: aside }) };
  },
  recover: async ({ file }) => {
    const { ports, gate, follower, wallet, channels, addresses, reconnecting } = node;
    const contents = node.backups.read(await readBackup(file));
    const parts = {
      store: ports.store,
      chain: ports.chain,
      log: ports.log,
      gate,
      follower,
      wallet,
      channels,
      addresses,
      reconnecting,
    };
    const stubs = await recoverFromBackup(parts, contents);
    return { stubs: stubs.map(hex), written_at: contents.time };
  },
});
