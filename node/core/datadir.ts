/**
 * Checks that seed, store and backup of a datadir belong to one node. Where they do not, because somebody restored one of them, mounted
 * the wrong disk or copied half a folder, the node does not start: it creates nothing, publishes nothing and writes nothing, and an
 * error says what is wrong.
 */
import { join } from 'node:path';
import { equal, hex } from '../../wire/bytes.ts';
import { BackupError, type BackupFault } from '../backup/errors.ts';
import { backupIn } from '../backup/file.ts';
import { backupKey, openBackup } from '../backup/format.ts';
import type { Places } from '../config/config.ts';
import { networkOf } from '../ports/network.ts';
import type { Entropy, Log, Store } from '../ports/ports.ts';
import { checkStore, isMarkedFresh, markOwner, ownerOf, prepareStore } from '../store/open.ts';
import { keysOf, type NodeKeys } from '../wallet/keys.ts';
import { isSeedThere, openSeed } from '../wallet/seed.ts';
import type { Hooks } from './hooks.ts';

export type DatadirFault =
  /** There is no seed, but a store or a backup that was made with one. */
  | { readonly code: 'seed_missing'; readonly seed: string; readonly beside: string }
  | {
      readonly code: 'other_node';
      readonly store: string;
      readonly owner: string;
      readonly seed: string;
      readonly made: string;
    }
  /** The backup has channels, and the store is new. */
  | { readonly code: 'store_missing'; readonly store: string; readonly backup: string; readonly channels: number }
  | { readonly code: 'other_backup'; readonly backup: string; readonly why: string };

const describe = (fault: DatadirFault): string => {
  switch (fault.code) {
    case 'seed_missing':
      return (
        `${fault.seed} is missing, but ${fault.beside} is there and was made with a seed: no new one is made. ` +
        "Put that node's seed back, its words on one line, or choose another --dir for a new node"
      );
    case 'other_node':
      return (
        `the store in ${fault.store} belongs to the node ${fault.owner}, and the seed in ${fault.seed} is that of ${fault.made}: ` +
        'use the seed and the store of one node; nothing was changed'
      );
    case 'store_missing':
      return (
        `${fault.backup} has ${fault.channels} channel(s), and the store in ${fault.store} is empty. If the store is somewhere else, ` +
        `such as on a disk that is not mounted, put it back. If it is lost, move ${fault.backup} away, start the node, and call ` +
        '`ampere recover` with the file'
      );
    case 'other_backup':
      return (
        `${fault.backup} is no backup of this node: ${fault.why}. It is left as it is: move it away, or put the seed and the store ` +
        'here that belong to it'
      );
  }
};

/** Parts of a datadir that do not belong together. */
export class DatadirError extends Error {
  override readonly name = 'DatadirError';
  readonly fault: DatadirFault;
  constructor(fault: DatadirFault) {
    super(describe(fault));
    this.fault = fault;
  }
}

export interface DatadirParts {
  readonly config: Places;
  readonly store: Store;
  readonly entropy: Entropy;
  readonly hooks: Pick<Hooks, 'seed' | 'identity'>;
  readonly log: Pick<Log, 'info'>;
  /** Asked before a seed is made: throws where the chain, if it answers, is that of another network. */
  readonly checkChain: () => Promise<void>;
}

export interface Datadir {
  readonly keys: NodeKeys;
  /**
   * Whether the seed was made together with the store: no block before the node's first start can pay it. It stays true after a first
   * start that failed, such as for a wrong password of bitcoind, so that the next start need not read the whole chain.
   */
  readonly fresh: boolean;
}

/** Faults of a file that is not a backup of this node, rather than a damaged one of it. */
const foreign: ReadonlySet<BackupFault['code']> = new Set(['no_backup', 'other_seed', 'other_network']);

/** Throws DatadirError for a backup of another node, or one with channels beside a new store. */
const checkBackup = (
  path: string,
  bytes: Uint8Array,
  keys: NodeKeys,
  { network, networkDir }: Places,
  isNew: boolean,
): void => {
  let channels: number;
  try {
    channels = openBackup(bytes, backupKey(keys, networkOf(network))).channels.length;
  } catch (error) {
    if (!(error instanceof BackupError)) throw error;
    // Beside a store, a damaged backup of this node is renamed when the next one is written.
    if (!isNew && !foreign.has(error.fault.code)) return;
    throw new DatadirError({ code: 'other_backup', backup: path, why: error.message });
  }
  if (isNew && channels > 0)
    throw new DatadirError({ code: 'store_missing', store: join(networkDir, 'store'), backup: path, channels });
};

/**
 * Opens the seed and the store of a datadir, or creates them, once it is clear that they belong to one node. The folder must exist.
 * Throws DatadirError, StoreError, WalletError, FileError, and what `checkChain` throws; then nothing was created and nothing written.
 */
export const openDatadir = async (parts: DatadirParts): Promise<Datadir> => {
  const { config, store, entropy, hooks, log, checkChain } = parts;
  const { network, networkDir, backupFile } = config;
  const [seedFile, storeFolder] = [join(networkDir, 'seed'), join(networkDir, 'store')];
  await checkStore(store, network);
  const owner = await ownerOf(store);
  const isNew = owner === 'nobody';
  const backup = await backupIn(backupFile);
  if (hooks.seed === undefined && !(await isSeedThere(seedFile))) {
    if (!isNew) throw new DatadirError({ code: 'seed_missing', seed: seedFile, beside: storeFolder });
    if (backup !== undefined) throw new DatadirError({ code: 'seed_missing', seed: seedFile, beside: backupFile });
    await checkChain();
  }
  const { seed, fresh } = await openSeed(seedFile, entropy, hooks.seed);
  const keys = keysOf(seed, networkOf(network).coin, hooks.identity);
  if (owner instanceof Uint8Array && !equal(owner, keys.nodeId))
    throw new DatadirError({
      ...{ code: 'other_node', store: storeFolder, seed: seedFile },
      ...{ owner: hex(owner), made: hex(keys.nodeId) },
    });
  if (backup !== undefined) checkBackup(backupFile, backup, keys, config, isNew);
  await prepareStore(store, network);
  if (!(owner instanceof Uint8Array)) await markOwner(store, keys.nodeId, fresh);
  if (fresh)
    log.info(
      { file: seedFile },
      'a new seed was made: copy this file, twelve words on a line, to a safe place now. With it and a copy of channels.backup the money can be had again when the disk is lost; who reads it has the money',
    );
  return { keys, fresh: fresh || (await isMarkedFresh(store)) };
};
