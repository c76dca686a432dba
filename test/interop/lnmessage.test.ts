/**
 * lnmessage, unmodified, which wallets use to reach a Core Lightning node as a peer: by WebSocket and by TCP, from Node and from a page
 * in Chromium, where it is installed.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import LnMessage from 'lnmessage';
import { rolldown } from 'rolldown';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ServedClients, serveClients } from '../support/clients.ts';
import { type Line, startLine } from '../support/line.ts';
import { becomes } from '../support/pair.ts';

let line: Line;
let served: ServedClients;
const open: LnMessage[] = [];

beforeAll(async () => {
  line = await startLine(2);
  served = await serveClients(line.alice);
  await line.mine(6);
  await becomes('both channels known to alice', async () => {
    const { channels } = await line.alice.call('listchannels', {});
    return channels.length === 4;
  });
  for (let i = 0; i < 60; i++)
    await line.alice.call('invoice', { amount_msat: 1n, label: `${i}`, description: 'd'.repeat(600) });
});
afterEach(() => {
  for (const client of open.splice(0)) client.disconnect();
});
afterAll(async () => {
  await served?.close();
  await line?.stop();
});

const clientBy = async (way: 'WebSocket' | 'TCP'): Promise<LnMessage> => {
  const client = new LnMessage({
    remoteNodePublicKey: line.alice.id,
    ...{ ip: '127.0.0.1', port: served.port },
    ...(way === 'TCP' ? { tcpSocket: new Socket() } : { wsProtocol: 'ws:' as const }),
  });
  open.push(client);
  expect(await client.connect(false)).toBe(true);
  return client;
};

describe.each(['WebSocket', 'TCP'] as const)('lnmessage by %s', (way) => {
  test('calls methods with a rune', async () => {
    const client = await clientBy(way);
    const rune = await served.rune();
    expect(await client.commando({ method: 'getinfo', rune })).toMatchObject({ id: line.alice.id, network: 'regtest' });
    const label = `cup by ${way}`;
    const { bolt11 } = await line.carol.call('invoice', { amount_msat: 500_000n, label, description: 'cup' });
    const paid = await client.commando({ method: 'pay', params: { bolt11 }, rune });
    expect(paid).toMatchObject({ status: 'complete', payment_preimage: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const { invoices } = await line.carol.call('listinvoices', { label });
    expect(invoices[0]?.status).toBe('paid');
  });

  test('gets answers that take several messages, many of them at once', async () => {
    const client = await clientBy(way);
    const rune = await served.rune('method=listinvoices');
    const list = () => client.commando({ method: 'listinvoices', params: [], rune }) as Promise<{ invoices: object[] }>;
    const all = await Promise.all(Array.from({ length: 10 }, list));
    expect(JSON.stringify(all[0]).length).toBeGreaterThan(65_535);
    for (const { invoices } of all) expect(invoices.length).toBe(60);
  });

  test.each([
    [
      'for another method',
      () => served.rune('method=getinfo'),
      'Invalid rune: Not permitted: method is not equal to getinfo',
    ],
    [
      'of another node',
      async () => 'jMHrjVJb5l9-mjEd7zwux7Ookra1fgZ8wa9D8QbVT-w9MA==',
      'Invalid rune: Not authorized: Not derived from master',
    ],
    ['that is none', async () => 'rune', expect.stringMatching(/^Invalid rune: /)],
  ])('is refused with a rune %s', async (_, rune, message) => {
    const client = await clientBy(way);
    await expect(client.commando({ method: 'listfunds', rune: await rune() })).rejects.toEqual({
      code: 19537,
      message,
    });
  });
});

/** What a page's own script is called where it is put together. */
const PAGE = 'page';

/** The command of a Chromium that answers; undefined where there is none. */
const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
);
if (chromium === undefined) console.warn('no chromium on the path, so lnmessage is not tried in a page');

describe.skipIf(chromium === undefined)('lnmessage in a page', () => {
  let profile = '';
  let browser: ChildProcess | undefined;
  beforeAll(async () => {
    profile = await mkdtemp(join(tmpdir(), 'ampere-chromium-'));
  });
  afterAll(async () => {
    if (browser !== undefined && browser.exitCode === null) {
      browser.kill('SIGKILL');
      await once(browser, 'exit');
    }
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  });

  /** lnmessage as pages load it, with what the page does. */
  const scriptOf = async (page: string): Promise<string> => {
    const bundle = await rolldown({
      input: PAGE,
      platform: 'browser',
      external: ['ws', 'net'],
      logLevel: 'silent',
      plugins: [
        {
          name: 'page',
          resolveId: (id) => (id === PAGE ? id : null),
          load: (id) => (id === PAGE ? page : null),
        },
      ],
    });
    const { output } = await bundle.generate({ format: 'esm', codeSplitting: false });
    return output[0].code;
  };

  test('calls a method with a rune, and is refused with another', async () => {
    const [rune, other] = [await served.rune('method=getinfo'), await served.rune('method=pay')];
    const given = { remoteNodePublicKey: line.alice.id, wsProtocol: 'ws:', ip: '127.0.0.1', port: served.port };
    const script = await scriptOf(`
      import LnMessage from 'lnmessage';
      const told = async (call) => { try { return await call; } catch (error) { return { error: error.message ?? String(error) }; } };
      const client = new LnMessage(${JSON.stringify(given)});
      const connected = await told(client.connect(false));
      const info = await told(client.commando({ method: 'getinfo', rune: ${JSON.stringify(rune)} }));
      const refused = await told(client.commando({ method: 'getinfo', rune: ${JSON.stringify(other)} }));
      await fetch('/told', { method: 'POST', body: JSON.stringify({ connected, id: info.id ?? info, refused }) });
    `);
    const told = new Promise<unknown>((resolve) => {
      const server = createServer(async (request: IncomingMessage, response) => {
        if (request.url === '/told') {
          const chunks: Buffer[] = [];
          for await (const chunk of request) chunks.push(chunk);
          response.end();
          server.close();
          resolve(JSON.parse(Buffer.concat(chunks).toString()));
        } else if (request.url === '/page.js') response.setHeader('content-type', 'text/javascript').end(script);
        else response.setHeader('content-type', 'text/html').end('<script type=module src=/page.js></script>');
      });
      server.listen(0, '127.0.0.1', () => {
        const bound = server.address();
        const port = typeof bound === 'object' ? bound?.port : 0;
        const options = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${profile}`];
        browser = spawn(chromium ?? '', [...options, `http://127.0.0.1:${port}/`], { stdio: 'ignore' });
      });
    });
    expect(await told).toEqual({
      connected: true,
      id: line.alice.id,
      refused: { error: 'Invalid rune: Not permitted: method is not equal to pay' },
    });
  });
});
