/** A bitcoind that is ill: it hangs, comes back from an old copy, begins anew, or has thrown its old blocks away. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { openClient } from '../../node/api/rpc/client.ts';
import { networkOf } from '../../node/ports/network.ts';
import { freePort, type RunningBitcoind, type StartOptions, startBitcoind } from '../../node/regtest/demo/bitcoind.ts';
import { findChain } from '../../node/regtest/demo/chain.ts';
import type { FoundBitcoind } from '../../node/regtest/demo/find.ts';
import { NodeProcess } from '../../node/regtest/demo/process.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { addressOfScript } from '../../node/wallet/address.ts';
import { built } from '../support/regtest.ts';

const address = (salt: number): string =>
  addressOfScript(Uint8Array.of(0, 20, ...new Uint8Array(20).fill(salt)), networkOf('regtest')) ?? '';

let found: FoundBitcoind;
let folder = '';
const running: RunningBitcoind[] = [];
const nodes: NodeProcess[] = [];

beforeAll(async () => {
  built('node/main.js');
  found = await findChain();
  folder = await mkdtemp(join(tmpdir(), 'ampere-sick-'));
});
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.kill();
  for (const bitcoind of running.splice(0)) {
    process.kill(bitcoind.pid, 'SIGCONT');
    await bitcoind.stop('SIGKILL').catch(() => undefined);
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const started = async (options: Partial<StartOptions> & { readonly dir: string }): Promise<RunningBitcoind> => {
  const bitcoind = await startBitcoind({ ...found, ...options });
  running.push(bitcoind);
  return bitcoind;
};
const stopped = async (bitcoind: RunningBitcoind): Promise<void> => {
  running.splice(running.indexOf(bitcoind), 1);
  await bitcoind.stop();
};
const nodeOn = (name: string, { url }: RunningBitcoind): NodeProcess => {
  const node = new NodeProcess({ name, dir: join(folder, name), flags: ['--bitcoind', url] });
  nodes.push(node);
  return node;
};
const at = (node: NodeProcess, height: number): Promise<true> =>
  until(`${node.name} at block ${height}`, async () =>
    (await node.call('getinfo')).blockheight === height ? true : undefined,
  );
const warning = (node: NodeProcess, text: string): Promise<true> =>
  until(`${node.name} to warn of it`, async () =>
    (await node.call('getinfo')).warning_bitcoind_sync?.includes(text) ? true : undefined,
  );

test('a bitcoind that hangs delays neither getinfo, nor other calls, nor the stop, nor the API of the next start', async () => {
  const bitcoind = await started({ dir: join(folder, 'hung') });
  await bitcoind.mine(101, address(1));
  const node = nodeOn('hanna', bitcoind);
  await node.start();
  process.kill(bitcoind.pid, 'SIGSTOP');
  // A first call may still get the answer to what was asked just before.
  await warning(node, 'no answer from bitcoind');
  expect((await node.call('getinfo')).blockheight).toBe(101);
  const { bech32 = '' } = await node.call('newaddr');
  await expect(node.call('withdraw', { destination: bech32, satoshi: 1000n })).rejects.toMatchObject({ code: 500 });
  // Else it would have been killed.
  expect(await node.stop()).toBe('stopped');

  const starting = node.start();
  const client = await until('the API', () => openClient(node.socket));
  await until('what it waits for', async () =>
    /waits for bitcoind at/.test((await client.call('getinfo')).warning_starting ?? '') ? true : undefined,
  );
  await expect(client.call('newaddr')).rejects.toMatchObject({ code: -28 });
  client.close();
  process.kill(bitcoind.pid, 'SIGCONT');
  await starting;
  expect((await node.call('getinfo')).blockheight).toBe(101);
}, 120_000);

test('a node waits for a bitcoind that was restored from an old copy, over a restart, too', async () => {
  const dir = join(folder, 'restored');
  const first = await started({ dir });
  await first.mine(101, address(2));
  await stopped(first);
  await cp(dir, `${dir}-copy`, { recursive: true });
  const { port, password } = first;
  const second = await started({ dir, port, password });
  // Its first block is one that the copy has not got.
  await second.mine(5, address(2));
  const node = nodeOn('rosa', second);
  await node.start();
  await second.mine(70, address(2));
  await at(node, 176);
  const blocks: string[] = [];
  for (let height = 102; height <= 176; height++)
    blocks.push(z.string().parse(await second.call('getblock', await second.call('getblockhash', height), 0)));
  await stopped(second);

  const third = await started({ dir: `${dir}-copy`, port, password });
  await warning(node, 'ends at block 101, below block 176');
  await node.stop();
  await node.start();
  await warning(node, 'ends at block 101, below block 176');
  for (const block of blocks) await third.call('submitblock', block);
  await third.mine(1, address(2));
  await at(node, 177);
  expect((await node.call('getinfo')).warning_bitcoind_sync).toBe(undefined);
}, 120_000);

test('one whose regtest was begun anew is refused with what to do', async () => {
  const first = await started({ dir: join(folder, 'old') });
  await first.mine(120, address(3));
  const node = nodeOn('anna', first);
  await node.start();
  await at(node, 120);
  // It has to have been at the tip for a moment.
  await first.mine(1, address(3));
  await at(node, 121);
  await node.stop();
  await stopped(first);
  const { port, password } = first;
  const second = await started({ dir: join(folder, 'new'), port, password });
  await second.mine(30, address(4));
  await node.start().catch(() => undefined);
  await until('it to end', () => (node.running ? undefined : true));
  const said = node.logTail();
  expect(said).toMatch(/another chain than this node has followed up to block 121.*new --dir/);
  expect(said).not.toMatch(/\bat .*\.js:\d+/);
}, 120_000);

test('a bitcoind that pruned blocks which the node still has to read fetches them again from its peers', async (context) => {
  if (found.source === 'embedded') return context.skip('the embedded chain keeps all its blocks');
  const p2p = await freePort();
  const full = await started({ dir: join(folder, 'full'), args: ['-listen=1', `-bind=127.0.0.1:${p2p}`] });
  const pruning = ['-prune=1', '-fastprune', `-connect=127.0.0.1:${p2p}`];
  const bitcoind = await started({ dir: join(folder, 'pruned'), args: pruning });
  const mined = async (blocks: number): Promise<void> => {
    await full.mine(blocks, address(5));
    const height = await full.call('getblockcount');
    await until('all blocks there', async () => ((await bitcoind.call('getblockcount')) === height ? true : undefined));
  };
  await mined(101);
  const node = nodeOn('petra', bitcoind);
  await node.start();
  await node.stop();
  await mined(1000);
  await full.call('setnetworkactive', false);
  await until('it alone', async () => ((await bitcoind.call('getconnectioncount')) === 0 ? true : undefined));
  expect(await bitcoind.call('pruneblockchain', 800)).toBeGreaterThan(102);
  await node.start();
  await warning(node, 'pruned block 102, which this node has not read yet');
  await full.call('setnetworkactive', true);
  await until('the peer back', async () => ((await bitcoind.call('getconnectioncount')) === 1 ? true : undefined));
  await until('blocks from the peer', async () => ((await node.call('getinfo')).blockheight > 110 ? true : undefined), {
    timeout: 60_000,
  });
}, 180_000);
