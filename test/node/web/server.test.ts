/** The server of the web page: who is let in, what a page may ask, and what it is told. */
import { EventEmitter } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { Notifications } from '../../../node/api/events/notifications.ts';
import { subscribe } from '../../../node/api/methods/node/subscribe.ts';
import { listenUnix } from '../../../node/api/rpc/unix.ts';
import type { Handlers } from '../../../node/api/table.ts';
import { systemEntropy } from '../../../node/base/entropy.ts';
import { serveWeb, type WebServer } from '../../../node/web/server.ts';
import { talkTo } from '../../../node/web/talk.ts';
import { utf8 } from '../../../wire/bytes.ts';
import { fakeRpc, ids, samples } from '../../support/api.ts';
import { becomes } from '../../support/pair.ts';
import { heldClock } from '../../support/quiet.ts';

const closing: (() => unknown)[] = [];
const errors: unknown[] = [];
let dir = '';
let notifications = new Notifications();
let clock = heldClock();
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-web-'));
  notifications = new Notifications();
  clock = heldClock();
  errors.length = 0;
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await rm(dir, { recursive: true, force: true });
});

const assets = new Map([['/', { type: 'text/html; charset=utf-8', body: utf8('<title>the page</title>') }]]);

/** A page of one node, alice, which answers with samples. */
const served = async (given: { lab?: boolean; own?: Partial<Handlers> } = {}): Promise<WebServer> => {
  const socket = join(dir, 'rpc');
  const { answer } = fakeRpc({
    subscribe: (params, call) => subscribe.handler({ notifications }, params, call),
    ...given.own,
  });
  const node = await listenUnix(socket, answer);
  closing.push(() => node.close());
  const { lab = false } = given;
  const web = await serveWeb({
    ...{ listen: { host: '127.0.0.1', port: 0 }, nodes: [{ name: 'alice', socket }], lab, assets },
    ...(lab && { mine: async (blocks: number) => ({ mined: blocks }) }),
    ...{ clock, entropy: systemEntropy, log: { error: (fields: object) => errors.push(fields) } },
  });
  closing.push(() => web.close());
  return web;
};

interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}
const get = (
  { address }: WebServer,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Got> =>
  new Promise((resolve, reject) => {
    const asked = httpRequest({ host: address.host, port: address.port, path, method, headers }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += String(chunk);
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    asked.on('error', reject).end();
  });
const pathOf = (link: string): string => new URL(link).pathname;
const cookieOf = ({ headers }: Got): string => String(headers['set-cookie']).split(';')[0] ?? '';
const session = async (web: WebServer): Promise<string> => cookieOf(await get(web, pathOf(web.link())));

/** A page that is open: what it asks and what it hears. */
const opened = async (web: WebServer, headers: Record<string, string>) => {
  const { host, port } = web.address;
  const socket = new WebSocket(`ws://${host}:${port}/live`, {
    headers: { origin: `http://${host}:${port}`, ...headers },
  });
  const heard: Record<string, unknown>[] = [];
  let nextId = 1;
  socket.on('message', (data) => heard.push(JSON.parse(data.toString()) as Record<string, unknown>));
  closing.push(() => socket.terminate());
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const ask = async (method: string, params: object = {}, node?: string) => {
    const id = nextId++;
    socket.send(JSON.stringify({ id, method, params, node }));
    await becomes(`an answer to ${method}`, () => heard.some((one) => one['id'] === id));
    return heard.find((one) => one['id'] === id) ?? {};
  };
  return { socket, heard, ask };
};
const openedBy = async (web: WebServer) => {
  const page = await opened(web, { cookie: await session(web) });
  await becomes('the node to be there', async () => {
    const { result } = (await page.ask('hello')) as { result: { nodes: { there: boolean }[] } };
    return result.nodes[0]?.there === true;
  });
  return page;
};

describe('a link', () => {
  test('opens the page once: it is exchanged for a cookie that no script reads and no other site sends', async () => {
    const web = await served();
    const path = pathOf(web.link());
    const first = await get(web, path);
    expect(first.status).toBe(200);
    expect(String(first.headers['set-cookie'])).toMatch(
      /^ampere-\d+=[0-9a-f]{64}; Path=\/; HttpOnly; SameSite=Strict$/,
    );
    expect(await get(web, '/', { cookie: cookieOf(first) })).toMatchObject({
      status: 200,
      text: '<title>the page</title>',
    });
    const second = await get(web, path);
    expect(second).toMatchObject({ status: 403, text: expect.stringMatching(/was used before/) });
    expect(second.headers['set-cookie']).toBeUndefined();
  });

  test('is no good after an hour, and a session that nobody used for a day', async () => {
    const web = await served();
    const old = pathOf(web.link());
    clock.pass(3_600_001);
    expect((await get(web, old)).status).toBe(403);
    const cookie = await session(web);
    clock.pass(80_000_000);
    expect((await get(web, '/', { cookie })).status).toBe(200);
    clock.pass(86_400_001);
    expect((await get(web, '/', { cookie })).status).toBe(403);
  });

  test('is not guessed: without one, or with another, nothing is shown', async () => {
    const web = await served();
    web.link();
    for (const path of ['/', '/page.js', `/open/${'00'.repeat(32)}`, '/open/', '/open/../'])
      expect((await get(web, path)).status, path).toBe(403);
    expect((await get(web, '/', { cookie: `ampere-${web.address.port}=${'00'.repeat(32)}` })).status).toBe(403);
  });
});

describe('the server', () => {
  test('answers no name but those of this machine, so that no other site is taken for it', async () => {
    const web = await served();
    const cookie = await session(web);
    expect((await get(web, '/', { cookie, host: 'evil.example' })).status).toBe(403);
    expect((await get(web, pathOf(web.link()), { host: 'evil.example' })).status).toBe(403);
    expect((await get(web, '/', { cookie, host: `localhost:${web.address.port}` })).status).toBe(200);
    expect((await get(web, '/', { cookie, host: 'localhost/; script-src *' })).status).toBe(403);
  });

  test('allows the page to load and call nothing but this server', async () => {
    const web = await served();
    const { headers } = await get(web, '/', { cookie: await session(web) });
    expect(headers['content-security-policy']).toMatch(/default-src 'none'; script-src 'self'; style-src 'self'/);
    expect(headers['content-security-policy']).toMatch(/frame-ancestors 'none'/);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
  });

  test('takes no connection of a page from elsewhere, or without a session', async () => {
    const web = await served();
    const cookie = await session(web);
    await expect(opened(web, { cookie, origin: 'http://evil.example' })).rejects.toThrow(/403/);
    await expect(opened(web, { cookie: '' })).rejects.toThrow(/403/);
    await expect(opened(web, { cookie, host: 'evil.example', origin: 'http://evil.example' })).rejects.toThrow(/403/);
  });

  test('listens on loopback alone', async () => {
    const refused = serveWeb({
      ...{ listen: { host: '0.0.0.0', port: 0 }, nodes: [], lab: false, assets },
      ...{ clock, entropy: systemEntropy, log: { error: () => undefined } },
    });
    await expect(refused).rejects.toMatchObject({ fault: 'not_loopback' });
  });

  test('answers pages by GET alone', async () => {
    const web = await served();
    expect((await get(web, '/', { cookie: await session(web) }, 'POST')).status).toBe(405);
  });
});

describe('an open page', () => {
  test('reads what the node says, and hears its notifications by the name of the node', async () => {
    const { ask, heard } = await openedBy(await served());
    expect(await ask('getinfo', {}, 'alice')).toMatchObject({ result: { id: ids.alice } });
    notifications.publish('block_added', { hash: ids.hash, height: 7 });
    await becomes('told', () => heard.some(({ topic }) => topic === 'block_added'));
    expect(heard.find(({ topic }) => topic === 'block_added')).toMatchObject({ node: 'alice', payload: { height: 7 } });
  });

  test.each(['keysend', 'close', 'pay', 'withdraw', 'stop', 'mine', 'constructor'])(
    'of a node itself cannot %s',
    async (method) => {
      const { ask } = await openedBy(await served());
      const params = { destination: ids.bob, amount_msat: 1, id: ids.hash, blocks: 1 };
      expect(await ask(method, params, 'alice')).toMatchObject({
        error: expect.stringMatching(/may not call|cannot mine/),
      });
    },
  );

  test('of a lab pays, closes and mines, within bounds, and withdraws nothing', async () => {
    const asked: unknown[] = [];
    const keysend: Handlers['keysend'] = async (params) => {
      asked.push(params.amount_msat);
      return samples.keysend;
    };
    const { ask } = await openedBy(await served({ lab: true, own: { keysend } }));
    await ask('keysend', { destination: ids.bob, amount_msat: 5_000, shards: 2 }, 'alice');
    expect(asked).toEqual([5_000n]);
    expect(await ask('keysend', { destination: ids.bob, amount_msat: 5_000, shards: 2_000 }, 'alice')).toMatchObject({
      error: expect.stringMatching(/shards/),
    });
    expect(await ask('close', { id: ids.hash }, 'alice')).toMatchObject({ result: { type: 'mutual' } });
    expect(await ask('mine', { blocks: 6 })).toEqual({ id: expect.any(Number), result: { mined: 6 } });
    expect(await ask('withdraw', {}, 'alice')).toMatchObject({ error: expect.stringMatching(/may not call/) });
  });

  test('gets the last 500 rows of a list, however long it is', async () => {
    const [node] = samples.listnodes.nodes;
    const listnodes: Handlers['listnodes'] = async () => ({
      nodes: Array.from({ length: 3_000 }, (_, i) => ({ ...node, nodeid: ids.bob, alias: `${i}` })),
    });
    const { ask } = await openedBy(await served({ own: { listnodes } }));
    const { result } = (await ask('listnodes', {}, 'alice')) as { result: { nodes: { alias: string }[] } };
    expect(result.nodes).toHaveLength(500);
    expect(result.nodes.at(-1)?.alias).toBe('2999');
  });

  test('is told what is wrong with what it asks, and of an error nobody expected nothing but that', async () => {
    const web = await served({ lab: true });
    const { ask, socket, heard } = await openedBy(web);
    expect(await ask('getinfo', {}, 'nobody')).toMatchObject({ error: expect.stringMatching(/no such node/) });
    expect(await ask('layers', { scheme: 'tree', route: 'x' })).toMatchObject({
      error: expect.stringMatching(/expected a shard/),
    });
    expect(await ask('mine', { blocks: 1e9 })).toMatchObject({ error: 'mine: blocks: expected 1 to 100' });
    socket.send('not JSON');
    await becomes('told so', () => heard.some(({ error }) => error === 'expected JSON'));
    expect(errors).toEqual([]);
  });

  test('that asks on and reads nothing of its answers is ended', () => {
    const ends: string[] = [];
    const socket = Object.assign(new EventEmitter(), {
      bufferedAmount: 16 * 1024 * 1024 + 1,
      terminate: () => ends.push('terminated'),
    });
    talkTo(socket as unknown as WebSocket, {
      ...{ nodes: new Map(), there: new Map(), isLab: false, mine: undefined },
      broke: (error) => errors.push(error),
    });
    socket.emit('message', Buffer.from('{"id":1,"method":"hello"}'), false);
    expect(ends).toEqual(['terminated']);
  });

  test('is told when its node goes away', async () => {
    const web = await served();
    const { heard } = await openedBy(web);
    await closing[0]?.();
    await becomes('told', () => heard.some(({ node, there }) => node === 'alice' && there === false));
  });
});
