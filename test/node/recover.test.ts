/** A node that lost its disk, started again from its seed and its backup: every settled satoshi comes back. */
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readBackup } from '../../node/backup/file.ts';
import { hex, reversed } from '../../wire/bytes.ts';
import { sat } from '../../wire/units.ts';
import { endow, type Ground, type LocalNode, newGround, startLocal } from '../support/inprocess.ts';
import { becomes } from '../support/observed.ts';
import { memoryLog } from '../support/peers.ts';
import { settledOf } from '../support/settled.ts';

let dir = '';
let ground: Ground;
let alice: LocalNode;
let bob: LocalNode;
const logs: Record<string, string[]> = {};

const start = (name: string, folder = name): Promise<LocalNode> => {
  const log = memoryLog();
  logs[folder] = log.lines;
  return startLocal({ dir: join(dir, folder), ground, log, flags: { 'allow-static-remotekey': 'true' } });
};
const homeOf = (folder: string): string => join(dir, folder, 'regtest');

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-recover-'));
  ground = await newGround();
  [alice, bob] = await Promise.all([start('alice'), start('bob')]);
  await endow(ground, alice, Array(4).fill(2_000_000n));
  await endow(ground, bob, Array(4).fill(2_000_000n));
  await caughtUp();
});
afterEach(async () => {
  await Promise.all([alice.stop(), bob.stop()]);
  await rm(dir, { recursive: true, force: true });
});

const seesTip = ({ node }: LocalNode): boolean => node.follower.top.hash === ground.regtest.ledger.tip.hash;
const caughtUp = () => becomes('both at the tip', () => seesTip(alice) && seesTip(bob));
const mine = async (blocks: number): Promise<void> => {
  ground.mine(blocks);
  await caughtUp();
};
const connect = () => {
  const { port } = bob.node.peers.address ?? { port: 0 };
  return alice.call('connect', { id: bob.id, host: '127.0.0.1', port });
};
const states = async (node: LocalNode): Promise<readonly string[]> =>
  (await node.call('listpeerchannels', {})).channels.map(({ state }) => state);
const walletOf = ({ node }: LocalNode): bigint => node.wallet.spendable(1);
const pay = async (from: LocalNode, to: LocalNode, amount: number): Promise<void> => {
  const paid = await from.call('keysend', { destination: to.id, amount_msat: amount, scheme: 'fixed', shards: 8 });
  expect(paid.status).toBe('complete');
};

/** Mines until every channel that alice has is on chain. */
const untilOnchain = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) {
    await mine(1);
    if ((await states(alice)).every((state) => state === 'ONCHAIN')) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`still ${await states(alice)}`);
};

/** Alice's disk is gone; she has her seed and a copy of her backup. */
const lose = async (folder: string): Promise<string> => {
  await becomes('the backup on the disk', async () => (await readdir(homeOf('alice'))).includes('channels.backup'));
  await alice.node.backups.settled();
  await alice.stop();
  const copy = join(dir, `${folder}.backup`);
  await copyFile(join(homeOf('alice'), 'channels.backup'), copy);
  await mkdir(homeOf(folder), { recursive: true });
  await copyFile(join(homeOf('alice'), 'seed'), join(homeOf(folder), 'seed'));
  await rm(join(dir, 'alice'), { recursive: true });
  alice = await start('alice', folder);
  return copy;
};

/** Transactions in blocks from a height on. */
const minedSince = (height: number) =>
  Array.from({ length: ground.regtest.ledger.tip.height - height + 1 }, (_, i) => ground.regtest.ledger.at(height + i))
    .flatMap((block) => block?.transactions ?? [])
    .map(({ tx }) => tx);

test('channels of both kinds, opened by either side, with payments either way', async () => {
  await connect();
  const [oldest, anchors] = [[12], [12, 22]];
  const channels = [
    await alice.call('fundchannel', { id: bob.id, amount: 900_000, channel_type: oldest, push_msat: 123_456_789 }),
    await alice.call('fundchannel', { id: bob.id, amount: 800_000, channel_type: anchors }),
    await bob.call('fundchannel', { id: alice.id, amount: 700_000, channel_type: oldest, push_msat: 99_000_001 }),
    await bob.call('fundchannel', { id: alice.id, amount: 600_000, channel_type: anchors }),
  ];
  await mine(6);
  await becomes('all usable', async () =>
    [...(await states(alice)), ...(await states(bob))].every((state) => state === 'CHANNELD_NORMAL'),
  );
  // More than any one channel holds, so that each has a history.
  for (let n = 1; n <= 2; n++) {
    await pay(alice, bob, 1_100_000_000 + n);
    await pay(bob, alice, 1_000_000_000 + n);
  }
  const resting = async (node: LocalNode) =>
    (await node.call('listpeerchannels', {})).channels.every(({ htlcs }) => htlcs.length === 0);
  await becomes('no HTLC left', async () => (await resting(alice)) && (await resting(bob)));

  const before = (await alice.call('listpeerchannels', {})).channels;
  const inWallet = walletOf(alice);
  const file = await lose('again');
  await becomes('the wallet found again', () => walletOf(alice) === inWallet);
  expect(await states(alice)).toEqual([]);
  const since = ground.regtest.ledger.tip.height + 1;

  const { stubs } = await alice.call('recover', { file });
  expect([...stubs].sort()).toEqual(channels.map(({ channel_id }) => channel_id).sort());
  // What is in them nobody knows here.
  for (const { to_us_msat } of (await alice.call('listpeerchannels', {})).channels) expect(to_us_msat).toBe(0n);
  await becomes('bob has closed all', async () => (await states(bob)).every((state) => state !== 'CHANNELD_NORMAL'));
  await untilOnchain();
  for (let i = 0; i < 12; i++) await mine(1);

  const ours = new Set(alice.node.wallet.funds().map(({ txid }) => hex(reversed(txid))));
  const expected = inWallet + settledOf(before, minedSince(since), ours);
  expect(walletOf(alice)).toBe(expected);
});

/** A channel of alice's in use, with a balance on both sides. */
const channel = async (): Promise<string> => {
  await connect();
  const push_msat = 200_000_000;
  const { channel_id } = await alice.call('fundchannel', { id: bob.id, amount: 800_000, push_msat });
  await mine(1);
  await becomes('the channel usable', async () => (await states(alice))[0] === 'CHANNELD_NORMAL');
  return channel_id;
};

test('a commitment of her own that alice published before she lost her disk pays her too, once its delay is over', async () => {
  await channel();
  const inWallet = walletOf(alice);
  for (const key of alice.node.channels.entries.keys()) alice.node.channels.push(key, { type: 'force_close' });
  await untilOnchain();
  const file = await lose('again');
  await alice.call('recover', { file });
  await becomes('on chain again', async () => (await states(alice))[0] === 'ONCHAIN');
  for (let i = 0; i < 150 && walletOf(alice) === inWallet; i++) await mine(1);
  const back = walletOf(alice) - inWallet;
  expect(back).toBeGreaterThan(590_000n);
  expect(back).toBeLessThan(600_000n);
});

test('coins at addresses that a wallet does not look for by itself are found, since the backup says how many there are', async () => {
  await channel();
  const addresses: Uint8Array[] = [];
  for (let i = 0; i < 60; i++) addresses.push((await alice.node.wallet.newAddress()).script);
  const far = addresses.at(-1) ?? new Uint8Array();
  ground.faucet.give([{ script: far, amount: sat(777_000n) }]);
  await mine(1);
  await becomes('the coin', () => alice.node.wallet.funds().some(({ amount }) => amount === 777_000n));
  const inWallet = walletOf(alice);
  await alice.node.backups.settled();
  const file = await lose('again');
  await caughtUp();
  expect(walletOf(alice)).toBe(inWallet - 777_000n);
  await alice.call('recover', { file });
  await becomes('the coin again', () => walletOf(alice) === inWallet);
  const next = (await alice.node.wallet.newAddress()).script;
  expect(addresses.map(hex)).not.toContain(hex(next));
});

test('what a node knows is left alone, by its own backup and by one taken back before', async () => {
  await channel();
  const file = join(dir, 'mine.backup');
  expect(await alice.call('backup', { file })).toEqual({ file, channels: 1 });
  expect((await alice.call('recover', { file })).stubs).toEqual([]);
  expect(await states(alice)).toEqual(['CHANNELD_NORMAL']);
  const copy = await lose('again');
  // The peer is there already when the channel is taken back, and closes it all the same.
  await connect();
  expect((await alice.call('recover', { file: copy })).stubs).toHaveLength(1);
  await becomes('bob closes', async () => (await states(bob))[0] !== 'CHANNELD_NORMAL');
  expect((await alice.call('recover', { file: copy })).stubs).toEqual([]);
  // The channels taken back are in the node's own backup from then on, until they are over.
  await alice.node.backups.settled();
  expect(await alice.call('backup', {})).toMatchObject({ channels: 1 });
});

test('the file beside the store says what there is after each opening and each end, and after a restart', async () => {
  const file = join(homeOf('alice'), 'channels.backup');
  const count = async (): Promise<number> => {
    await alice.node.backups.settled();
    return alice.node.backups.read(await readBackup(file)).channels.length;
  };
  expect(await count()).toBe(0);
  const id = await channel();
  expect(await count()).toBe(1);
  const [kept] = alice.node.backups.read(await readBackup(file)).channels;
  expect(kept?.addresses[0]).toEqual({ host: '127.0.0.1', port: bob.node.peers.address?.port });
  await alice.call('close', { id });
  await untilOnchain();
  expect(await count()).toBe(1);
  await alice.stop();
  await rm(file);
  alice = await start('alice');
  expect(await count()).toBe(1);
  await mine(100);
  await becomes('over', async () => (await count()) === 0);
});

test('a node whose store is gone does not start beside its backup, and takes its channels back once that is moved away', async () => {
  await channel();
  await alice.node.backups.settled();
  await alice.stop();
  const [own, moved] = [join(homeOf('alice'), 'channels.backup'), join(dir, 'moved.backup')];
  await rm(join(homeOf('alice'), 'store'), { recursive: true });
  await expect(start('alice')).rejects.toThrow(`move ${own} away, start the node, and call \`ampere recover\``);
  await rename(own, moved);
  alice = await start('alice');
  expect((await alice.call('recover', { file: moved })).stubs).toHaveLength(1);
  await becomes('bob closes', async () => (await states(bob))[0] !== 'CHANNELD_NORMAL');

  // Whoever names the file for the next backup and forgot to recover first loses nothing.
  await alice.stop();
  await rm(join(homeOf('alice'), 'store'), { recursive: true });
  await rm(own);
  alice = await start('alice');
  expect(await alice.call('backup', { file: moved })).toEqual({ file: moved, channels: 0, kept: `${moved}.1` });
  expect((await alice.call('recover', { file: `${moved}.1` })).stubs).toHaveLength(1);
});

test('a backup with a channel that the store does not know is kept under another name', async () => {
  await channel();
  await alice.node.backups.settled();
  const own = join(homeOf('alice'), 'channels.backup');
  const copy = await readFile(own);
  await lose('again');
  await alice.stop();
  await writeFile(join(homeOf('again'), 'channels.backup'), copy);
  alice = await start('alice', 'again');
  await alice.node.backups.settled();
  const aside = join(homeOf('again'), 'channels.backup.1');
  expect(
    logs['again']?.some((line) => line.includes('had channels that this node does not know') && line.includes(aside)),
  ).toBe(true);
  expect((await alice.call('recover', { file: aside })).stubs).toHaveLength(1);
});

test('an old backup, of a channel that was closed long ago, brings back nothing and costs nothing', async () => {
  const id = await channel();
  const old = join(dir, 'old.backup');
  await alice.call('backup', { file: old });
  await alice.call('close', { id });
  await untilOnchain();
  await mine(101);
  await becomes('over', async () => (await states(alice)).length === 0);
  const coins = walletOf(alice);
  await lose('again');
  expect((await alice.call('recover', { file: old })).stubs).toEqual([id]);
  await becomes('over again', async () => {
    await mine(1);
    return (await states(alice)).length === 0;
  });
  expect(walletOf(alice)).toBe(coins);
});

test('a backup that cannot be taken is refused with its field, and nothing changes', async () => {
  await channel();
  const file = join(dir, 'other.backup');
  const refused = (path: string) => expect(alice.call('recover', { file: path })).rejects;
  await bob.call('backup', { file });
  await refused(file).toThrow('seed_id: the backup was made by a node with another seed');
  await writeFile(file, 'a letter');
  await refused(file).toThrow('magic: the file is no channel backup');
  await expect(alice.call('backup', { file })).rejects.toThrow('is no backup, so it is not overwritten');
  await refused(join(dir, 'nowhere')).toThrow('cannot be read');
  const own = await readFile(join(homeOf('alice'), 'channels.backup'));
  await writeFile(file, own.subarray(0, own.length - 40));
  await refused(file).toThrow('the backup is damaged');
  expect(await states(alice)).toEqual(['CHANNELD_NORMAL']);
});
