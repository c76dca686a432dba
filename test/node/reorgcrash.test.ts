/** A node that dies between writing that a reorg took something out of the chain and telling its channel. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { networkOf } from '../../node/ports/network.ts';
import { scriptOfAddress } from '../../node/wallet/address.ts';
import { dyingStore } from '../support/dying.ts';
import { endow, type Ground, type LocalNode, newGround, startLocal } from '../support/inprocess.ts';
import { becomes, reaches } from '../support/observed.ts';
import { memoryLog } from '../support/peers.ts';

const records = new Map<string, Uint8Array>();
let dir = '';
let ground: Ground;
let disk = dyingStore(records);
let alice: LocalNode;
let bob: LocalNode;

const start = (name: string, given = {}): Promise<LocalNode> =>
  startLocal({ dir: join(dir, name), ground, log: memoryLog([]), ...given });
const mineOnly = (blocks: number): void =>
  void ground.regtest.mine(blocks, scriptOfAddress(ground.faucet.address, networkOf('regtest')), { only: [] });
const seesTip = ({ node }: LocalNode): boolean => node.follower.top.hash === ground.regtest.ledger.tip.hash;
const connect = () => alice.call('connect', { id: bob.id, host: '127.0.0.1', port: bob.node.peers.address?.port ?? 0 });

/** Alice dies once a save that takes back a block is made, and is started again on what she wrote. */
const dieInReorg = async (reorg: () => void): Promise<void> => {
  disk.dieAfter((keys) =>
    keys.some((key) => key.startsWith('-chain/block/') && !keys.some((k) => k.startsWith('+chain/block'))),
  );
  reorg();
  await becomes('alice dead', () => disk.dead);
  await alice.node.peers.stop();
  disk = dyingStore(records);
  alice = await start('alice', { store: disk.store });
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-reorgcrash-'));
  ground = await newGround();
  [alice, bob] = [await start('alice', { store: disk.store }), await start('bob')];
  await endow(ground, alice, [1_000_000n, 1_000_000n, 1_000_000n]);
  await becomes('both at the tip', () => seesTip(alice) && seesTip(bob));
});
afterAll(async () => {
  await Promise.all([alice.stop(), bob.stop()]);
  await rm(dir, { recursive: true, force: true });
});

test('its funding: after the restart the channel is not used, and comes back with its block', async () => {
  await connect();
  const { channel_id } = await alice.call('fundchannel', { id: bob.id, amount: 500_000, announce: false });
  ground.mine(1);
  for (const node of [alice, bob]) await reaches(node, channel_id, 'CHANNELD_NORMAL');
  await dieInReorg(() => {
    ground.regtest.drop(1);
    mineOnly(2);
  });
  await connect();
  for (const node of [alice, bob]) await reaches(node, channel_id, 'CHANNELD_AWAITING_LOCKIN');
  ground.mine(1);
  for (const node of [alice, bob]) await reaches(node, channel_id, 'CHANNELD_NORMAL');
});

test('its close: after the restart the closing is published again, and ends in the next block', async () => {
  await connect();
  const { channel_id } = await alice.call('fundchannel', { id: bob.id, amount: 500_000, announce: false });
  ground.mine(1);
  for (const node of [alice, bob]) await reaches(node, channel_id, 'CHANNELD_NORMAL');
  await alice.call('close', { id: channel_id });
  ground.mine(1);
  await reaches(alice, channel_id, 'ONCHAIN');
  await dieInReorg(() => {
    ground.regtest.drop(1);
    mineOnly(2);
  });
  await reaches(alice, channel_id, 'CLOSINGD_COMPLETE');
  ground.mine(1);
  await reaches(alice, channel_id, 'ONCHAIN');
});
