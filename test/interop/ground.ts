/** Blocks for tests with LDK: a chain for LDK alone, coins for its nodes, and what a block holds. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { networkOf } from '../../node/ports/network.ts';
import { type RunningBitcoind, startBitcoind } from '../../node/regtest/demo/bitcoind.ts';
import { findBitcoind } from '../../node/regtest/demo/find.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { addressOfScript } from '../../node/wallet/address.ts';
import type { Ldk } from './peer.ts';

/** A chain that blocks can be put on: of a network of ours, or one for LDK alone. */
export interface Ground {
  readonly dir: string;
  readonly bitcoind: RunningBitcoind;
  /** Mines blocks; resolves when every node of ours has taken them. */
  mine(blocks: number): Promise<unknown>;
}

/** A bitcoind with a full faucet and no node of ours. */
export const startGround = async (): Promise<Ground & { stop(): Promise<void> }> => {
  const { command } = await findBitcoind();
  const dir = await mkdtemp(join(tmpdir(), 'ampere-interop-'));
  const bitcoind = await startBitcoind({ dir: join(dir, 'bitcoind'), command });
  await bitcoind.call('createwallet', 'faucet');
  const miner = z.string().parse(await bitcoind.call('getnewaddress'));
  const mine = (blocks: number) => bitcoind.mine(blocks, miner);
  await mine(101);
  const stop = async (): Promise<void> => {
    await bitcoind.stop();
    await rm(dir, { recursive: true, force: true });
  };
  return { dir, bitcoind, mine, stop };
};

/** Puts this many coins of 100,000 sat into each LDK node's purse: what an anchor channel's fees come from. */
export const fillPurses = async (ground: Ground, nodes: readonly Ldk[], coins = 8): Promise<void> => {
  const { bitcoind } = ground;
  for (const node of nodes) {
    const { script } = await node.call('purse');
    const address = addressOfScript(script, networkOf('regtest')) ?? '';
    for (let i = 0; i < coins; i++) await bitcoind.call('sendtoaddress', address, '0.001');
  }
  await mineFor(ground, nodes, 1);
  for (const node of nodes)
    await until(`${node.name}'s coins to come`, async () => {
      if ((await node.call('purse')).coins.length >= coins) return true;
      // One that missed the last block is in the next.
      await mineFor(ground, nodes, 1);
      return undefined;
    });
};

/** Mines blocks; resolves when the nodes have taken them and what LDK has to say of them is in the mempool. */
export const mineFor = async (ground: Ground, nodes: readonly Ldk[], blocks: number): Promise<void> => {
  await ground.mine(blocks);
  await Promise.all(nodes.map((node) => node.call('sync')));
};

/** Blocks mined at once: while something may happen that somebody has to answer, and when nothing but delays is left. */
export const stride = 6;
const longStride = 24;
/** What LDK waits for without doing anything: outputs of its own to mature, and sweeps. */
const delays: readonly string[] = ['ClaimableAwaitingConfirmations', 'Unswept'];

/** How many blocks to mine at once for the sake of these nodes. */
export const strideFor = async (nodes: readonly Ldk[]): Promise<number> => {
  const waits = await Promise.all(nodes.map((node) => node.call('balances')));
  return waits.flat().every(({ kind }) => delays.includes(kind)) ? longStride : stride;
};

/**
 * Takes the last blocks out of the chain and puts one more than these in their place. What was in them is in the mempool
 * again, and so in the new ones, unless it depended on the old ones.
 */
export const reorganize = async ({ bitcoind }: Ground, nodes: readonly Ldk[], depth: number): Promise<void> => {
  const height = z.number().parse(await bitcoind.call('getblockcount'));
  await bitcoind.call('invalidateblock', await bitcoind.call('getblockhash', height - depth + 1));
  for (const node of nodes)
    await until(`${node.name} to go back`, async () =>
      (await node.call('sync')).height === height - depth ? true : undefined,
    );
  // To another address than before: the same block again would still be invalid.
  await bitcoind.mine(depth + 1, z.string().parse(await bitcoind.call('getnewaddress')));
  await Promise.all(nodes.map((node) => node.call('sync')));
};
