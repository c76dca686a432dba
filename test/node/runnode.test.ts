/** Nodes that a program starts in its own process: the parts and the API it gets, and an EOB protocol of its own from end to end. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { besideAmp, type OwnProtocol } from '../../amp/payload.ts';
import { tree } from '../../amp/tree.ts';
import { ConnectionError } from '../../node/api/rpc/client.ts';
import { systemClock } from '../../node/base/entropy.ts';
import { loadConfig } from '../../node/config/config.ts';
import type { Experiments } from '../../node/core/hooks.ts';
import { type Served, serveChain } from '../../node/regtest/chain/serve.ts';
import { type RunningNode, runNode } from '../../node/run.ts';
import { text, utf8 } from '../../wire/bytes.ts';
import { sat } from '../../wire/units.ts';
import { type Ground, newGround } from '../support/inprocess.ts';
import { becomes } from '../support/pair.ts';

let dir: string;
let ground: Ground;
let served: Served;
/** Those that have not ended. */
const started = new Set<RunningNode>();

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-program-'));
  ground = await newGround();
  const place = { host: '127.0.0.1', port: 0, logins: ['user:password'] };
  served = await serveChain({ regtest: ground.regtest, clock: systemClock, ...place, stop: () => undefined });
});
afterAll(async () => {
  for (const node of started) await node.stop();
  await served?.close();
  await rm(dir, { recursive: true, force: true });
});

const configOf = (name: string, bitcoind = `http://user:password@127.0.0.1:${served.port}`, more = {}) => {
  const flags = { dir: join(dir, name), listen: '127.0.0.1:0', api: 'off', bitcoind, 'log-level': 'silent', ...more };
  return loadConfig({ flags, env: {}, read: () => undefined });
};
const start = async (name: string, experiments: Experiments = {}): Promise<RunningNode> => {
  const running = await runNode(configOf(name), experiments);
  started.add(running);
  void running.ended.then(() => started.delete(running));
  await running.ready;
  return running;
};
const mine = async (blocks: number): Promise<void> => {
  ground.mine(blocks);
  for (const { node } of started)
    await becomes('at the tip', () => node.follower.top.hash === ground.regtest.ledger.tip.hash);
};
const open = async (from: RunningNode, to: RunningNode): Promise<void> => {
  ground.faucet.give([{ script: (await from.node.wallet.newAddress()).script, amount: sat(1_100_000n) }]);
  await mine(1);
  const { id } = await to.call('getinfo');
  await from.call('connect', { id, host: '127.0.0.1', port: to.node.peers.address?.port ?? 0 });
  await from.call('fundchannel', { id, amount: 1_000_000n });
  await mine(6);
};

/** A port that nobody has. */
const freePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
};

test('a node serves its metrics by --metrics to who asks, and on the API’s port to who has the token', async () => {
  const port = await freePort();
  const given = { metrics: `127.0.0.1:${port}`, api: '127.0.0.1:0' };
  const running = await runNode(configOf('measured', undefined, given));
  started.add(running);
  await running.ready;
  const { api } = await running.call('getinfo');
  const token = (await readFile(api?.token_file ?? '', 'utf8')).trim();
  const authorization = `Bearer ${token}`;
  for (const [at, headers] of [
    [port, {}],
    [api?.port, { authorization }],
  ] as const) {
    const answer = await fetch(`http://127.0.0.1:${at}/metrics`, { headers });
    expect(answer.headers.get('content-type')).toContain('version=0.0.4');
    expect(await answer.text()).toContain(`\nampere_block_height ${running.node.follower.height}\n`);
  }
  expect((await fetch(`http://127.0.0.1:${api?.port}/metrics`)).status).toBe(401);
  await running.stop();
  started.delete(running);
  await expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow();
});

test('a program gets the parts of the node it starts and calls its API, until it stops the node', async () => {
  const { node, call, stop, ended } = await start('single');
  expect(await call('getinfo')).toMatchObject({ blockheight: node.follower.height, network: 'regtest' });
  await expect(call('waitinvoice', { label: 'none' })).rejects.toMatchObject({ name: 'CallError' });
  await stop();
  await ended;
  await stop();
  await expect(call('getinfo')).rejects.toThrow(ConnectionError);
});

test('a node that a program stops while it comes up is not ready, and has ended without an error', async () => {
  const { node, ready, stop, ended } = await runNode(configOf('waiting', 'http://user:password@127.0.0.1:1'));
  expect(node.follower.height).toBe(0);
  await stop();
  await expect(ready).rejects.toMatchObject({ fault: { code: 'closed' } });
  await ended;
});

test('a new node refuses the chain of another network before it makes a seed', async () => {
  const config = configOf('elsewhere', undefined, { network: 'bitcoin' });
  await expect(runNode(config)).rejects.toThrow('bitcoind runs on regtest, but this node is configured for bitcoin');
  expect(await readdir(config.networkDir)).not.toContain('seed');
});

test('a program learns why a node could not start, and nothing of it is left', async () => {
  const schemes = [{ ...tree, protocol: 3 }];
  await expect(runNode(configOf('broken'), { schemes })).rejects.toThrow('experiments.schemes');
  const { stop } = await start('broken');
  await stop();
});

test('a program whose protocol speaks to every hop of a payment is heard by each of them', async () => {
  const heard: string[] = [];
  const read = (blobs: readonly Uint8Array[]) => ({
    accept: blobs.map((blob) => text(blob).replace(/\0+$/, '')).join(''),
  });
  const note: OwnProtocol = {
    name: 'note',
    forward: (_frame, { blobs }) => read(blobs),
    final: besideAmp(tree, (_frame, { blobs }) => read(blobs)),
    compose: ({ amount }, _shard, route) => route.map((_, i) => utf8(`hop ${i + 1} of ${amount} msat`)),
    mostBlobs: 5,
  };
  const experiments: Experiments = {
    protocols: new Map([[14, note]]),
    onForwardNote: ({ value }) => void heard.push(`forwarded: ${value}`),
    onFinalNote: ({ value }) => void heard.push(`received: ${value}`),
  };
  const alice = await start('alice', experiments);
  const bob = await start('bob', experiments);
  const carol = await start('carol', experiments);
  await open(alice, bob);
  await open(bob, carol);
  const { id } = await carol.call('getinfo');
  await becomes(
    'carol known to alice',
    async () => (await alice.call('listnodes', { id })).nodes[0]?.last_timestamp !== undefined,
  );
  await becomes('all channels known', async () => (await alice.call('listchannels')).channels.length === 4);
  await alice.call('keysend', { destination: id, amount_msat: 20_000_000n, scheme: 'tree' });
  expect(heard).toEqual(['forwarded: hop 1 of 20000000 msat', 'received: hop 2 of 20000000 msat']);
});
