/** Our disk is gone, and the peer is LDK: it closes when our node, back from its backup, asks; and all of ours comes back. */
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Block } from 'bitcoinjs-lib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { settledOf } from '../support/settled.ts';
import { fillPurses, mineFor } from './ground.ts';
import { Ours } from './ours.ts';
import { Ldk } from './peer.ts';

let net: Network<'ada'>;
let ada: Ours;
const ldks: Ldk[] = [];

beforeAll(async () => {
  net = await startNetwork({ nodes: { ada: [] } });
  ada = new Ours(net.nodes.ada);
  for (const [name, anchors] of [
    ['lea', false],
    ['lou', true],
  ] as const)
    ldks.push(await Ldk.start({ name, dir: net.dir, bitcoind: net.bitcoind, anchors }));
  await net.fund({ ada: [2_000_000n, 2_000_000n] });
  await fillPurses(net, ldks);
});
afterAll(async () => {
  for (const ldk of ldks) await ldk.stop();
  await net?.stop();
});

const coins = async (): Promise<bigint> => {
  const { outputs } = await ada.node.call('listfunds');
  return outputs.reduce(
    (sum, { status, amount_msat }) => (status === 'confirmed' ? sum + amount_msat / 1000n : sum),
    0n,
  );
};
const minedSince = async (height: number) => {
  const top = z.number().parse(await net.bitcoind.call('getblockcount'));
  const blocks = [];
  for (let at = height; at <= top; at++) {
    const hash = await net.bitcoind.call('getblockhash', at);
    blocks.push(Block.fromHex(z.string().parse(await net.bitcoind.call('getblock', hash, 0))));
  }
  return blocks.flatMap(({ transactions }) => transactions ?? []);
};

test('channels of both kinds, opened by either side', async () => {
  const channelIds: string[] = [];
  for (const ldk of ldks) {
    await ada.connect(ldk, 'ours');
    const ours = await ada.node.call('fundchannel', { id: ldk.id, amount: 900_000n, push_msat: 300_000_000n });
    const theirs = await ldk.call('open', { id: ada.node.id, sat: 800_000n, pushMsat: 200_000_000n, announce: true });
    channelIds.push(ours.channel_id, theirs.channelId);
    await mineFor(net, ldks, 6);
    for (const id of [ours.channel_id, theirs.channelId]) await ada.agree(ldk, id);
    await ada.pays(ldk, 50_000_123n);
    await ada.paidBy(ldk, 20_000_456n);
    for (const id of [ours.channel_id, theirs.channelId]) await ada.agree(ldk, id);
  }
  const { channels: held } = await ada.node.call('listpeerchannels');
  expect(held).toHaveLength(4);
  const before = await coins();

  const home = join(ada.node.dir, 'regtest');
  const [seed, backup] = [join(net.dir, 'seed'), join(net.dir, 'copy.backup')];
  await copyFile(join(home, 'seed'), seed);
  await copyFile(join(home, 'channels.backup'), backup);
  await ada.node.kill();
  await rm(ada.node.dir, { recursive: true });
  await mkdir(home, { recursive: true });
  await copyFile(seed, join(home, 'seed'));
  await ada.node.start();
  const since = (await net.mine(1)) + 1;
  expect(await coins()).toBe(before);

  const { stubs } = await ada.node.call('recover', { file: backup });
  expect([...stubs].sort()).toEqual([...channelIds].sort());
  await until('LDK to have closed all', async () => {
    for (const ldk of ldks) if ((await ldk.call('channels')).length > 0) return undefined;
    return true;
  });
  await until(
    'all to be swept',
    async () => {
      await mineFor(net, ldks, 1);
      const { channels } = await ada.node.call('listpeerchannels');
      if (!channels.every(({ state }) => state === 'ONCHAIN')) return undefined;
      const { outputs } = await ada.node.call('listfunds', { spent: true });
      const ours = new Set(outputs.map(({ txid }) => txid));
      const mined = await minedSince(since);
      const swept = mined.filter((tx) => ours.has(tx.getId())).length;
      return swept === stubs.length && (await coins()) === before + settledOf(held, mined, ours) ? true : undefined;
    },
    { timeout: 120_000 },
  );
});
