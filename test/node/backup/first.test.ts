/** When a channel is in the backup: before its funding can be in the chain; and what is said when it cannot be. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Chain } from '../../../node/ports/ports.ts';
import { endow, type LocalNode, newGround, startLocal } from '../../support/inprocess.ts';
import { becomes } from '../../support/pair.ts';
import { memoryLog } from '../../support/peers.ts';

test('a funding transaction is published once the backup has its channel', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'ampere-first-'));
  const ground = await newGround();
  const opener: { node?: LocalNode } = {};
  const known: number[] = [];
  /** Looks at what a lost disk would leave, at the moment in which a transaction goes out. */
  const looking = (chain: Chain): Chain => ({
    ...chain,
    broadcast: async (tx) => {
      const { backups, config } = opener.node?.node ?? {};
      if (backups !== undefined && config !== undefined)
        known.push(backups.read(await readFile(config.backupFile)).channels.length);
      await chain.broadcast(tx);
    },
  });
  const alice = await startLocal({ dir: join(dir, 'alice'), ground, log: memoryLog([]), chain: looking });
  const bob = await startLocal({ dir: join(dir, 'bob'), ground, log: memoryLog([]) });
  opener.node = alice;
  await endow(ground, alice, [300_000n, 300_000n]);
  await becomes('coins', () => alice.node.wallet.spendable(1) > 0n);
  await alice.call('connect', { id: bob.id, host: '127.0.0.1', port: bob.node.peers.address?.port ?? 0 });
  for (const channels of [1, 2]) {
    await alice.call('fundchannel', { id: bob.id, amount: 200_000n });
    await becomes('a transaction in the mempool', () => ground.regtest.pool.entries().length === channels);
    expect(known).toEqual([1, 2].slice(0, channels));
  }
  await Promise.all([alice.stop(), bob.stop()]);
  await rm(dir, { recursive: true, force: true });
});

test('a channel whose backup cannot be written opens with a warning, which stays until it is written', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'ampere-unwritten-'));
  const ground = await newGround();
  const alice = await startLocal({ dir: join(dir, 'alice'), ground, log: memoryLog([]) });
  const bob = await startLocal({ dir: join(dir, 'bob'), ground, log: memoryLog([]) });
  await endow(ground, alice, [300_000n]);
  await becomes('coins', () => alice.node.wallet.spendable(1) > 0n);
  await alice.node.backups.settled();
  expect(await alice.call('getinfo', {})).not.toHaveProperty('warning_backup');
  const file = alice.node.config.backupFile;
  await rm(file);
  await mkdir(file);

  await alice.call('connect', { id: bob.id, host: '127.0.0.1', port: bob.node.peers.address?.port ?? 0 });
  const warning = `the backup of the channels could not be written: ${file} cannot be written: it is a folder (EISDIR)`;
  expect((await alice.call('fundchannel', { id: bob.id, amount: 200_000n })).warning_backup).toContain(warning);
  expect((await alice.call('getinfo', {})).warning_backup).toContain(warning);

  await rm(file, { recursive: true });
  ground.mine(1);
  await becomes('no warning', async () => (await alice.call('getinfo', {})).warning_backup === undefined);
  expect(alice.node.backups.read(await readFile(file)).channels).toHaveLength(1);
  await Promise.all([alice.stop(), bob.stop()]);
  await rm(dir, { recursive: true, force: true });
});
