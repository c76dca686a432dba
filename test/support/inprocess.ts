/**
 * Whole nodes in this process, on a chain in this process: real sockets and real disks, but no processes to start and every
 * part in reach. A node can be stopped in good order and started again on the same folder.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Notifications } from '../../node/api/events/notifications.ts';
import { handlersOf, type ProcessParts } from '../../node/api/handlers.ts';
import type { CallParams, HandlersOf, MethodName, Params, Result } from '../../node/api/table.ts';
import { table } from '../../node/api/table.ts';
import { cleanUpOnError } from '../../node/base/cleanup.ts';
import { systemClock, systemEntropy } from '../../node/base/entropy.ts';
import { defaultLevels, LevelTable } from '../../node/base/loglevels.ts';
import { loadConfig } from '../../node/config/config.ts';
import type { Experiments } from '../../node/core/hooks.ts';
import { type Node, openNode } from '../../node/core/node.ts';
import { openDev } from '../../node/dev/dev.ts';
import { tcpTransport } from '../../node/peer/tcp.ts';
import { networkOf } from '../../node/ports/network.ts';
import type { Chain, Clock, Log, Store } from '../../node/ports/ports.ts';
import { embeddedChain } from '../../node/regtest/chain/chain.ts';
import { type Faucet, faucetOf } from '../../node/regtest/chain/faucet.ts';
import { openRegtest, type Regtest } from '../../node/regtest/chain/regtest.ts';
import { gossipFilesAt } from '../../node/store/gossipfiles.ts';
import { levelStore } from '../../node/store/level.ts';
import { schemaRowOf } from '../../node/store/schema.ts';
import { scriptOfAddress } from '../../node/wallet/address.ts';
import { hex } from '../../wire/bytes.ts';
import { sat } from '../../wire/units.ts';
import { gathered } from './answers.ts';

/** What the process around a node adds, where the node is not a process of its own. */
export const noProcess: ProcessParts = {
  notifications: new Notifications(),
  webLink: () => undefined,
  api: () => undefined,
  stop: () => undefined,
  logLevels: new LevelTable(defaultLevels),
};

type Called = Exclude<MethodName, 'help'>;

/** A chain that mines when told, and coins for whoever needs some. */
export interface Ground {
  readonly regtest: Regtest;
  readonly faucet: Faucet;
  /** Mines blocks that pay the faucet. */
  mine(blocks: number): void;
}

const groundOn = (regtest: Regtest): Ground => {
  const faucet = faucetOf(regtest);
  const script = scriptOfAddress(faucet.address, networkOf('regtest'));
  return { regtest, faucet, mine: (blocks) => void regtest.mine(blocks, script) };
};

/** What every ground begins with, mined once a process. */
let begun: Regtest | undefined;

/** A chain whose faucet has coins to give. Throws NoInterpreter where bitcore-lib is not installed. */
export const newGround = async (): Promise<Ground> => {
  if (begun === undefined) {
    begun = await openRegtest(systemClock);
    groundOn(begun).mine(130);
  }
  return groundOn(begun.copy());
};

/** What a node has written since it was started, by commit. */
export interface Written {
  commits: number;
  records: number;
  /** Of keys and values. */
  bytes: number;
}

export interface LocalNode {
  readonly node: Node;
  readonly id: string;
  readonly written: Written;
  call<M extends Called>(method: M, given: CallParams<M>): Promise<Result<M>>;
  stop(): Promise<void>;
}

export interface LocalOptions {
  readonly dir: string;
  readonly ground: Ground;
  readonly log: Log;
  /** Options of `ampere start`, by name. */
  readonly flags?: Readonly<Record<string, string>>;
  /** What stands between the node and the chain. */
  readonly chain?: (chain: Chain) => Chain;
  /** Its store, where that is not the one on disk in `dir`. */
  readonly store?: Store;
  /** Its clock, where that is not the machine's. */
  readonly clock?: Clock;
  /** What the program that runs the node adds to it. */
  readonly experiments?: Experiments;
  /** Told of the node before it comes up. */
  readonly early?: (node: Node) => void;
  /** Told of what the node cannot go on with; a test that expects nothing of the kind fails by it. */
  readonly broke?: (error: unknown) => void;
}

const counted = (store: Store, written: Written): Store => ({
  ...store,
  commit: (changes) => {
    written.commits++;
    for (const { key, value } of changes) {
      if (schemaRowOf(key) === undefined) throw new Error(`a record outside the store's schema: ${key}`);
      written.records++;
      written.bytes += key.length + (value?.length ?? 0);
    }
    return store.commit(changes);
  },
});

/** Starts a node on a folder, made if it is not there; port 0 unless `flags` say otherwise. */
export const startLocal = async ({
  dir,
  ground,
  log,
  flags = {},
  chain = (one) => one,
  store,
  clock = systemClock,
  broke = (error) => {
    throw error;
  },
  early,
  experiments = {},
}: LocalOptions): Promise<LocalNode> => {
  const config = loadConfig({
    flags: {
      dir,
      listen: '127.0.0.1:0',
      api: 'off',
      bitcoind: 'http://unused:unused@127.0.0.1:1',
      dev: 'true',
      ...flags,
    },
    env: {},
    read: () => undefined,
  });
  await mkdir(config.networkDir, { recursive: true, mode: 0o700 });
  if (config.dev === undefined) throw new Error('expected a node with --dev');
  const die = (): void => {
    throw new Error('a node in this process cannot die alone');
  };
  const dev = openDev(config.dev, { log, clock, die });
  const written: Written = { commits: 0, records: 0, bytes: 0 };
  const kept = store ?? (await levelStore(join(config.networkDir, 'store')));
  const opening = openNode({
    config,
    ports: {
      chain: chain(embeddedChain(ground.regtest, systemClock)),
      store: dev.saves.wrap(counted(kept, written)),
      gossip: gossipFilesAt(join(config.networkDir, 'gossip')),
      transport: tcpTransport(),
      clock,
      entropy: systemEntropy,
      log,
    },
    hooks: dev.hooks,
    experiments,
    onFailure: broke,
  });
  const node = await cleanUpOnError(opening, () => kept.close());
  early?.(node);
  await cleanUpOnError(node.begin(), node.stop);
  const handlers: HandlersOf<Called> = { ...handlersOf(node, noProcess), ...dev.handlers(node) };
  const signal = new AbortController().signal;
  return {
    node,
    id: hex(node.keys.nodeId),
    written,
    call: (method, given) => {
      const params = table[method].params.parse(given) as Params<typeof method>;
      return handlers[method](params, { signal }).then(gathered<typeof method>);
    },
    stop: () => node.stop(),
  };
};

/** Gives a node's wallet coins of these sizes, in satoshi, and mines them. */
export const endow = async (ground: Ground, { node }: LocalNode, coins: readonly bigint[]): Promise<void> => {
  const outputs = [];
  for (const amount of coins) outputs.push({ script: (await node.wallet.newAddress()).script, amount: sat(amount) });
  ground.faucet.give(outputs);
  ground.mine(1);
};
