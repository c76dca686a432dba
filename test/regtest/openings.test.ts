/** A funding in and out of the chain under real processes, one of which dies meanwhile. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { built, restingBalance, whyNoChain } from '../support/regtest.ts';

type Name = 'alice' | 'bob';

let missing: string | undefined;
let network: Network<Name>;

beforeAll(async () => {
  built('node/main.js');
  missing = await whyNoChain();
  if (missing !== undefined) return;
  network = await startNetwork<Name>({ nodes: { alice: [], bob: [] } });
  await network.fund({ alice: [2_000_000n] });
});
afterAll(() => network?.stop());

/** Blocks with nothing in them but what they pay. */
const mineEmpty = async (blocks: number): Promise<void> => {
  for (let i = 0; i < blocks; i++) await network.bitcoind.call('generateblock', network.miner, []);
};
const channelOf = async (name: Name) => (await network.nodes[name].call('listpeerchannels')).channels[0];
const both = (state: string) =>
  until(`both channels to be ${state}`, async () => {
    const states = await Promise.all((['alice', 'bob'] as const).map(async (name) => (await channelOf(name))?.state));
    return states.every((one) => one === state) ? true : undefined;
  });
const pay = async (amount_msat: number): Promise<void> => {
  const { alice, bob } = network.nodes;
  const { status } = await alice.call('keysend', { destination: bob.id, amount_msat, scheme: 'fixed', shards: 1 });
  expect(status).toBe('complete');
};

describe('a funding that a reorg takes out of the chain', () => {
  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing);
  });

  test.each([1, 3])(
    'a reorg that removes a funding of %i confirmations stops the channel until it confirms again, also where one node died meanwhile',
    async (deep) => {
      const { alice, bob } = network.nodes;
      await alice.call('connect', { id: bob.id, host: '127.0.0.1', port: bob.port });
      if ((await channelOf('alice')) === undefined)
        await alice.call('fundchannel', { id: bob.id, amount: 1_000_000, announce: false });
      await network.mine(deep);
      await both('CHANNELD_NORMAL');
      await pay(10_000_000 + deep);
      const ours = await restingBalance(alice);
      const before = (await channelOf('alice'))?.short_channel_id ?? '';

      const height = Number(before.split('x')[0]);
      const hash = z.string().parse(await network.bitcoind.call('getblockhash', height));
      await bob.kill();
      const top = z.number().parse(await network.bitcoind.call('getblockcount'));
      await network.bitcoind.call('invalidateblock', hash);
      await mineEmpty(top - height + 2);
      await bob.start();
      await both('CHANNELD_AWAITING_LOCKIN');
      await expect(pay(1_000_000)).rejects.toThrow();

      await network.mine(1);
      await both('CHANNELD_NORMAL');
      const after = (await channelOf('alice'))?.short_channel_id;
      expect(after).not.toBe(before);
      expect((await channelOf('bob'))?.short_channel_id).toBe(after);
      await until('the two to be in step', async () => ((await channelOf('bob'))?.reestablished ? true : undefined));
      await pay(20_000_000);
      expect(await restingBalance(alice)).toBe(ours - 20_000_000n);
      await network.mine(1);
    },
  );
});
