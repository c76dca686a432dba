/** What stays in the wallet for channels that may have to be taken to the chain. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LocalPair, startPair } from '../support/pair.ts';

let pair: LocalPair;
beforeAll(async () => {
  pair = await startPair();
}, 60_000);
afterAll(() => pair?.stop());

const coins = async () =>
  (await pair.nodes.alice.call('listfunds', {})).outputs.map(({ amount_msat }) => amount_msat / 1000n);
const warned = () => pair.logs.alice.filter((line) => line.includes('stay in the wallet')).length;

test('fundchannel all leaves 25,000 sat, and opens nothing where there is no more', async () => {
  await pair.endow('alice', 600_000n, 400_000n);
  await pair.nodes.alice.call('connect', {
    id: pair.nodes.bob.id,
    host: '127.0.0.1',
    port: pair.nodes.bob.node.peers.address?.port ?? 0,
  });
  const { id } = pair.nodes.bob;
  const { channel_id } = await pair.nodes.alice.call('fundchannel', { id, amount: 'all' });
  await pair.mine();
  expect(await coins()).toEqual([25_000n]);
  const { total_msat = 0n } = (await pair.channel('alice', channel_id)) ?? {};
  expect(total_msat).toBeGreaterThan(970_000_000n);
  expect(warned()).toBe(0);
  await expect(pair.nodes.alice.call('fundchannel', { id, amount: 'all' })).rejects.toThrow('not enough money');
  expect(await coins()).toEqual([25_000n]);
});

test('an amount that is asked for is given, with a warning where too little stays', async () => {
  await pair.endow('alice', 100_000n);
  const { id } = pair.nodes.bob;
  await pair.nodes.alice.call('fundchannel', { id, amount: 60_000n });
  expect(warned()).toBe(0);
  await pair.mine();
  await pair.nodes.alice.call('fundchannel', { id, amount: 50_000n });
  expect(warned()).toBe(1);
});
