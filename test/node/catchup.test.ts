/** A node that was away while blocks came: it talks to nobody before it knows them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { handlersOf } from '../../node/api/handlers.ts';
import type { Node } from '../../node/core/node.ts';
import type { Chain } from '../../node/ports/ports.ts';
import { endow, newGround, noProcess, startLocal } from '../support/inprocess.ts';
import { becomes } from '../support/pair.ts';
import { memoryLog } from '../support/peers.ts';

test('a node with a channel listens once it stands at the tip: an HTLC never has the time of a height that is long past', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'ampere-catchup-'));
  const ground = await newGround();
  const tip = (): number => ground.regtest.ledger.tip.height;
  const start = (who: string) => startLocal({ dir: join(dir, who), ground, log: memoryLog([]) });
  const alice = await start('alice');
  const bob = await start('bob');
  const port = bob.node.peers.address?.port ?? 0;
  await endow(ground, alice, [500_000n]);
  await becomes('alice at the tip', () => alice.node.follower.top.height === tip());
  await alice.call('connect', { id: bob.id, host: '127.0.0.1', port });
  await alice.call('fundchannel', { id: bob.id, amount: 200_000n });
  await becomes('the channel kept', () => bob.node.channels.entries.size === 1);
  await bob.stop();
  ground.mine(60);
  const again = await start('bob');
  expect(again.node.follower.top.height).toBe(tip());
  await Promise.all([alice.stop(), again.stop()]);
  await rm(dir, { recursive: true, force: true });
});

test('a node with a channel whose bitcoind has not got its blocks back says so while it comes up, and comes up once it has', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'ampere-lag-'));
  const ground = await newGround();
  const { ledger } = ground.regtest;
  let most = Number.POSITIVE_INFINITY;
  const lagging = (chain: Chain): Chain => ({
    ...chain,
    tip: async () => ledger.at(Math.min(most, ledger.tip.height)) ?? ledger.tip,
    hashAt: async (height) => (height > most ? undefined : ledger.at(height)?.hash),
    waitForChange: async (seen, signal) => {
      if (most < ledger.tip.height) await new Promise((resolve) => setTimeout(resolve, 20));
      else await chain.waitForChange(seen, signal);
    },
  });
  const alice = await startLocal({ dir: join(dir, 'alice'), ground, log: memoryLog([]) });
  const options = { dir: join(dir, 'bob'), ground, log: memoryLog([]), chain: lagging };
  const bob = await startLocal(options);
  const port = bob.node.peers.address?.port ?? 0;
  await endow(ground, alice, [500_000n]);
  await becomes('alice at the tip', () => alice.node.follower.top.height === ledger.tip.height);
  await alice.call('connect', { id: bob.id, host: '127.0.0.1', port });
  await alice.call('fundchannel', { id: bob.id, amount: 200_000n });
  await becomes('the channel kept', () => bob.node.channels.entries.size === 1);
  const { height } = ledger.tip;
  await becomes('bob at the tip', () => bob.node.follower.top.height === height);
  await bob.stop();
  most = height - 40;
  let up = false;
  const seen: { node?: Node } = {};
  const starting = startLocal({
    ...options,
    early: (node) => {
      seen.node = node;
    },
  }).finally(() => {
    up = true;
  });
  const lag = `bitcoind's chain ends at block ${most}, below block ${height} that this node has read`;
  await becomes('that said', () => seen.node?.progress.now === `stands at block ${height} and waits: ${lag}`);
  if (seen.node === undefined) throw new Error('expected a node');
  const info = await handlersOf(seen.node, noProcess).getinfo({}, { signal: new AbortController().signal });
  expect(info).toMatchObject({ blockheight: height, num_pending_channels: 1, warning_bitcoind_sync: lag });
  expect([up, seen.node.peers.address]).toEqual([false, undefined]);
  most = Number.POSITIVE_INFINITY;
  const again = await starting;
  expect(again.node.progress.now).toBe(undefined);
  await Promise.all([alice.stop(), again.stop()]);
  await rm(dir, { recursive: true, force: true });
});

test('an HTLC that arrives while bitcoind is behind waits until it is not', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'ampere-behind-'));
  const ground = await newGround();
  const tip = (): number => ground.regtest.ledger.tip.height;
  let isBehind = false;
  const behind = (chain: Chain): Chain => ({ ...chain, tip: async () => ({ ...(await chain.tip()), isBehind }) });
  const lines: string[] = [];
  const alice = await startLocal({ dir: join(dir, 'alice'), ground, log: memoryLog([]) });
  const bob = await startLocal({ dir: join(dir, 'bob'), ground, log: memoryLog(lines), chain: behind });
  const port = bob.node.peers.address?.port ?? 0;
  await endow(ground, alice, [500_000n]);
  await becomes('alice at the tip', () => alice.node.follower.top.height === tip());
  await alice.call('connect', { id: bob.id, host: '127.0.0.1', port });
  await alice.call('fundchannel', { id: bob.id, amount: 200_000n });
  ground.mine(6);
  await becomes('a channel in use', async () =>
    (await alice.call('listpeerchannels', {})).channels.some(({ state }) => state === 'CHANNELD_NORMAL'),
  );
  const { bolt11 } = await bob.call('invoice', { amount_msat: 20_000_000n, label: 'one', description: 'one' });
  isBehind = true;
  ground.mine(1);
  await becomes('both at the tip', () => bob.node.follower.top.height === tip() && !bob.node.follower.isSynced());
  const paid = alice.call('pay', { bolt11 });
  await becomes('the HTLC there', () => lines.some((line) => line.includes('incoming HTLCs wait')));
  expect((await bob.call('listinvoices', { label: 'one' })).invoices).toMatchObject([{ status: 'unpaid' }]);
  isBehind = false;
  ground.mine(1);
  expect(await paid).toMatchObject({ status: 'complete' });
  await Promise.all([alice.stop(), bob.stop()]);
  await rm(dir, { recursive: true, force: true });
});
