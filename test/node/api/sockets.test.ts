/** The unix socket, the client over it, HTTP and WebSocket, with real sockets. */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { maxCalls } from '../../../node/api/rpc/calls.ts';
import { type Client, openClient } from '../../../node/api/rpc/client.ts';
import { listenHttp } from '../../../node/api/rpc/http.ts';
import { maxMessage } from '../../../node/api/rpc/jsonrpc.ts';
import { tokenIn } from '../../../node/api/rpc/token.ts';
import { listenUnix, maxPath } from '../../../node/api/rpc/unix.ts';
import type { Handlers } from '../../../node/api/table.ts';
import { systemEntropy } from '../../../node/base/entropy.ts';
import { msat } from '../../../wire/units.ts';
import { fakeRpc, ids, samples } from '../../support/api.ts';

let dir = '';
let path = '';
const closing: (() => unknown)[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-'));
  path = join(dir, 'regtest', 'lightning-rpc');
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await rm(dir, { recursive: true, force: true });
});

const serve = async (own: Partial<Handlers> = {}) => {
  const server = await listenUnix(path, fakeRpc(own).answer);
  closing.push(() => server.close());
  return server;
};
const client = async (): Promise<Client> => {
  const opened = await openClient(path);
  closing.push(() => opened.close());
  return opened;
};
/** Writes chunks and gives all that comes back until the server ends. */
const exchange = (chunks: readonly string[], end = true): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(path);
    let got = '';
    socket.on('data', (chunk) => {
      got += chunk.toString();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(got));
    for (const chunk of chunks) socket.write(chunk);
    if (end) socket.end();
  });

describe('the unix socket', () => {
  test('answers each request with JSON and an empty line, several in one chunk or one in several', async () => {
    await serve();
    const one = '{"id":1,"method":"stop"}';
    const answer = '{"jsonrpc":"2.0","id":1,"result":{"result":"Shutdown complete"}}\n\n';
    expect(await exchange([one + one])).toBe(answer + answer);
    expect(await exchange([one.slice(0, 9), `${one.slice(9)}\n\n\n`])).toBe(answer);
  });

  test('is for its owner alone', async () => {
    await serve();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(dir, 'regtest'))).mode & 0o777).toBe(0o700);
  });

  test.each([
    ['a file', () => writeFile(path, 'somebody needs this')],
    ['a folder', () => mkdir(path)],
  ])('is not made in the place of %s, which stays', async (_, make) => {
    await mkdir(dirname(path));
    await make();
    const before = await stat(path);
    const refused = serve();
    await expect(refused).rejects.toMatchObject({ fault: 'unusable' });
    await expect(refused).rejects.toThrow('is there and is no socket');
    expect((await stat(path)).ino).toBe(before.ino);
  });

  test('that cannot be made is said in a sentence', async () => {
    await writeFile(join(dir, 'regtest'), 'no folder');
    await expect(serve()).rejects.toThrow(/^cannot make the folder .*regtest: something else is there \(EEXIST\)$/);
  });

  test('answers calls as they finish', async () => {
    let pay: (paid: typeof samples.waitinvoice) => void = () => {};
    await serve({ waitinvoice: () => new Promise((resolve) => (pay = resolve)) });
    const node = await client();
    const order: string[] = [];
    const waiting = node.call('waitinvoice', { label: 'x' }).then(() => order.push('waitinvoice'));
    await node.call('getinfo').then(() => order.push('getinfo'));
    pay(samples.waitinvoice);
    await waiting;
    expect(order).toEqual(['getinfo', 'waitinvoice']);
  });

  test.each([
    ['no JSON', ['hello']],
    ['half of HTTP', ['GET / HTTP/1.1\r\n\r\n']],
    ['a message without end', [`{"id":"${'x'.repeat(maxMessage)}`]],
  ])('says so and ends after %s', async (_, chunks) => {
    await serve();
    const answer = await exchange(['{"id":1,"method":"stop"}', ...chunks], false);
    expect(answer).toContain('"error":{"code":-32700');
    expect(answer).toContain('Shutdown complete');
  });

  test('refuses more calls at once than one connection may have', async () => {
    await serve({
      waitinvoice: (_, { signal }) =>
        new Promise((resolve) => signal.addEventListener('abort', () => resolve(samples.waitinvoice))),
    });
    const call = '{"id":1,"method":"waitinvoice","params":["x"]}';
    const answers = (await exchange([call.repeat(maxCalls + 2)])).split('\n\n');
    expect(answers.filter((text) => text.includes('"code":-32000'))).toHaveLength(2);
    expect(answers.filter((text) => text.includes('"result"'))).toHaveLength(maxCalls);
  });

  test('tells waiting calls that their caller has gone', async () => {
    const gone = new Promise<void>((resolve) => {
      void serve({
        waitinvoice: (_, { signal }) =>
          new Promise((__, reject) =>
            signal.addEventListener('abort', () => {
              resolve();
              reject(new Error('gone'));
            }),
          ),
      }).then(async () => {
        const node = await openClient(path);
        node.call('waitinvoice', { label: 'x' }).catch(() => {});
        await node.call('getinfo');
        node.close();
      });
    });
    await gone;
  });

  test('replaces a socket file nobody listens on, leaves a live one alone', async () => {
    await serve();
    await expect(listenUnix(path, fakeRpc().answer)).rejects.toMatchObject({ fault: 'already_running' });
    expect((await (await client()).call('getinfo')).alias).toBe('alice');

    const stale = join(dir, 'stale');
    const dying = "require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))";
    spawnSync(process.execPath, ['-e', dying, stale]);
    expect((await stat(stale)).isSocket()).toBe(true);
    const server = await listenUnix(stale, fakeRpc().answer);
    closing.push(() => server.close());
    const caller = await openClient(stale);
    closing.push(() => caller.close());
    expect((await caller.call('getinfo')).alias).toBe('alice');
  });

  test('has a path an operating system can take', async () => {
    await expect(listenUnix(join(dir, 'x'.repeat(maxPath)), fakeRpc().answer)).rejects.toMatchObject({
      fault: 'path_too_long',
    });
  });

  test('answers what is under way before it closes', async () => {
    let finish: () => void = () => {};
    const server = await serve({
      stop: () => new Promise((resolve) => (finish = () => resolve({ result: 'Shutdown complete' }))),
    });
    const node = await client();
    const stopping = node.call('stop');
    await node.call('getinfo');
    const closed = server.close();
    finish();
    expect(await stopping).toEqual({ result: 'Shutdown complete' });
    await closed;
    await expect(openClient(path)).rejects.toThrow(/cannot reach a node/);
  });
});

describe('the client', () => {
  test('gives results typed by the table, amounts exact beyond 2^53', async () => {
    const large = msat(9_007_199_254_740_993n);
    await serve({ getinfo: async () => ({ ...samples.getinfo, fees_collected_msat: large }) });
    const node = await client();
    expect((await node.call('getinfo')).fees_collected_msat).toBe(large);
    expect(await node.call('keysend', { destination: ids.bob, amount_msat: 10n })).toEqual(samples.keysend);
  });

  test('throws what the node answers', async () => {
    await serve();
    const call = (await client()).call('keysend', { destination: 'x', amount_msat: 1 });
    await expect(call).rejects.toMatchObject({
      name: 'CallError',
      method: 'keysend',
      code: -32602,
      reason: 'invalid_params',
      data: { field: 'destination' },
    });
  });

  test('fails its calls when the node goes away', async () => {
    const silent = createServer((socket) => socket.once('data', () => socket.destroy()));
    path = join(dir, 'silent');
    await new Promise<void>((resolve) => silent.listen(path, resolve));
    closing.push(() => silent.close());
    const node = await client();
    await expect(node.call('getinfo')).rejects.toMatchObject({ name: 'ConnectionError' });
    await expect(node.call('getinfo')).rejects.toMatchObject({ name: 'ConnectionError' });
  });
});

describe('the token', () => {
  test('is made once, for its owner alone', async () => {
    const file = join(dir, 'new', 'api-token');
    const token = await tokenIn(file, systemEntropy);
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await tokenIn(file, systemEntropy)).toBe(token);
    expect((await readFile(file, 'utf8')).trim()).toBe(token);
  });

  test.each([
    ['others can read', 'ab'.repeat(32), 0o644],
    ['holds something else', 'hunter2', 0o600],
    ['is empty', '', 0o600],
  ])('in a file that %s is refused', async (_, text, mode) => {
    const file = join(dir, 'api-token');
    await writeFile(file, text, { mode });
    await expect(tokenIn(file, systemEntropy)).rejects.toMatchObject({ fault: 'bad_token_file' });
  });
});

describe('HTTP and WebSocket', () => {
  const token = 'ab'.repeat(32);
  const bearer = { authorization: `Bearer ${token}` };
  const start = async (own: Partial<Handlers> = {}) => {
    const server = await listenHttp({ host: '127.0.0.1', port: 0 }, token, fakeRpc(own).answer);
    closing.push(() => server.close());
    return server;
  };
  const post = async (port: number, headers: Record<string, string>, body: string, method = 'POST', url = '/') =>
    new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      const sent = httpRequest({ host: '127.0.0.1', port, method, path: url, headers, agent: false }, (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode, body: text }));
        response.on('error', reject);
      });
      sent.on('error', reject);
      sent.end(body);
    });
  const stop = '{"jsonrpc":"2.0","id":1,"method":"stop"}';

  test('a call with the token is answered, a notification with nothing', async () => {
    const { address } = await start();
    expect(address.port).toBeGreaterThan(0);
    const answer = await post(address.port, bearer, stop);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toEqual({ jsonrpc: '2.0', id: 1, result: { result: 'Shutdown complete' } });
    expect(await post(address.port, bearer, '{"method":"stop"}')).toEqual({ status: 204, body: '' });
  });

  test.each([
    ['no token', 401, {}, 'POST', '/'],
    ['another token', 401, { authorization: `Bearer ${'cd'.repeat(32)}` }, 'POST', '/'],
    ['half the token', 401, { authorization: `Bearer ${token.slice(32)}` }, 'POST', '/'],
    ['the token by another scheme', 401, { authorization: `Basic ${token}` }, 'POST', '/'],
    ['a name that was made to point here', 403, { ...bearer, host: 'evil.example' }, 'POST', '/'],
    ['a name that looks like ours', 403, { ...bearer, host: '127.0.0.1.evil.example' }, 'POST', '/'],
    ['a page from elsewhere', 403, { ...bearer, origin: 'https://evil.example' }, 'POST', '/'],
    ['a page without origin', 403, { ...bearer, origin: 'null' }, 'POST', '/'],
    ['another path', 404, bearer, 'POST', '/v1'],
    ['another verb', 405, bearer, 'GET', '/'],
    ['a body announced too long', 413, { ...bearer, 'content-length': String(maxMessage + 1) }, 'POST', '/'],
  ])('%s is refused with %i', async (_, status, headers, method, url) => {
    const { address } = await start({
      stop: async () => {
        throw new Error('a refused call was made');
      },
    });
    expect((await post(address.port, headers, status === 413 ? '' : stop, method, url)).status).toBe(status);
  });

  test.each(['localhost', '127.0.0.1:1', '[::1]:9736'])('Host %s is us', async (host) => {
    const { address } = await start();
    expect((await post(address.port, { ...bearer, host }, stop)).status).toBe(200);
  });

  test('only loopback is listened on, and a taken port is named', async () => {
    const { address } = await start();
    for (const host of ['0.0.0.0', '::', '192.168.1.2', 'example.org'])
      await expect(listenHttp({ host, port: 0 }, token, fakeRpc().answer)).rejects.toMatchObject({
        fault: 'not_loopback',
      });
    await expect(listenHttp(address, token, fakeRpc().answer)).rejects.toMatchObject({ fault: 'port_taken' });
  });

  const dial = async (port: number, protocols: string[], headers: Record<string, string>) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, protocols, { headers });
    closing.push(() => socket.terminate());
    const status = await new Promise<number>((resolve) => {
      socket.once('open', () => resolve(101));
      socket.once('unexpected-response', (_, response) => resolve(response.statusCode ?? 0));
      socket.once('error', () => {});
    });
    return { socket, status };
  };
  const heard = (socket: WebSocket) =>
    new Promise<string>((resolve) => socket.once('message', (data) => resolve(data.toString())));

  test.each([
    ['the header', [], bearer],
    ['subprotocols', ['ampere', `token.${token}`], {}],
  ])('a WebSocket with the token by %s is let in and answered', async (_, protocols, headers) => {
    const { address } = await start();
    const { socket, status } = await dial(address.port, protocols, headers);
    expect(status).toBe(101);
    expect(socket.protocol).toBe(protocols[0] ?? '');
    const answer = heard(socket);
    socket.send(stop);
    expect(JSON.parse(await answer)).toMatchObject({ id: 1, result: { result: 'Shutdown complete' } });
  });

  test.each([
    ['no token', 401, [], {}],
    ['another token', 401, ['ampere', `token.${'cd'.repeat(32)}`], {}],
    ['a page from elsewhere', 403, ['ampere', `token.${token}`], { origin: 'https://evil.example' }],
  ])('a WebSocket with %s is refused with %i', async (_, expected, protocols, headers) => {
    const { address } = await start();
    expect((await dial(address.port, protocols, headers)).status).toBe(expected);
  });

  test('a WebSocket message above the limit ends the connection and nothing else', async () => {
    const { address } = await start();
    const { socket } = await dial(address.port, [], bearer);
    const code = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {});
    socket.send('x'.repeat(maxMessage + 1));
    expect(await code).toBe(1009);
    expect((await post(address.port, bearer, stop)).status).toBe(200);
  });
});
