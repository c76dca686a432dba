/** Methods about backups. */

import { hex } from '../../wire/bytes.ts';
import { ApiError } from '../api/errors.ts';
import type { Handlers } from '../api/table.ts';
import { BackupError } from '../backup/errors.ts';
import { readBackup } from '../backup/file.ts';
import { recover } from '../backup/recover.ts';
import type { Node } from '../node.ts';

/** A refusal that the caller should know of. */
const told = async <T>(run: () => Promise<T>): Promise<T> => {
  try {
    return await run();
  } catch (error) {
    if (error instanceof BackupError) throw new ApiError('general', error.message, { fault: error.fault.code });
    throw error;
  }
};

export const backupHandlers = (node: Node): Pick<Handlers, 'backup' | 'recover'> => ({
  backup: ({ file = node.config.backupFile }) =>
    told(async () => {
      const { channels, aside } = await node.backups.writeTo(file);
      return { file, channels, ...(aside !== undefined && { kept: aside }) };
    }),
  recover: ({ file }) =>
    told(async () => {
      const { ports, gate, follower, wallet, channels, addresses, calling } = node;
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
        calling,
      };
      const stubs = await recover(parts, contents);
      return { stubs: stubs.map(hex), written_at: contents.time };
    }),
});
