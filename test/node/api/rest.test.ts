/** CLNRest: calls over HTTP that a rune opens, with the answers and the statuses of Core Lightning's. */
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type HttpServer, listenHttp } from '../../../node/api/rpc/http.ts';
import { maxMessage } from '../../../node/api/rpc/jsonrpc.ts';
import { performer } from '../../../node/api/rpc/perform.ts';
import { restRoute } from '../../../node/api/rpc/rest.ts';
import { runeGate } from '../../../node/api/rpc/runegate.ts';
import type { Handlers } from '../../../node/api/table.ts';
import { alternativeFrom } from '../../../node/runes/rune.ts';
import { Runes } from '../../../node/runes/runes.ts';
import { memoryStore } from '../../../node/store/memory.ts';
import { fakeRpc, samples } from '../../support/api.ts';

let runes: Runes | undefined;
let server: HttpServer;
/** What the handler of `invoice` was given. */
let given: unknown[] = [];

beforeEach(async () => {
  given = [];
  runes = await Runes.load({ secret: new Uint8Array(32), store: memoryStore(), now: () => 1_700_000_000_000 });
  const own: Partial<Handlers> = {
    invoice: async (params) => {
      given.push(params);
      return samples.invoice;
    },
    listnodes: async () => ({
      nodes: (async function* () {
        for (let i = 0; i < 500; i++) yield { nodeid: `02${'11'.repeat(32)}` };
      })(),
    }),
    stop: async () => {
      throw new Error('a mistake');
    },
  };
  const { answer, parts } = fakeRpc(own);
  const route = restRoute({ performer: performer(parts), gate: runeGate(() => runes) });
  server = await listenHttp({ host: '127.0.0.1', port: 0 }, 'ab'.repeat(32), answer, [route]);
});
afterEach(() => server.close());

const make = async (...restrictions: string[][]): Promise<string> =>
  (await runes?.create(restrictions.map((one) => one.map(alternativeFrom))))?.text ?? '';

interface Sent {
  readonly rune?: string;
  readonly body?: string;
  readonly type?: string;
  readonly verb?: string;
  readonly origin?: string;
}

const ask = async (method: string, { rune, body, type = 'application/json', verb = 'POST', origin }: Sent = {}) => {
  const headers = {
    ...(rune !== undefined && { rune }),
    'content-type': type,
    ...(origin !== undefined && { origin }),
  };
  const url = `http://127.0.0.1:${server.address.port}/v1/${method}`;
  const answer = await fetch(url, { method: verb, headers, ...(body !== undefined && { body }) });
  const text = await answer.text();
  const isJson = answer.headers.get('content-type') === 'application/json';
  return { status: answer.status, headers: answer.headers, answer: isJson ? JSON.parse(text) : text };
};

describe('a call with a rune', () => {
  test('is answered with 201 and the result alone', async () => {
    const { status, answer } = await ask('getinfo', { rune: await make(['method=getinfo']) });
    expect([status, answer.id]).toEqual([201, samples.getinfo.id]);
    expect(answer).not.toHaveProperty('jsonrpc');
  });

  test('is refused whose parameters are too many or too deep', async () => {
    for (const inner of [`${'['.repeat(500_000)}${']'.repeat(500_000)}`, `[${'0,'.repeat(30_000)}0]`]) {
      const { status, answer } = await ask('invoice', { rune: await make(), body: `{"label":${inner}}` });
      expect([status, answer.code]).toEqual([500, -32600]);
      expect(answer.message).toContain('not taken');
    }
    expect(given).toEqual([]);
  });

  test.each([
    ['JSON', 'application/json', '{"amount_msat":50000,"label":"a","description":"b","expiry":null}'],
    ['JSON with a charset', 'application/json; charset=utf-8', '{"amount_msat":50000,"label":"a","description":"b"}'],
    ['a form', 'application/x-www-form-urlencoded', 'amount_msat=50000&label=a&description=b'],
  ])('takes its parameters as %s', async (_, type, body) => {
    expect((await ask('invoice', { rune: await make(), type, body })).status).toBe(201);
    expect(given).toMatchObject([{ amount_msat: 50_000n, label: 'a', description: 'b' }]);
  });

  test('is answered with a list that is read while it is sent', async () => {
    const { status, answer } = await ask('listnodes', { rune: await make() });
    expect([status, answer.nodes.length]).toEqual([201, 500]);
  });

  test('comes from a page of any origin, which asks first', async () => {
    const origin = 'https://wallet.example';
    const asked = await ask('getinfo', { verb: 'OPTIONS', origin });
    expect([asked.status, asked.headers.get('access-control-allow-headers')]).toEqual([204, 'content-type, rune']);
    const { status, headers } = await ask('getinfo', { rune: await make(), origin });
    expect([status, headers.get('access-control-allow-origin')]).toEqual([201, '*']);
  });
});

describe('a call is refused', () => {
  const refused: [string, string, () => Promise<Sent>, number, object][] = [
    ['without a rune', 'getinfo', async () => ({}), 403, { code: 1501, message: 'Not authorized: Missing rune' }],
    [
      'with a rune for another method',
      'getinfo',
      async () => ({ rune: await make(['method/getinfo']) }),
      401,
      { code: 1502, message: 'Not permitted: method is equal to getinfo' },
    ],
    [
      'with a rune for other parameters',
      'invoice',
      async () => ({ rune: await make(['pnamelabel=b']), body: '{"label":"a"}' }),
      401,
      { code: 1502, message: 'Not permitted: parameter label is not equal to b' },
    ],
    [
      'with a rune of another node',
      'getinfo',
      async () => ({ rune: 'jMHrjVJb5l9-mjEd7zwux7Ookra1fgZ8wa9D8QbVT-w9MA==' }),
      401,
      { code: 1501, message: 'Not authorized: Not derived from master' },
    ],
    ['with what is no rune', 'getinfo', async () => ({ rune: 'rune' }), 401, { code: -32602 }],
    ['for a method that is not there', 'unknown-post', async () => ({ rune: await make() }), 404, { code: -32601 }],
    [
      'by GET',
      'getinfo',
      async () => ({ rune: await make(), verb: 'GET' }),
      405,
      { code: -32601, message: 'Path invalid, http_method must be POST for CLN methods' },
    ],
    [
      'with a wrong parameter',
      'invoice',
      async () => ({ rune: await make(), body: '{"amount_msat":"<WRONG>"}' }),
      500,
      { code: -32602, data: { field: 'amount_msat' } },
    ],
    ['with parameters by place', 'invoice', async () => ({ rune: await make(), body: '[1]' }), 500, { code: -32600 }],
    ['with a body that is no JSON', 'invoice', async () => ({ rune: await make(), body: '{' }), 500, { code: -32700 }],
    [
      'with a field of a form given twice',
      'invoice',
      async () => ({ rune: await make(), body: 'label=a&label=b', type: 'application/x-www-form-urlencoded' }),
      500,
      { code: -32602 },
    ],
    [
      'in YAML',
      'invoice',
      async () => ({ rune: await make(), body: 'label: a', type: 'application/yaml' }),
      406,
      { code: -32600 },
    ],
    [
      'with a body that is too long',
      'invoice',
      async () => ({ rune: await make(), body: 'x'.repeat(maxMessage + 1) }),
      413,
      { code: -32600 },
    ],
    ['for an experiment', 'dev-feerate', async () => ({ rune: await make() }), 404, { code: -32601 }],
  ];
  test.each(refused)('%s', async (_, method, sent, status, answer) => {
    const found = await ask(method, await sent());
    expect(found.status).toBe(status);
    expect(found.answer).toMatchObject(answer);
    expect(given).toEqual([]);
  });

  test('before its body is there, where its rune is not of this node', async () => {
    const socket = connect(server.address.port, '127.0.0.1');
    const headers = [
      'Host: localhost',
      'rune: jMHrjVJb5l9-mjEd7zwux7Ookra1fgZ8wa9D8QbVT-w9MA==',
      'Content-Length: 1000',
    ];
    socket.write(`POST /v1/getinfo HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
    const heard = await new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(String(chunk))));
    socket.destroy();
    expect(heard).toMatch(/^HTTP\/1\.1 401 /);
    expect(heard).toMatch(/^connection: close/im);
  });

  test('by a node that is still coming up', async () => {
    const rune = await make();
    runes = undefined;
    expect(await ask('getinfo', { rune })).toMatchObject({ status: 500, answer: { code: -28 } });
  });

  test('with no word of why where there is a mistake inside', async () => {
    const { status, answer } = await ask('stop', { rune: await make() });
    expect([status, answer.code]).toEqual([500, -32603]);
    expect(answer.message).not.toContain('a mistake');
  });
});

test('the list of methods is for everybody', async () => {
  const { status, answer } = await ask('list-methods', { verb: 'GET' });
  expect([status, answer]).toEqual([200, expect.stringContaining('Command: getinfo')]);
});
