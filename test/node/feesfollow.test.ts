/** The chain asks for other fees: channels follow it, on whole nodes, and payments go on. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endow, type Ground, type LocalNode, newGround, startLocal } from '../support/inprocess.ts';
import { memoryLog } from '../support/peers.ts';

let dir = '';
let ground: Ground;
let alice: LocalNode;
let bob: LocalNode;

const start = (name: string): Promise<LocalNode> =>
  startLocal({ dir: join(dir, name), ground, log: memoryLog(), flags: { 'allow-static-remotekey': 'true' } });

/** Resolves once it is so; rejects after a minute. */
const becomes = async (what: string, check: () => Promise<boolean>): Promise<void> => {
  for (let i = 0; i < 3000; i++) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`it did not come to this: ${what}`);
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-fees-'));
  ground = await newGround();
  [alice, bob] = await Promise.all([start('alice'), start('bob')]);
  await endow(ground, alice, [2_000_000n, 2_000_000n]);
  await becomes('coins', async () => alice.node.wallet.spendable(1) === 4_000_000n);
});
afterAll(async () => {
  await Promise.all([alice.stop(), bob.stop()]);
  await rm(dir, { recursive: true, force: true });
});

/** The feerate of each channel as a node has it, by the kind of channel. */
const rates = async (node: LocalNode): Promise<Readonly<Record<string, number>>> => {
  const { channels } = await node.call('listpeerchannels', {});
  return Object.fromEntries(
    channels.map(({ channel_type: type, feerate }) => [(type?.bits ?? []).join(' '), feerate?.perkw ?? 0]),
  );
};
const both = (anchors: number, others: number) => async (): Promise<boolean> => {
  const all = await Promise.all([rates(alice), rates(bob)]);
  return all.every((rate) => rate['12 22'] === anchors && rate['12'] === others);
};

test('the opener raises it, with anchors no further than it must, and lowers it again', async () => {
  const port = bob.node.peers.address?.port ?? 0;
  await alice.call('connect', { id: bob.id, host: '127.0.0.1', port });
  for (const channel_type of [[12, 22], [12]])
    await alice.call('fundchannel', { id: bob.id, amount: 1_000_000, announce: false, channel_type });
  ground.mine(1);
  await becomes('both channels in use', async () => {
    const { channels } = await bob.call('listpeerchannels', {});
    return channels.length === 2 && channels.every(({ state }) => state === 'CHANNELD_NORMAL');
  });
  // While there is no estimate.
  expect(await both(2500, 2500)()).toBe(true);

  ground.regtest.demand = 10_000;
  ground.mine(1);
  await becomes('the higher feerate', both(2500, 10_000));
  const { bolt11 } = await bob.call('invoice', { amount_msat: 50_000_000, label: 'dear', description: 'dear' });
  expect((await alice.call('pay', { bolt11 })).status).toBe('complete');

  ground.regtest.demand = 9_500;
  ground.mine(1);
  await becomes('the block', async () => alice.node.feerate() === 9_500);
  // Near enough: nothing is said about it.
  expect(await both(2500, 10_000)()).toBe(true);
  ground.regtest.demand = 300;
  ground.mine(1);
  await becomes('the lower feerate', both(300, 300));
  const { channels } = await alice.call('listpeerchannels', {});
  expect(channels.every(({ state }) => state === 'CHANNELD_NORMAL')).toBe(true);
});

test('a channel that was away when the estimate changed follows it once its peer is back', async () => {
  await bob.stop();
  ground.regtest.demand = 2_000;
  ground.mine(1);
  await becomes('the block', async () => alice.node.feerate() === 2_000);
  bob = await start('bob');
  await alice.call('connect', { id: bob.id, host: '127.0.0.1', port: bob.node.peers.address?.port ?? 0 });
  await becomes('the feerate', both(2_000, 2_000));
});
