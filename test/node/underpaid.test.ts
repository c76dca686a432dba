/** A peer that lets a channel without anchors pay too little, on whole nodes: payments stop there until it pays what the chain asks. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../node/base/entropy.ts';
import type { Chain, Clock } from '../../node/ports/ports.ts';
import { endow, type Ground, type LocalNode, newGround, startLocal } from '../support/inprocess.ts';
import { becomes, reaches } from '../support/observed.ts';
import { memoryLog } from '../support/peers.ts';

let dir = '';
let ground: Ground;
let alice: LocalNode;
let bob: LocalNode;
/** What alice takes for the feerate that the chain asks; bob sees for himself. */
let believed = 1000;
/** Milliseconds that both are ahead of this machine. */
let ahead = 0;
const clock: Clock = { now: () => systemClock.now() + ahead, after: systemClock.after };
const log: string[] = [];

const start = (name: string, chain: (one: Chain) => Chain, lines: string[] = []): Promise<LocalNode> => {
  const flags = { 'allow-static-remotekey': 'true' };
  return startLocal({ dir: join(dir, name), ground, log: memoryLog(lines), flags, chain, clock });
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-underpaid-'));
  ground = await newGround();
  ground.regtest.demand = 1000;
  [alice, bob] = await Promise.all([
    start('alice', (chain) => ({ ...chain, feerate: async () => believed })),
    start('bob', (chain) => chain, log),
  ]);
  await endow(ground, alice, [2_000_000n, 2_000_000n]);
  await becomes('coins', () => alice.node.wallet.spendable(1) === 4_000_000n);
});
afterAll(async () => {
  await Promise.all([alice.stop(), bob.stop()]);
  await rm(dir, { recursive: true, force: true });
});

const asks = async (feerate: number): Promise<void> => {
  ground.regtest.demand = feerate;
  ground.mine(1);
  await becomes('the block', () => bob.node.feerate() === feerate);
};
const status = async () => (await bob.call('listpeerchannels', {})).channels[0]?.status ?? [];
const opens = async (): Promise<string> => {
  const { channel_id } = await alice.call('fundchannel', {
    ...{ id: bob.id, amount: 1_000_000, push_msat: 300_000_000, announce: false, channel_type: [12] },
  });
  ground.mine(1);
  for (const node of [alice, bob]) await reaches(node, channel_id, 'CHANNELD_NORMAL');
  return channel_id;
};
const pays = (from: LocalNode, to: LocalNode) =>
  from.call('keysend', { destination: to.id, amount_msat: 5_000_000, scheme: 'fixed', retry_for: 2 });

test('nothing is taken and nothing offered over it, and the operator is told why; then everything again', async () => {
  const port = bob.node.peers.address?.port ?? 0;
  await alice.call('connect', { id: bob.id, host: '127.0.0.1', port });
  const channel_id = await opens();
  expect((await pays(alice, bob)).status).toBe('complete');
  expect(await status()).toEqual([]);

  await asks(10_000);
  expect(await status()).toEqual([
    'no new HTLCs until the peer raises the feerate of the commitments to 5000: fees are estimated at 10000 sat per 1,000 weight',
  ]);
  await expect(pays(alice, bob)).rejects.toThrow();
  await expect(pays(bob, alice)).rejects.toThrow();
  for (const node of [alice, bob]) await reaches(node, channel_id, 'CHANNELD_NORMAL');

  believed = 9000;
  await asks(10_001);
  await becomes('the higher feerate', async () => (await status()).length === 0);
  expect((await pays(alice, bob)).status).toBe('complete');
  expect((await pays(bob, alice)).status).toBe('complete');
});

test('after two hours of that the channel goes on chain for an HTLC that is not far from its expiry; one without any stays', async () => {
  believed = 1000;
  await asks(1000);
  await becomes('the lower feerate', async () =>
    (await bob.call('listpeerchannels', {})).channels.every(({ feerate }) => feerate?.perkw === 1000),
  );
  await opens();
  await bob.call('dev-ignore-htlcs', { id: alice.id, ignore: true });
  // It hangs, and its end is for the chain to say.
  void pays(alice, bob).catch(() => undefined);
  const carried = async () => {
    const { channels } = await bob.call('listpeerchannels', {});
    return channels.find(({ htlcs }) => htlcs.some(({ state }) => state === 'SENT_ADD_ACK_COMMIT'))?.channel_id;
  };
  await becomes('the HTLC', async () => (await carried()) !== undefined);
  const busy = (await carried()) ?? '';
  const quiet = (await bob.call('listpeerchannels', {})).channels.find(({ channel_id }) => channel_id !== busy);

  await asks(10_000);
  ahead += 7_199_000;
  await asks(10_001);
  expect(await carried()).toBe(busy);
  ahead += 3_600_000;
  await asks(10_002);
  await reaches(bob, busy, 'AWAITING_UNILATERAL');
  expect(log.some((line) => line.includes('commitment_underpaid: feerate 1000, estimate 10000, id'))).toBe(true);
  await reaches(bob, quiet?.channel_id ?? '', 'CHANNELD_NORMAL');
  expect(quiet?.feerate?.perkw).toBe(1000);
});
