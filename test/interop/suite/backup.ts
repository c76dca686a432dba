/** Cases of a node of ours that has lost its disk: its peers close when it asks, and all of its own comes back. */
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Block } from 'bitcoinjs-lib';
import { expect } from 'vitest';
import { z } from 'zod';
import { until } from '../../../node/regtest/demo/wait.ts';
import { settledOf } from '../../support/settled.ts';
import type { Case } from './case.ts';
import { coinsOf } from './onchain.ts';
import type { Pair } from './pair.ts';

/** Every transaction since a height. */
const minedSince = async ({ net: { bitcoind } }: Pair, height: number) => {
  const top = z.number().parse(await bitcoind.call('getblockcount'));
  const blocks = [];
  for (let at = height; at <= top; at++) {
    const hash = await bitcoind.call('getblockhash', at);
    blocks.push(Block.fromHex(z.string().parse(await bitcoind.call('getblock', hash, 0))));
  }
  return blocks.flatMap(({ transactions }) => transactions ?? []);
};

/** Our node without anything but its seed, and the backup file as it was. */
const disklost = async ({ net, ours }: Pair): Promise<string> => {
  const home = join(ours.dir, 'regtest');
  const [seed, backup] = [join(net.dir, 'seed'), join(net.dir, 'copy.backup')];
  await copyFile(join(home, 'seed'), seed);
  await copyFile(join(home, 'channels.backup'), backup);
  await ours.kill();
  await rm(ours.dir, { recursive: true });
  await mkdir(home, { recursive: true });
  await copyFile(seed, join(home, 'seed'));
  await ours.start();
  return backup;
};

export const backup: readonly Case<Pair>[] = [
  {
    text: 'A is back from its backup with channels that either opened, and B closes them when A asks: all of its own is swept',
    needs: ['force close'],
    ways: ['out'],
    run: async (pair) => {
      const { ours, peer } = pair;
      const ids: string[] = [];
      for (const way of ['out', 'in'] as const)
        ids.push(await pair.open(way, { sat: 900_000n, pushMsat: 300_000_000n }));
      await pair.firstPayment();
      await pair.pay('out', 50_000_000n);
      await pair.rest();
      const { channels: held } = await ours.call('listpeerchannels');
      const before = await coinsOf(pair);
      const file = await disklost(pair);
      await pair.mine(1);
      const since = z.number().parse(await pair.net.bitcoind.call('getblockcount')) + 1;
      expect(await coinsOf(pair)).toBe(before);
      const { stubs } = await ours.call('recover', { file });
      expect([...stubs].sort()).toEqual([...ids].sort());
      await until('the peer to have closed all', async () => {
        const left = (await peer.channels()).filter(({ usable }) => usable);
        return left.length === 0 ? true : undefined;
      });
      await until(
        'all to be swept',
        async () => {
          await pair.mine(1);
          const { channels } = await ours.call('listpeerchannels');
          if (!channels.every(({ state }) => state === 'ONCHAIN')) return undefined;
          const { outputs } = await ours.call('listfunds', { spent: true });
          const own = new Set(outputs.map(({ txid }) => txid));
          const mined = await minedSince(pair, since);
          const swept = mined.filter((tx) => own.has(tx.getId())).length;
          return swept === stubs.length && (await coinsOf(pair)) === before + settledOf(held, mined, own)
            ? true
            : undefined;
        },
        { timeout: 120_000 },
      );
    },
  },
];
