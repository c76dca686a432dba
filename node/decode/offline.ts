/** What a decode without a node can use of a node's folder: its seed, for a backup. Nothing is created there. */
import { join } from 'node:path';
import { backupKey, type Contents, openBackup } from '../backup/format.ts';
import { systemEntropy } from '../base/entropy.ts';
import type { Network } from '../ports/network.ts';
import { keysOf } from '../wallet/keys.ts';
import { isSeedThere, openSeed } from '../wallet/seed.ts';

/** Opens backups with the seed in that folder; undefined where there is none. Throws FileError, WalletError. */
export const offlineBackups = async (
  networkDir: string,
  network: Network,
): Promise<((file: Uint8Array) => Contents) | undefined> => {
  const path = join(networkDir, 'seed');
  if (!(await isSeedThere(path))) return undefined;
  const { seed } = await openSeed(path, systemEntropy);
  const key = backupKey(keysOf(seed, network.coin), network);
  return (file) => openBackup(file, key);
};
