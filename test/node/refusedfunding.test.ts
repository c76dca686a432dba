/** Transactions that the network refuses, on whole nodes: who is told, what becomes of the coins, and how a funding is given up. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ChainError } from '../../node/chain/errors.ts';
import type { Chain } from '../../node/ports/ports.ts';
import { endow, type Ground, type LocalNode, newGround, startLocal } from '../support/inprocess.ts';
import { becomes, reaches, stateOf } from '../support/observed.ts';
import { memoryLog } from '../support/peers.ts';

let dir = '';
let ground: Ground;
let alice: LocalNode;
let bob: LocalNode;
/** Whether alice's chain lets fundings pass that it will refuse, as when fees rise between the question and the broadcast. */
let isLate = false;
/** Whether alice's chain is away. */
let isAway = false;
const log: string[] = [];

const between = (chain: Chain): Chain => ({
  ...chain,
  testAccept: async (tx) => {
    if (!isLate) await chain.testAccept(tx);
  },
  broadcast: async (tx) => {
    if (isAway) throw new ChainError({ code: 'unreachable', where: 'here', reason: 'ECONNREFUSED' });
    await chain.broadcast(tx);
  },
});
const startAlice = (): Promise<LocalNode> =>
  startLocal({ dir: join(dir, 'alice'), ground, log: memoryLog(log), chain: between });
const seesTip = ({ node }: LocalNode): boolean => node.follower.top.hash === ground.regtest.ledger.tip.hash;
const caughtUp = () => becomes('both at the tip', () => seesTip(alice) && seesTip(bob));
const mine = async (blocks = 1): Promise<void> => {
  ground.mine(blocks);
  await caughtUp();
};
const connect = () => alice.call('connect', { id: bob.id, host: '127.0.0.1', port: bob.node.peers.address?.port ?? 0 });
const pool = (): readonly string[] => ground.regtest.pool.entries().map(({ tx }) => tx.getId());
const statusOf = async (channel_id: string): Promise<string> =>
  (await alice.call('listpeerchannels', { channel_id })).channels[0]?.status.join('\n') ?? 'none';
/** Opens a channel whose funding is refused once the peer has signed, and gives its id. */
const refused = async (): Promise<string> => {
  isLate = true;
  ground.regtest.minimum = 5_000;
  const error = await alice.call('fundchannel', { id: bob.id, amount: 500_000, announce: false }).then(
    () => undefined,
    (thrown: { code?: number; data?: { channel_id?: string }; message?: string }) => thrown,
  );
  expect(error?.code).toBe(303);
  expect(error?.message).toMatch(/refuses the funding transaction: .*fee.*fundchannel_cancel [0-9a-f]{64}/s);
  return error?.data?.channel_id ?? '';
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-refused-'));
  ground = await newGround();
  [alice, bob] = [await startAlice(), await startLocal({ dir: join(dir, 'bob'), ground, log: memoryLog([]) })];
});
afterAll(async () => {
  await Promise.all([alice.stop(), bob.stop()]);
  await rm(dir, { recursive: true, force: true });
});
beforeEach(async () => {
  [isLate, isAway, ground.regtest.minimum] = [false, false, 0];
  await mine();
  await endow(ground, alice, [1_000_000n]);
  await caughtUp();
  await connect();
});

test('a funding that the network would refuse ends the opening before the peer has anything, and the coins stay free', async () => {
  const before = alice.node.wallet.spendable(1);
  ground.regtest.minimum = 5_000;
  await expect(alice.call('fundchannel', { id: bob.id, amount: 500_000 })).rejects.toThrow(
    /the channel was not opened: .*rejected the transaction.*fee/,
  );
  await becomes('no channel', () => alice.node.channels.entries.size === 0 && bob.node.channels.entries.size === 0);
  expect(alice.node.wallet.spendable(1)).toBe(before);
  expect(alice.node.wallet.pending()).toEqual([]);
});

test('one that is refused after the peer signed is an error that names the channel; it is kept, shown, and taken when fees fall', async () => {
  const id = await refused();
  expect(pool()).toEqual([]);
  expect(await statusOf(id)).toMatch(
    /funding transaction [0-9a-f]{64} is refused by the network \(.*fundchannel_cancel/,
  );
  expect(log.some((line) => line.includes('bitcoind rejects a funding transaction'))).toBe(true);
  await mine();
  expect(await stateOf(alice, id)).toBe('CHANNELD_AWAITING_LOCKIN');
  ground.regtest.minimum = 0;
  await mine();
  await becomes('the funding in the pool', () => pool().length === 1);
  await becomes('no complaint', async () => (await statusOf(id)) === '');
  await mine();
  for (const node of [alice, bob]) await reaches(node, id, 'CHANNELD_NORMAL');
});

test('given up, its coins come back to the wallet by another, also after a restart, and the channel goes once that is deep', async () => {
  const id = await refused();
  const before = alice.node.wallet.funds().filter(({ status }) => status === 'spent').length;
  expect(before).toBeGreaterThan(0);
  await expect(alice.call('fundchannel_cancel', { id, feerate: '2000perkw' })).rejects.toThrow(
    /nothing was given up, try a higher feerate/,
  );
  expect(await statusOf(id)).toContain('is refused by the network');
  const { txid } = await alice.call('fundchannel_cancel', { id, feerate: '6000perkw' });
  expect(pool()).toEqual([txid]);
  expect(await statusOf(id)).toContain(`its coins come back by ${txid}, which waits for a block`);
  await expect(alice.call('fundchannel_cancel', { id })).rejects.toThrow('given up already');

  await alice.stop();
  ground.regtest.minimum = 0;
  alice = await startAlice();
  await connect();
  await mine();
  expect(alice.node.wallet.funds().some(({ txid: from, height }) => height !== undefined && from !== undefined)).toBe(
    true,
  );
  expect(await statusOf(id)).toMatch(/given up: its coins came back by [0-9a-f]{64} in block \d+, 1 deep/);
  // What is in the wallet again is not counted in the channel as well.
  const { channels } = await alice.call('listpeerchannels', { channel_id: id });
  expect(channels).toMatchObject([{ to_us_msat: 0n, spendable_msat: 0n, receivable_msat: 0n }]);
  const held = (await alice.call('listfunds', {})).channels.find(({ channel_id }) => channel_id === id);
  expect(held).toMatchObject({ our_amount_msat: 0n });
  await mine(98);
  expect(await stateOf(alice, id)).toBe('CHANNELD_AWAITING_LOCKIN');
  await mine();
  await reaches(alice, id, 'none');
  expect(alice.node.wallet.pending()).toEqual([]);
});

test('one that waits in the mempool is given up by a transaction that replaces it', async () => {
  const before = alice.node.wallet.spendable(1);
  const { channel_id, txid } = await alice.call('fundchannel', { id: bob.id, amount: 500_000, announce: false });
  expect(pool()).toEqual([txid]);
  const given = await alice.call('fundchannel_cancel', { id: channel_id, feerate: '253perkw' });
  expect(pool()).toEqual([given.txid]);
  await mine();
  expect(alice.node.wallet.spendable(1)).toBe(before - (given.fee_msat ?? 0n) / 1000n);
});

test('should a block have the funding all the same, the channel is there', async () => {
  const { channel_id, tx, txid } = await alice.call('fundchannel', { id: bob.id, amount: 500_000, announce: false });
  await alice.call('fundchannel_cancel', { id: channel_id });
  const script = alice.node.keys.script({ branch: 0, index: 0 });
  ground.regtest.mine(1, script, { only: [Buffer.from(tx, 'hex')] });
  for (const node of [alice, bob]) await reaches(node, channel_id, 'CHANNELD_NORMAL');
  expect(alice.node.wallet.pending()).toEqual([]);
  // What was in use is not taken from under it when a reorg lets both try again.
  ground.regtest.drop(1);
  ground.regtest.mine(2, script, { only: [] });
  await caughtUp();
  await becomes('the funding in the pool', () => pool().length === 1);
  expect(pool()).toEqual([txid]);
  await expect(alice.call('fundchannel_cancel', { id: channel_id })).rejects.toThrow('was in use');
  await mine();
  for (const node of [alice, bob]) await reaches(node, channel_id, 'CHANNELD_NORMAL');
});

test('what cannot be given up is refused with the reason', async () => {
  const { channel_id, txid } = await alice.call('fundchannel', { id: bob.id, amount: 500_000, announce: false });
  await expect(bob.call('fundchannel_cancel', { id: channel_id })).rejects.toThrow('the peer funds this channel');
  const { bech32 = '' } = await bob.call('newaddr', {});
  await alice.call('withdraw', { destination: bech32, satoshi: 'all', minconf: 0 });
  await expect(alice.call('fundchannel_cancel', { id: channel_id })).rejects.toThrow(
    /cannot be given up: [0-9a-f]{64}, which waits for a block too, spends its change/,
  );
  expect(pool()).toContain(txid);
  await mine();
  for (const node of [alice, bob]) await reaches(node, channel_id, 'CHANNELD_NORMAL');
  await expect(alice.call('fundchannel_cancel', { id: channel_id })).rejects.toThrow('close the channel instead');
  await expect(alice.call('fundchannel_cancel', { id: '00'.repeat(32) })).rejects.toThrow('no such channel');
});

test('an opening that the peer lets lie is ended at once, by the name of the peer', async () => {
  await bob.call('dev-disconnect', { rules: ['$WIRE_ACCEPT_CHANNEL'] });
  const opening = alice.call('fundchannel', { id: bob.id, amount: 100_000 });
  const ended = opening.then(
    () => 'opened',
    (error: Error) => error.message,
  );
  await becomes('an opening', () =>
    [...alice.node.channels.entries.values()].some(({ machine }) => machine.state.phase === 'awaiting_accept'),
  );
  const { cancelled, txid } = await alice.call('fundchannel_cancel', { id: bob.id });
  expect([cancelled, txid]).toEqual(['the opening is ended; no coin moved', undefined]);
  expect(await ended).toMatch(/the channel was not opened/);
});

test('a withdrawal that the network refuses is an error, and its coins are free', async () => {
  const { bech32 = '' } = await bob.call('newaddr', {});
  const before = alice.node.wallet.spendable(1);
  ground.regtest.minimum = 5_000;
  await expect(alice.call('withdraw', { destination: bech32, satoshi: 30_000 })).rejects.toThrow(
    /nothing was sent: .*rejected the transaction/,
  );
  expect(alice.node.wallet.spendable(1)).toBe(before);
  expect(alice.node.wallet.pending()).toEqual([]);
});

test('a withdrawal while bitcoind is away says that it has not gone out, and goes out with the next block', async () => {
  const { bech32 = '' } = await bob.call('newaddr', {});
  isAway = true;
  const { txid, warning_unpublished } = await alice.call('withdraw', { destination: bech32, satoshi: 30_000 });
  expect(warning_unpublished).toMatch(/bitcoind does not answer/);
  expect(pool()).toEqual([]);
  isAway = false;
  await mine();
  await becomes('it in the pool', () => pool().includes(txid));
});
