/** A whole node whose bitcoind stays away: what it still does for its peers, what it says, and that it goes on afterwards. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ChainError } from '../../node/chain/errors.ts';
import type { Chain, Clock } from '../../node/ports/ports.ts';
import { endow, type Ground, type LocalNode, newGround, startLocal } from '../support/inprocess.ts';
import { becomes, reaches } from '../support/observed.ts';
import { memoryLog } from '../support/peers.ts';
import { heldClock } from '../support/quiet.ts';

let dir = '';
let ground: Ground;
let alice: LocalNode;
let bob: LocalNode;
let isAway = false;
const log: string[] = [];
const held = heldClock();
const start = Date.now();
const clock: Clock = { now: () => start + held.now(), after: held.after };

/** bitcoind as bob sees it. */
const between = (chain: Chain): Chain => {
  const asked = <T>(ask: () => Promise<T>): Promise<T> =>
    isAway ? Promise.reject(new ChainError({ code: 'unreachable', where: 'here', reason: 'ECONNREFUSED' })) : ask();
  return {
    ...chain,
    tip: () => asked(() => chain.tip()),
    hashAt: (height) => asked(() => chain.hashAt(height)),
    block: (hash) => asked(() => chain.block(hash)),
    waitForChange: (seen, signal) => asked(() => chain.waitForChange(seen, signal)),
  };
};
/** Lets time pass for bob, second by second, each long enough for what it sets going: a ping must find its way and back. */
const pass = async (seconds: number): Promise<void> => {
  for (let i = 0; i < seconds; i++) {
    held.pass(1000);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
};
const keysend = (from: LocalNode, to: LocalNode) =>
  from.call('keysend', { destination: to.id, amount_msat: 50_000_000, scheme: 'fixed', retry_for: 1 }).then(
    ({ status }) => status,
    (error: Error) => error.message,
  );

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-outage-'));
  ground = await newGround();
  alice = await startLocal({ dir: join(dir, 'alice'), ground, log: memoryLog([]) });
  bob = await startLocal({ dir: join(dir, 'bob'), ground, log: memoryLog(log), chain: between, clock });
  await endow(ground, alice, [2_000_000n]);
  await alice.call('connect', { id: bob.id, host: '127.0.0.1', port: bob.node.peers.address?.port ?? 0 });
  const { channel_id } = await alice.call('fundchannel', {
    id: bob.id,
    amount: 1_000_000,
    push_msat: 400_000_000,
    announce: false,
  });
  ground.mine(1);
  for (const node of [alice, bob]) await reaches(node, channel_id, 'CHANNELD_NORMAL');
});
afterAll(async () => {
  isAway = false;
  await Promise.all([alice.stop(), bob.stop()]);
  await rm(dir, { recursive: true, force: true });
});

test('after half an hour it takes no HTLC and offers none, stays with its peers, and says so loudly; then it goes on', async () => {
  expect(await keysend(alice, bob)).toBe('complete');
  expect(await keysend(bob, alice)).toBe('complete');
  isAway = true;
  await pass(31 * 60);
  await becomes('out', () => bob.node.outage.isHalting);
  expect(log.some((line) => /the block height has not been current for \d+ minutes/.test(line))).toBe(true);
  const { warning_bitcoind_sync } = await bob.call('getinfo', {});
  expect(warning_bitcoind_sync).toMatch(/no HTLCs are accepted or offered.*bitcoind is running/);
  expect(alice.node.peers.get(bob.node.keys.nodeId)).toBeDefined();

  expect(await keysend(bob, alice)).toMatch(/^nothing was sent: the block height has not been current/);
  // It goes back at once, without the minute that another waits whose chain may be there again in a moment.
  expect(await keysend(alice, bob)).not.toBe('complete');
  const { channels } = await alice.call('listpeerchannels', {});
  expect(channels.flatMap(({ htlcs }) => htlcs)).toEqual([]);

  isAway = false;
  await becomes('back', async () => {
    await pass(5);
    return !bob.node.outage.isHalting;
  });
  expect(await keysend(alice, bob)).toBe('complete');
  expect(await keysend(bob, alice)).toBe('complete');
  expect((await bob.call('getinfo', {})).warning_bitcoind_sync).toBeUndefined();
});
