/** LDK, as npm ships it, with itself: what drives it is right. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type RunningBitcoind, startBitcoind } from '../../node/regtest/demo/bitcoind.ts';
import { findBitcoind } from '../../node/regtest/demo/find.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { Ldk } from './peer.ts';

describe('LDK with LDK', () => {
  let dir = '';
  let bitcoind: RunningBitcoind;
  let miner = '';
  const nodes: Ldk[] = [];

  beforeAll(async () => {
    const { command } = await findBitcoind();
    dir = await mkdtemp(join(tmpdir(), 'ampere-interop-'));
    bitcoind = await startBitcoind({ dir: join(dir, 'bitcoind'), command });
    await bitcoind.call('createwallet', 'faucet');
    miner = z.string().parse(await bitcoind.call('getnewaddress'));
    await bitcoind.mine(101, miner);
  });
  afterAll(async () => {
    for (const node of nodes) await node.stop();
    await bitcoind?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  const start = async (name: string, anchors = false): Promise<Ldk> => {
    const node = await Ldk.start({ name, dir, bitcoind, anchors });
    nodes.push(node);
    return node;
  };

  test('a channel opens, pays each way, survives a disconnect and closes, and both sweep what is theirs', async () => {
    const [a, b] = [await start('alba'), await start('brina')];
    await a.call('connect', b.address);
    const { channelId, txid } = await a.call('open', { id: b.id, sat: 1_000_000n, pushMsat: 300_000_000n });
    await bitcoind.mine(6, miner);
    const opened = [await a.quiet(channelId), await b.quiet(channelId)];
    expect(opened.map(({ fundingTxid }) => fundingTxid)).toEqual([txid, txid]);
    for (const [payer, payee] of [
      [a, b],
      [b, a],
    ] as const) {
      const { bolt11, paymentHash } = await payee.call('invoice', { amountMsat: 20_000_000n, description: 'tea' });
      expect(await payer.call('pay', { bolt11 })).toMatchObject({ paymentHash, feeMsat: 0n });
    }
    await a.call('disconnect', { id: b.id });
    await until('both to notice', async () => ((await b.call('peers')).length === 0 ? true : undefined));
    await b.call('connect', a.address);
    const { outboundMsat, ourReserveSat = 0n } = await a.quiet(channelId);
    expect(outboundMsat + ourReserveSat * 1000n).toBe(700_000_000n);
    await b.call('close', { channelId, peer: a.id });
    for (const node of [a, b]) await node.report('channel_closed', (one) => one.channelId === channelId);
    await bitcoind.mine(8, miner);
    for (const node of [a, b]) await node.report('swept');
  });
});
