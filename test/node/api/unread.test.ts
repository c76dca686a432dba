/** Callers of the API that read nothing, or nothing in time, or open more than they use: what they hold of a node is bounded. */
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { openCalls } from '../../../node/api/rpc/calls.ts';
import { openClient } from '../../../node/api/rpc/client.ts';
import { Connections, maxConnections } from '../../../node/api/rpc/connections.ts';
import { listenHttp } from '../../../node/api/rpc/http.ts';
import { listenUnix } from '../../../node/api/rpc/unix.ts';
import type { Handlers } from '../../../node/api/table.ts';
import { fakeRpc, samples } from '../../support/api.ts';
import { eventually } from '../../support/peers.ts';

let dir = '';
let path = '';
const closing: (() => unknown)[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-'));
  path = join(dir, 'rpc');
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await rm(dir, { recursive: true, force: true });
});

const token = 'ab'.repeat(32);
const ask = (id: number): string => `{"id":${id},"method":"getinfo"}`;
const post = (text: string, headers = ''): string =>
  `POST / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n${headers}Content-Length: ${text.length}\r\n\r\n${text}`;

/** Handlers whose getinfo has an answer of 60,000 characters; how often it was called. */
const wordy = () => {
  const counted = { calls: 0 };
  const own: Partial<Handlers> = {
    getinfo: async () => {
      counted.calls++;
      return { ...samples.getinfo, alias: 'x'.repeat(60_000) };
    },
  };
  return { counted, own };
};
const serveUnix = async (own: Partial<Handlers> = {}): Promise<void> => {
  const server = await listenUnix(path, fakeRpc(own).answer);
  closing.push(() => server.close());
};
const serveHttp = async (own: Partial<Handlers> = {}) => {
  const server = await listenHttp({ host: '127.0.0.1', port: 0 }, token, fakeRpc(own).answer);
  closing.push(() => server.close());
  return server;
};
const opened = (to: { readonly path: string } | { readonly host: string; readonly port: number }): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(to, () => resolve(socket));
    socket.on('error', reject);
    closing.push(() => socket.destroy());
  });
const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()));
/** Turns of the event loop in which nothing more is called. */
const quiet = async (counted: { readonly calls: number }): Promise<number> => {
  for (let last = -1; last !== counted.calls; ) {
    last = counted.calls;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return counted.calls;
};

describe('a caller that asks and reads nothing', () => {
  const many = 2_000;

  test('on the unix socket has few of its calls made', async () => {
    const { counted, own } = wordy();
    await serveUnix(own);
    const socket = await opened({ path });
    for (let i = 0; i < many; i++) socket.write(ask(i));
    await eventually(() => counted.calls > 0);
    expect(await quiet(counted)).toBeLessThan(200);
    const answers = new Promise<string>((resolve) => {
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.once('close', () => resolve(text));
    });
    socket.end();
    expect((await answers).split('\n\n')).toHaveLength(many + 1);
  });

  test('over HTTP, one request behind the other, has few of them made', async () => {
    const { counted, own } = wordy();
    const { address } = await serveHttp(own);
    const socket = await opened(address);
    for (let i = 0; i < many; i++) socket.write(post(ask(i)));
    await eventually(() => counted.calls > 0);
    expect(await quiet(counted)).toBeLessThan(400);
  });

  test('on a WebSocket has few of its calls made', async () => {
    const { counted, own } = wordy();
    const { address } = await serveHttp(own);
    const headers = { authorization: `Bearer ${token}` };
    const socket = new WebSocket(`ws://127.0.0.1:${address.port}/`, { headers });
    closing.push(() => socket.terminate());
    await new Promise((resolve) => socket.once('open', resolve));
    socket.pause();
    for (let i = 0; i < many; i++) socket.send(ask(i));
    await eventually(() => counted.calls > 0);
    expect(await quiet(counted)).toBeLessThan(400);
  });

  test('has no more than a few answers in memory', async () => {
    let written: () => void = () => undefined;
    let asked = 0;
    const calls = openCalls(
      async () => {
        asked++;
        return 'x'.repeat(60_000);
      },
      { pause: () => undefined, resume: () => undefined },
      () =>
        new Promise((resolve) => {
          written = resolve;
        }),
    );
    for (let i = 0; i < 100; i++) calls.take(ask(i));
    await eventually(() => calls.unread() > 256 * 1024);
    for (let i = 0; i < 100; i++) await new Promise(setImmediate);
    expect(calls.unread()).toBeLessThan(512 * 1024);
    const ended = calls.end();
    for (let i = 0; i < 100; i++) {
      written();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await eventually(() => asked === 100 && !calls.isBusy());
    await ended;
  });
});

describe('connections', () => {
  test('without a call under way give way to a new one, the oldest first; with one they do not', () => {
    const ended: string[] = [];
    const connections = new Connections<string>(3, (one) => ended.push(one));
    const busy = new Set(['a']);
    for (const one of ['a', 'b', 'c', 'd']) expect(connections.admit(one, () => busy.has(one))).toBe(true);
    expect(ended).toEqual(['b']);
    for (const one of ['c', 'd']) busy.add(one);
    expect(connections.admit('e', () => false)).toBe(false);
    connections.free('c');
    expect(connections.admit('e', () => false)).toBe(true);
    expect(ended).toEqual(['b']);
  });

  test('on the unix socket that nobody uses keep nobody out', async () => {
    await serveUnix();
    const idle: Socket[] = [];
    for (let i = 0; i < maxConnections + 5; i++) idle.push(await opened({ path }));
    const client = await openClient(path);
    closing.push(() => client.close());
    expect((await client.call('getinfo')).alias).toBe('alice');
    await eventually(() => idle.filter((socket) => socket.resume().closed).length === 6);
  });

  test('on the unix socket that all wait for something leave no room: one more is told so', async () => {
    let waits = 0;
    await serveUnix({
      waitinvoice: () => {
        waits++;
        return new Promise(() => undefined);
      },
    });
    for (let i = 0; i < maxConnections; i++)
      (await opened({ path })).write('{"id":1,"method":"waitinvoice","params":["x"]}');
    await eventually(() => waits === maxConnections);
    const said = await new Promise<string>((resolve) => connect(path).once('data', (chunk) => resolve(`${chunk}`)));
    expect(said).toContain(`${maxConnections} connections with calls under way are open`);
  });

  test('over HTTP that say nothing keep nobody out', async () => {
    const { address } = await serveHttp();
    const idle: Socket[] = [];
    for (let i = 0; i < maxConnections + 5; i++) idle.push(await opened(address));
    const socket = await opened(address);
    const answer = new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(chunk.toString())));
    socket.write(post(ask(1)));
    expect(await answer).toContain('200 OK');
    await eventually(() => idle.filter((one) => one.resume().closed).length === 6);
  });
});

describe('an end', () => {
  const upgrade =
    'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';

  test('of a refused WebSocket comes, though the caller keeps its side open', async () => {
    const { address } = await serveHttp();
    const socket = connect({ ...address, allowHalfOpen: true });
    closing.push(() => socket.destroy());
    let said = '';
    socket.on('data', (chunk) => {
      said += chunk;
    });
    // Whoever keeps its side open learns of the node's end by a write that fails.
    socket.on('error', () => undefined);
    socket.write(upgrade);
    await eventually(() => said.includes('401'));
    const gone = closed(socket);
    await eventually(() => !socket.write('x') || socket.destroyed || socket.errored !== null);
    await gone;
  });

  test('of the API comes, whatever callers are there', async () => {
    const { own } = wordy();
    const server = await listenHttp({ host: '127.0.0.1', port: 0 }, token, fakeRpc(own).answer);
    const sockets: Socket[] = [];
    for (const text of [upgrade, '', post(ask(1)), post(ask(1), 'Connection: keep-alive\r\n'), 'POST / HTTP'])
      for (let i = 0; i < 5; i++) {
        const socket = connect({ ...server.address, allowHalfOpen: true });
        socket.on('error', () => undefined);
        socket.write(text);
        sockets.push(socket);
        closing.push(() => socket.destroy());
      }
    for (let i = 0; i < 10; i++) await new Promise(setImmediate);
    await server.close();
    await expect(opened(server.address)).rejects.toThrow(/ECONNREFUSED/);
  });
});
