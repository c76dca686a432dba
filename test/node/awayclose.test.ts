/** A close that a node has asked for and then was away for longer than its peer has time: the peer is heard out first. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitLimits } from '../../channel/model/waitlimits.ts';
import { endow, type Ground, type LocalNode, newGround, startLocal } from '../support/inprocess.ts';
import { becomes, reaches, stateOf } from '../support/observed.ts';
import { memoryLog } from '../support/peers.ts';

let dir = '';
let ground: Ground;
const log: string[] = [];

const start = (name: 'alice' | 'bob'): Promise<LocalNode> =>
  startLocal({ dir: join(dir, name), ground, log: memoryLog(log) });
const connect = (from: LocalNode, to: LocalNode) =>
  from.call('connect', { id: to.id, host: '127.0.0.1', port: to.node.peers.address?.port ?? 0 });

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-away-'));
  ground = await newGround();
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test('a node that was away for longer than a close may take closes together with its peer when it is back', async () => {
  let [alice, bob] = await Promise.all([start('alice'), start('bob')]);
  await endow(ground, alice, [2_000_000n]);
  await becomes('the coins', () => alice.node.wallet.spendable(1) === 2_000_000n);
  await connect(alice, bob);
  const { channel_id } = await alice.call('fundchannel', { id: bob.id, amount: 1_000_000 });
  ground.mine(6);
  for (const node of [alice, bob]) await reaches(node, channel_id, 'CHANNELD_NORMAL');
  await bob.stop();
  alice.call('close', { id: channel_id, unilateraltimeout: 0 }).catch(() => undefined);
  await becomes('the close is begun', () => log.some((line) => line.includes('closing the channel')));
  await alice.stop();
  ground.mine(waitLimits.closing_signed.blocks + 12);
  [alice, bob] = await Promise.all([start('alice'), start('bob')]);
  expect(await stateOf(alice, channel_id)).toBe('CHANNELD_SHUTTING_DOWN');
  await connect(alice, bob);
  await reaches(alice, channel_id, 'CLOSINGD_COMPLETE');
  ground.mine(1);
  await becomes('both know', () => log.filter((line) => line.includes('closed by a mutual close')).length === 2);
  expect(log.some((line) => line.includes('channel failed'))).toBe(false);
  await Promise.all([alice.stop(), bob.stop()]);
});
