/** A node that comes up: it answers from the first moment, says what it is at, and ends when it is told to, whatever it waits for. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { handlersOf } from '../../node/api/handlers.ts';
import { type Client, openClient } from '../../node/api/rpc/client.ts';
import { ChainError } from '../../node/chain/errors.ts';
import { runCommand } from '../../node/cli/program.ts';
import { loadConfig } from '../../node/config/config.ts';
import { Progress } from '../../node/core/progress.ts';
import type { Chain } from '../../node/ports/ports.ts';
import { runNode } from '../../node/run.ts';
import { newGround, noProcess, startLocal } from '../support/inprocess.ts';
import { becomes } from '../support/pair.ts';
import { memoryLog } from '../support/peers.ts';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-starting-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Something that takes calls and never answers any, as a bitcoind does that is held. */
const mute = async (): Promise<{ server: Server; port: number }> => {
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 };
};

/** A node on a bitcoind at that port, once its socket is there. */
const started = async (port: number) => {
  const flags = { dir, network: 'regtest', api: 'off', 'log-level': 'error' };
  const bitcoind = `http://user:password@127.0.0.1:${port}`;
  const config = loadConfig({ flags: { ...flags, bitcoind }, env: {}, read: () => undefined });
  const running = runNode(config);
  let client: Client | undefined;
  await becomes('the socket there', async () => {
    client = await openClient(config.socket).catch(() => undefined);
    return client !== undefined;
  });
  if (client === undefined) throw new Error('expected a connection');
  return { client, running };
};

test('answers getinfo, help, setconfig and stop while its bitcoind is not there, and says of other calls what it waits for', async () => {
  const { client, running } = await started(1);
  await becomes('who it is', () =>
    client.call('getinfo').then(
      (info) => /waits for bitcoind at 127\.0\.0\.1:1 \(no answer .*ECONNREFUSED\)$/.test(info.warning_starting ?? ''),
      () => false,
    ),
  );
  expect(await client.call('getinfo')).toMatchObject({ network: 'regtest', blockheight: 0, num_peers: 0 });
  expect((await client.call('help')).help.length).toBeGreaterThan(10);
  const levels = { config: 'log-level', val: 'error,chain=silent' };
  expect((await client.call('setconfig', levels)).config.value_str).toBe('error,chain=silent');
  await expect(client.call('listfunds')).rejects.toMatchObject({
    code: -28,
    message:
      'the node is starting and cannot answer yet: it waits for bitcoind at 127.0.0.1:1 (no answer from bitcoind at 127.0.0.1:1: ECONNREFUSED)',
  });
  const said: string[] = [];
  const err = (text: string): void => void said.push(text);
  const around = { out: err, err, env: {}, run: runNode };
  expect(await runCommand(['listfunds', '--dir', dir, '--network', 'regtest'], around)).toBe(1);
  expect(said).toEqual([
    'listfunds: the node is starting and cannot answer yet: it waits for bitcoind at 127.0.0.1:1 (no answer from bitcoind at 127.0.0.1:1: ECONNREFUSED) (starting, -28)',
  ]);
  expect(await client.call('stop')).toEqual({ result: 'Shutdown complete' });
  await (await running).ended;
});

test('ends when it is told to while its bitcoind takes calls and answers none', async () => {
  const { server, port } = await mute();
  const { client, running } = await started(port);
  await client.call('stop');
  await (await running).ended;
  server.close();
  // Sooner than a call to bitcoind is given up.
});

test('a new node that did not come up for a wrong password reads no blocks from before it when it does', async () => {
  const [ground, log] = [await newGround(), memoryLog()];
  const refusing = (chain: Chain): Chain => ({
    ...chain,
    genesis: () => Promise.reject(new ChainError({ code: 'unauthorized', where: 'x', hint: 'wrong password' })),
  });
  const refused = startLocal({ dir, ground, log, chain: refusing });
  await expect(refused).rejects.toMatchObject({ fault: { code: 'unauthorized' } });
  let read = 0;
  const reading = (chain: Chain): Chain => ({
    ...chain,
    block: (hash) => {
      read++;
      return chain.block(hash);
    },
  });
  const { node, call, stop } = await startLocal({ dir, ground, log, chain: reading });
  await becomes('the tip', () => node.follower.isSynced());
  expect([(await call('getinfo', {})).blockheight, read]).toEqual([130, 0]);
  await stop();
});

test('what getinfo says of a node that comes up while it is asked is of one moment', async () => {
  const { node, call, stop } = await startLocal({
    dir: join(dir, 'local'),
    ground: await newGround(),
    log: memoryLog(),
  });
  const progress = new Progress();
  const chainTip = async () => {
    progress.done();
    return node.chainTip();
  };
  const { getinfo } = handlersOf({ ...node, progress, chainTip }, noProcess);
  const info = await getinfo({}, { signal: new AbortController().signal });
  expect(info.warning_starting).toMatch(/^the node is starting: it /);
  expect((await call('getinfo', {})).warning_starting).toBeUndefined();
  await stop();
});
