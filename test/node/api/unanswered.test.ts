/** Calls whose node ends before it has answered them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openClient } from '../../../node/api/rpc/client.ts';

let dir: string;
const server = createServer((socket) => socket.on('data', () => socket.destroy()));
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-unanswered-'));
  await new Promise<void>((listening) => server.listen(join(dir, 'rpc'), listening));
});
afterAll(async () => {
  server.close();
  await rm(dir, { recursive: true, force: true });
});

test.each([
  ['pay', 'listpays'],
  ['xpay', 'listpays'],
  ['keysend', 'listpays'],
  ['sendpay', 'listsendpays'],
  ['sendonion', 'listsendpays'],
])(
  '%s without an answer is said to be perhaps under way, and %s to look at before it is made again',
  async (method, list) => {
    const client = await openClient(join(dir, 'rpc'));
    await expect(client.raw(method, {})).rejects.toThrow(
      `did not answer ${method}: the payment may be under way or made, see ${list} before you pay again`,
    );
  },
);

test('a call that sends nothing is said to be unanswered, and no more', async () => {
  const client = await openClient(join(dir, 'rpc'));
  await expect(client.raw('getinfo', {})).rejects.toThrow(/did not answer getinfo$/);
});
