/** A node that cannot listen where it is told to: it says where and what to do, and is gone. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningBitcoind, startBitcoind } from '../../node/regtest/demo/bitcoind.ts';
import { findChain } from '../../node/regtest/demo/chain.ts';
import { built } from '../support/regtest.ts';

let folder = '';
let chain: RunningBitcoind;
let other: Server;
let at = '';
beforeAll(async () => {
  const found = await findChain({ progress: (line) => console.log(line) });
  folder = await mkdtemp(join(tmpdir(), 'ampere-taken-'));
  chain = await startBitcoind({ dir: join(folder, 'bitcoind'), ...found });
  other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const address = other.address();
  at = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
});
afterAll(async () => {
  other?.close();
  await chain?.stop();
  await rm(folder, { recursive: true, force: true });
});

const free = '127.0.0.1:0';
test.each([
  ['--listen', { listen: () => at, api: () => free }],
  ['--api', { listen: () => free, api: () => at }],
])('a node does not start and says so where another program has the port of %s', async (option, { listen, api }) => {
  const where = ['--dir', join(folder, option.slice(2)), '--listen', listen(), '--api', api()];
  const options = ['start', ...where, '--network', 'regtest', '--bitcoind', chain.url];
  const child = spawn(process.execPath, [built('node/main.js'), ...options], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(1);
  expect(said).toContain(`ampere: ${at} is taken: choose another with ${option} HOST:PORT, port 0 for a free one`);
  expect(said).not.toContain('cannot go on');
});
