/** `subscribe`: who gets which notifications, on which connections, and what becomes of one who reads too slowly. */
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { maxQueued, maxSubscriptions, Notifications } from '../../../node/api/events/notifications.ts';
import { warningLog } from '../../../node/api/events/warnings.ts';
import { subscribe } from '../../../node/api/methods/node/subscribe.ts';
import { type Client, openClient } from '../../../node/api/rpc/client.ts';
import { listenHttp } from '../../../node/api/rpc/http.ts';
import { listenUnix } from '../../../node/api/rpc/unix.ts';
import { fakeRpc } from '../../support/api.ts';
import { becomes } from '../../support/pair.ts';
import { keptLog } from '../../support/quiet.ts';

const token = 'ab'.repeat(32);
const closing: (() => unknown)[] = [];
let dir = '';
let path = '';
let notifications = new Notifications();
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-subscribe-'));
  path = join(dir, 'rpc');
  notifications = new Notifications();
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await rm(dir, { recursive: true, force: true });
});

const answer = () =>
  fakeRpc({ subscribe: (params, call) => subscribe.handler({ notifications }, params, call) }).answer;
const onSocket = async (): Promise<void> => {
  const server = await listenUnix(path, answer());
  closing.push(() => server.close());
};
const opened = async (): Promise<{ client: Client; heard: unknown[] }> => {
  const client = await openClient(path);
  closing.push(() => client.close());
  const heard: unknown[] = [];
  client.onNotification((topic, payload) => heard.push([topic, payload]));
  return { client, heard };
};
const block = (height: number) => ({ hash: 'c3'.repeat(32), height });
const id = `02${'a1'.repeat(32)}`;

describe('on the unix socket', () => {
  test('a subscriber gets the topics it asked for and no other, between answers to its calls', async () => {
    await onSocket();
    const { client, heard } = await opened();
    expect(await client.call('subscribe', { topics: ['block_added', 'disconnect'] })).toEqual({
      topics: ['block_added', 'disconnect'],
    });
    notifications.publish('block_added', block(7));
    notifications.publish('connect', { id, direction: 'in', address: '127.0.0.1:9735' });
    notifications.publish('disconnect', { id });
    await client.call('listpeers');
    expect(heard).toEqual([
      ['block_added', block(7)],
      ['disconnect', { id }],
    ]);
  });

  test('a connection that never subscribed gets none', async () => {
    await onSocket();
    const { client, heard } = await opened();
    notifications.publish('block_added', block(7));
    await client.call('listpeers');
    expect(heard).toEqual([]);
  });

  test('subscribing again replaces the topics of the connection', async () => {
    await onSocket();
    const { client, heard } = await opened();
    await client.call('subscribe', {});
    await client.call('subscribe', { topics: 'disconnect' });
    notifications.publish('block_added', block(7));
    await client.call('listpeers');
    expect(heard).toEqual([]);
  });

  test('a topic that there is not is refused with the names of those that there are', async () => {
    await onSocket();
    const { client } = await opened();
    await expect(client.raw('subscribe', { topics: ['forwards'] })).rejects.toThrow(/topics: expected .*forward_event/);
  });

  test('a subscription ends with its connection', async () => {
    await onSocket();
    const { client } = await opened();
    await client.call('subscribe', {});
    expect(notifications.isHeard('block_added')).toBe(true);
    client.close();
    await becomes('nobody subscribed', () => !notifications.isHeard('block_added'));
  });

  test(`${maxSubscriptions} connections may be subscribed, and no more`, async () => {
    await onSocket();
    for (let i = 0; i < maxSubscriptions; i++) await (await opened()).client.call('subscribe', {});
    const { client } = await opened();
    await expect(client.call('subscribe', {})).rejects.toThrow(/are subscribed already/);
  });

  test('a subscriber that reads nothing is told how many notifications it lost once it reads, and costs no more than its queue', async () => {
    await onSocket();
    const socket = connect(path);
    closing.push(() => socket.destroy());
    socket.write('{"id":1,"method":"subscribe","params":["warning"]}');
    await becomes('subscribed', () => notifications.isHeard('warning'));
    const all = 20_000;
    socket.pause();
    for (let i = 0; i < all; i++) {
      notifications.publish('warning', { level: 'warn', time: '1', source: 'core', log: `${i} ${'x'.repeat(500)}` });
      if (i % 500 === 0) await new Promise(setImmediate);
    }
    let got = '';
    socket.on('data', (chunk) => {
      got += chunk.toString();
    });
    socket.resume();
    await becomes('told what it lost', () => got.includes('notifications_lost'));
    const told = got.match(/"method":"warning"/g)?.length ?? 0;
    const lost = /"notifications_lost":\{"count":(\d+)\}/.exec(got)?.[1];
    expect(told + Number(lost)).toBe(all);
    // What is behind the queue are the buffers of the two sockets.
    expect(told).toBeLessThan(maxQueued + 5_000);
    notifications.publish('warning', { level: 'warn', time: '2', source: 'core', log: 'again' });
    await becomes('told again', () => got.includes('"log":"again"'));
  });
});

test('over WebSocket notifications come as messages of their own, shaped as JSON-RPC notifications', async () => {
  const server = await listenHttp({ host: '127.0.0.1', port: 0 }, token, answer());
  closing.push(() => server.close());
  const socket = new WebSocket(`ws://127.0.0.1:${server.address.port}/`, ['ampere', `token.${token}`]);
  const got: string[] = [];
  socket.on('message', (data) => got.push(data.toString()));
  await new Promise((resolve) => socket.once('open', resolve));
  socket.send('{"id":1,"method":"subscribe","params":{"topics":["block_added"]}}');
  await becomes('subscribed', () => got.length === 1);
  notifications.publish('block_added', block(8));
  await becomes('told', () => got.length === 2);
  expect(JSON.parse(got[1] ?? '')).toEqual({
    jsonrpc: '2.0',
    method: 'block_added',
    params: { block_added: block(8) },
  });
});

test('a call over HTTP cannot subscribe, and is told on which connections that is possible', async () => {
  const server = await listenHttp({ host: '127.0.0.1', port: 0 }, token, answer());
  closing.push(() => server.close());
  const response = await fetch(`http://127.0.0.1:${server.address.port}/`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: '{"id":1,"method":"subscribe"}',
  });
  expect(await response.json()).toMatchObject({
    error: { message: expect.stringMatching(/unix socket or over WebSocket/) },
  });
});

test('lines of the log at warn and error are told with their part and what they are about, and no secret', async () => {
  await onSocket();
  const { client, heard } = await opened();
  await client.call('subscribe', { topics: 'warning' });
  const kept = keptLog();
  const log = warningLog(kept, notifications, () => 1_500).child({ part: 'peer' });
  log.info({}, 'not this');
  log.warn({ peer: 'ab', preimage: 'secret', why: 'it is slow' }, 'a peer is slow');
  await client.call('listpeers');
  expect(heard).toEqual([
    ['warning', { level: 'warn', time: '1.500', source: 'peer', log: 'a peer is slow  peer=ab  why=it is slow' }],
  ]);
});
