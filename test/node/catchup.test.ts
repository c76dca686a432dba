/** A node that was away while blocks came: it talks to nobody before it knows them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { endow, newGround, startLocal } from '../support/inprocess.ts';
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
}, 60_000);
