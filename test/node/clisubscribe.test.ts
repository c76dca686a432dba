/** `ampere subscribe`: what it prints of notifications, for programs and for people, and how it ends. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Notifications } from '../../node/api/events/notifications.ts';
import { subscribe } from '../../node/api/methods/node/subscribe.ts';
import { type ApiServer, listenUnix } from '../../node/api/rpc/unix.ts';
import { runCommand } from '../../node/cli/program.ts';
import type { Terminal } from '../../node/cli/terminal.ts';
import { fakeRpc } from '../support/api.ts';
import { becomes } from '../support/pair.ts';

let dir = '';
let server: ApiServer;
let notifications = new Notifications();
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-subscribe-'));
  notifications = new Notifications();
  const { answer } = fakeRpc({ subscribe: (params, call) => subscribe.handler({ notifications }, params, call) });
  server = await listenUnix(join(dir, 'regtest', 'lightning-rpc'), answer);
});
afterEach(async () => {
  await server.close();
  await rm(dir, { recursive: true, force: true });
});

const started = (words: readonly string[], terminal?: Terminal) => {
  const [out, err]: [string[], string[]] = [[], []];
  const code = runCommand(['--dir', dir, 'subscribe', ...words], {
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    env: {},
    run: async () => ({ ended: Promise.resolve() }),
    ...(terminal && { terminal }),
  });
  return { out, err, code };
};
const screen: Terminal = { columns: 80, rows: 24, colors: false };
const block = (height: number) => ({ hash: 'c3'.repeat(32), height });

test.each([
  ['a pipe', [], undefined],
  ['a terminal with --json', ['--json'], screen],
])('into %s goes each notification as it comes, as a line of JSON, and nothing else', async (_, words, terminal) => {
  const { out, err, code } = started(words, terminal);
  await becomes('subscribed', () => notifications.isHeard('block_added'));
  notifications.publish('block_added', block(7));
  await becomes('printed', () => out.length === 1);
  notifications.publish('disconnect', { id: `02${'a1'.repeat(32)}` });
  await becomes('printed', () => out.length === 2);
  expect(out.every((line) => !line.includes('\n'))).toBe(true);
  expect(out.map((line) => JSON.parse(line))).toEqual([
    { block_added: block(7) },
    { disconnect: { id: `02${'a1'.repeat(32)}` } },
  ]);
  expect(err).toEqual([]);
  await server.close();
  expect(await code).not.toBe(0);
});

test('it stays until the node stops, and says that there is no more, with the exit code for no node', async () => {
  const { out, err, code } = started(['block_added']);
  await becomes('subscribed', () => notifications.isHeard('block_added'));
  expect(notifications.isHeard('disconnect')).toBe(false);
  await server.close();
  expect(await code).toBe(3);
  expect(out).toEqual([]);
  expect(err.join('\n')).toContain('ended the connection: there are no more notifications');
});

test('on a terminal a notification is its topic with its fields below, within the width of the screen', async () => {
  const { out, err, code } = started([], screen);
  await becomes('subscribed', () => notifications.isHeard('block_added'));
  await becomes('said', () => err.length === 1);
  expect(err[0]).toContain('until Ctrl-C');
  notifications.publish('block_added', block(7));
  notifications.publish('shutdown', {});
  await becomes('printed', () => out.length === 2);
  const [first = '', second] = out;
  expect(first.split('\n')[0]).toBe('block_added');
  expect(first).toMatch(/^ {2}height +7$/m);
  expect(first.split('\n').every((line) => line.length <= 80)).toBe(true);
  expect(second).toBe('shutdown');
  await server.close();
  await code;
});

test('a topic that there is not is an error at once', async () => {
  const { err, code } = started(['forwards']);
  expect(await code).toBe(1);
  expect(err.join('\n')).toContain('topics: expected');
});
