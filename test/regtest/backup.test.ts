/** A node whose disk is gone, on a real chain: from its seed and a copy of its backup all settled money comes back. */
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Block } from 'bitcoinjs-lib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import type { NodeProcess } from '../../node/regtest/demo/process.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { built, restingBalances, whyNoChain } from '../support/regtest.ts';
import { settledOf } from '../support/settled.ts';

type Name = 'alice' | 'bob';

let missing: string | undefined;
let network: Network<Name>;

beforeAll(async () => {
  built('node/main.js');
  missing = await whyNoChain();
  if (missing !== undefined) return;
  network = await startNetwork<Name>({ nodes: { alice: [], bob: [] }, flags: ['--allow-static-remotekey'] });
  const coins = Array(3).fill(2_000_000n);
  await network.fund({ alice: coins, bob: coins });
});
afterAll(() => network?.stop());

const channelsOf = async (node: NodeProcess) => (await node.call('listpeerchannels')).channels;
const coinsOf = async (node: NodeProcess): Promise<bigint> => {
  const { outputs } = await node.call('listfunds');
  return outputs.reduce(
    (sum, { status, amount_msat: amount }) => (status === 'confirmed' ? sum + amount / 1000n : sum),
    0n,
  );
};
const minedSince = async (height: number) => {
  const top = z.number().parse(await network.bitcoind.call('getblockcount'));
  const blocks = [];
  for (let at = height; at <= top; at++) {
    const hash = await network.bitcoind.call('getblockhash', at);
    blocks.push(Block.fromHex(z.string().parse(await network.bitcoind.call('getblock', hash, 0))));
  }
  return blocks.flatMap(({ transactions }) => transactions ?? []);
};
const pay = async (from: NodeProcess, to: NodeProcess, amount_msat: bigint): Promise<void> => {
  const { status } = await from.call('keysend', { destination: to.id, amount_msat, scheme: 'fixed', shards: 8 });
  expect(status).toBe('complete');
};

describe('a node killed, its folder gone', () => {
  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing);
  });

  test('a node whose folder was lost recovers its balances from a backup, in channels of both types opened by either side', async () => {
    const { alice, bob } = network.nodes;
    await alice.call('connect', { id: bob.id, host: '127.0.0.1', port: bob.port });
    const oldest = [12];
    const anchors = [12, 22];
    await alice.call('fundchannel', { id: bob.id, amount: 900_000, channel_type: oldest, push_msat: 123_456_789 });
    await alice.call('fundchannel', { id: bob.id, amount: 800_000, channel_type: anchors });
    await bob.call('fundchannel', { id: alice.id, amount: 700_000, channel_type: oldest, push_msat: 99_000_001 });
    await bob.call('fundchannel', { id: alice.id, amount: 600_000, channel_type: anchors, push_msat: 55_000_002 });
    await network.mine(6);
    await until('all channels to be usable', async () => {
      const all = [...(await channelsOf(alice)), ...(await channelsOf(bob))];
      return all.length === 8 && all.every(({ state }) => state === 'CHANNELD_NORMAL') ? true : undefined;
    });
    for (let n = 1n; n <= 2n; n++) {
      await pay(alice, bob, 1_100_000_000n + n);
      await pay(bob, alice, 1_000_000_000n + n);
    }
    await restingBalances(network);
    const held = await channelsOf(alice);
    const coins = await coinsOf(alice);

    const home = join(alice.dir, 'regtest');
    const [seed, backup] = [join(network.dir, 'seed'), join(network.dir, 'copy.backup')];
    await copyFile(join(home, 'seed'), seed);
    await copyFile(join(home, 'channels.backup'), backup);
    await alice.kill();
    await rm(alice.dir, { recursive: true });
    await mkdir(home, { recursive: true });
    await copyFile(seed, join(home, 'seed'));
    const id = alice.id;
    await alice.start();
    expect(alice.id).toBe(id);
    const since = (await network.mine(1)) + 1;
    expect(await coinsOf(alice)).toBe(coins);
    expect(await channelsOf(alice)).toEqual([]);

    const { stubs } = await alice.call('recover', { file: backup });
    expect([...stubs].sort()).toEqual(held.map(({ channel_id }) => channel_id).sort());
    await until('all channels to be on chain', async () => {
      await network.mine(1);
      const all = await channelsOf(alice);
      return all.every(({ state }) => state === 'ONCHAIN') ? true : undefined;
    });
    await until(
      'all to be swept',
      async () => {
        await network.mine(1);
        const { outputs } = await alice.call('listfunds', { spent: true });
        const ours = new Set(outputs.map(({ txid }) => txid));
        const expected = coins + settledOf(held, await minedSince(since), ours);
        return (await coinsOf(alice)) === expected && ours.size >= stubs.length ? true : undefined;
      },
      { timeout: 60_000 },
    );
    const { outputs } = await alice.call('listfunds', { spent: true });
    const mined = await minedSince(since);
    const swept = mined.filter((tx) => outputs.some(({ txid }) => txid === tx.getId()));
    expect(swept).toHaveLength(stubs.length);
    // Nothing is left to come: a hundred blocks later no channel is there any more, and the coins are the same.
    const end = await coinsOf(alice);
    await network.mine(102);
    await until('the channels to be over', async () => ((await channelsOf(alice)).length === 0 ? true : undefined));
    expect(await coinsOf(alice)).toBe(end);
  });
});
