/** The JSON-RPC client against a server that misbehaves in every way a real one may. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { parseExact, scaled } from '../../../node/chain/json.ts';
import { openRpc, type Rpc, type RpcAuth } from '../../../node/chain/rpc.ts';

type Handler = (request: IncomingMessage, body: string, response: ServerResponse) => void;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const listen = async (server: Server | ReturnType<typeof createTcpServer>): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  if ('closeAllConnections' in server) cleanups.push(() => server.closeAllConnections());
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
};

const client = (port: number, auth: RpcAuth = { user: 'u', password: 'p' }, timeout = 5_000): Rpc => {
  const rpc = openRpc({ host: '127.0.0.1', port, auth, timeout });
  cleanups.push(() => rpc.close());
  return rpc;
};

const served = async (handler: Handler, auth?: RpcAuth, timeout?: number): Promise<Rpc> => {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    handler(request, body, response);
  });
  return client(await listen(server), auth, timeout);
};

const says =
  (status: number, body: string): Handler =>
  (_request, _body, response) =>
    void response.writeHead(status).end(body);

const anything = z.unknown();

describe('json-rpc client', () => {
  test('asks by POST with basic credentials and gives the checked result', async () => {
    const seen: string[] = [];
    const rpc = await served((request, body, response) => {
      seen.push(`${request.method} ${request.headers.authorization}`, body);
      response.end('{"result":{"height":7},"error":null,"id":0}');
    });
    expect(await rpc.call('m', [1, 'two'], z.object({ height: z.number() }))).toEqual({ height: 7 });
    expect(seen[0]).toBe(`POST Basic ${Buffer.from('u:p').toString('base64')}`);
    expect(JSON.parse(seen[1] ?? '')).toMatchObject({ method: 'm', params: [1, 'two'] });
  });

  test('keeps its connection', async () => {
    const ports = new Set<number | undefined>();
    const rpc = await served((request, _body, response) => {
      ports.add(request.socket.remotePort);
      response.end('{"result":1}');
    });
    for (let i = 0; i < 3; i++) await rpc.call('m', [], anything);
    expect(ports.size).toBe(1);
  });

  const two = [
    { method: 'a', params: [1] },
    { method: 'b', params: [] },
  ];

  test('makes calls together, whose answers may come in any order, and one of which may fail alone', async () => {
    const rpc = await served((_request, body, response) => {
      const [a, b] = JSON.parse(body) as readonly { id: number }[];
      response.end(`[{"result":null,"error":{"code":-5,"message":"none"},"id":${b?.id}},{"result":7,"id":${a?.id}}]`);
    });
    const [first, second] = await rpc.batch(two);
    expect(first?.()).toBe(7);
    expect(() => second?.()).toThrow(/none/);
  });

  test.each([
    ['an answer that is left out', '[{"result":7,"id":0}]', 'bad_answer'],
    ['one answer to all', '{"result":7}', 'bad_answer'],
    ['one refusal of all', '{"result":null,"error":{"code":-28,"message":"Loading"}}', 'warming_up'],
    ['answers that are none', '[1,null,"x"]', 'bad_answer'],
  ])('of calls made together, %s fails by itself or for all', async (_name, body, code) => {
    const rpc = await served(says(200, body));
    const failed = await rpc.batch(two).then(
      ([, second]) => {
        try {
          return second?.();
        } catch (error) {
          return error;
        }
      },
      (error: unknown) => error,
    );
    expect(failed).toMatchObject({ fault: { code } });
  });

  const answers: readonly (readonly [name: string, status: number, body: string, fault: object])[] = [
    ['wrong credentials', 401, '', { code: 'unauthorized' }],
    ['an address that is not let in', 403, '', { code: 'unauthorized' }],
    [
      'a node that is warming up',
      500,
      '{"result":null,"error":{"code":-28,"message":"Loading"}}',
      { code: 'warming_up', message: 'Loading' },
    ],
    [
      'an error of the method',
      500,
      '{"result":null,"error":{"code":-5,"message":"No such"}}',
      { code: 'refused', rpcCode: -5, message: 'No such' },
    ],
    [
      'an unknown method',
      404,
      '{"result":null,"error":{"code":-32601,"message":"Method not found"}}',
      { code: 'refused', rpcCode: -32601 },
    ],
    ['a full work queue', 503, 'Work queue depth exceeded', { code: 'unreachable' }],
    ['a broken proxy', 502, '<html>Bad gateway</html>', { code: 'unreachable' }],
    ['garbage', 200, '\u0000\u0001 garbage', { code: 'bad_answer' }],
    ['a page', 200, '<html>hello</html>', { code: 'bad_answer' }],
    ['truncated JSON', 200, '{"result":{"height":', { code: 'bad_answer' }],
    ['JSON of another shape', 200, '[1,2]', { code: 'bad_answer' }],
    ['an error of another shape', 500, '{"error":"no"}', { code: 'bad_answer' }],
    ['a result of another type', 200, '{"result":"seven","error":null}', { code: 'bad_answer', method: 'm' }],
    ['an empty answer', 200, '', { code: 'bad_answer' }],
  ];
  test.each(answers)('%s is a typed error', async (_name, status, body, fault) => {
    const rpc = await served(says(status, body));
    await expect(rpc.call('m', [], z.object({ height: z.number() }))).rejects.toMatchObject({
      name: 'ChainError',
      fault,
    });
  });

  test('credentials appear in no error', async () => {
    const rpc = await served(says(401, ''), { user: 'someone', password: 'hunter2' });
    const error = await rpc.call('m', [], anything).catch((reason: unknown) => String(reason) + JSON.stringify(reason));
    expect(error).toContain('credentials');
    expect(error).not.toMatch(/someone|hunter2/);
  });

  test('nobody listening is unreachable', async () => {
    const server = createTcpServer();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    await expect(client(port).call('m', [], anything)).rejects.toMatchObject({
      fault: { code: 'unreachable', reason: 'ECONNREFUSED' },
    });
  });

  test('silence is unreachable once the time is up', async () => {
    const rpc = await served(() => undefined, undefined, 50);
    await expect(rpc.call('m', [], anything)).rejects.toMatchObject({ fault: { code: 'unreachable' } });
  });

  test('an answer cut off in the middle is unreachable', async () => {
    const rpc = await served((_request, _body, response) => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write('{"result":');
      setImmediate(() => response.destroy());
    });
    await expect(rpc.call('m', [], anything)).rejects.toMatchObject({ fault: { code: 'unreachable' } });
  });

  test('what is no HTTP is unreachable', async () => {
    const port = await listen(
      createTcpServer((socket) => void socket.end('SSH-2.0-OpenSSH\r\n', () => socket.destroy())),
    );
    await expect(client(port).call('m', [], anything)).rejects.toMatchObject({ fault: { code: 'unreachable' } });
  });

  test('a call is abandoned when its signal says so', async () => {
    const rpc = await served(() => undefined);
    const abort = new AbortController();
    const call = rpc.call('m', [], anything, { signal: abort.signal });
    abort.abort();
    await expect(call).rejects.toMatchObject({ fault: { code: 'unreachable' } });
  });

  test('closing ends calls under way and refuses later ones', async () => {
    const rpc = await served(() => rpc.close());
    await expect(rpc.call('m', [], anything)).rejects.toMatchObject({ fault: { code: 'closed' } });
    await expect(rpc.call('m', [], anything)).rejects.toMatchObject({ fault: { code: 'closed' } });
  });
});

describe('cookie file', () => {
  const cookie = async (): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), 'ampere-cookie-'));
    cleanups.push(() => rm(folder, { recursive: true, force: true }));
    return join(folder, '.cookie');
  };

  test('a cookie file that bitcoind has rewritten is read again', async () => {
    const cookieFile = await cookie();
    await writeFile(cookieFile, '__cookie__:old\n');
    const rpc = await served(
      (request, _body, response) => {
        const given = Buffer.from((request.headers.authorization ?? '').replace('Basic ', ''), 'base64').toString();
        if (given === '__cookie__:new') response.end('{"result":1}');
        else void writeFile(cookieFile, '__cookie__:new').then(() => response.writeHead(401).end());
      },
      { cookieFile },
    );
    expect(await rpc.call('m', [], anything)).toBe(1);
  });

  test('a missing cookie file means that bitcoind is not running', async () => {
    const cookieFile = await cookie();
    const rpc = await served(says(200, '{"result":1}'), { cookieFile });
    await expect(rpc.call('m', [], anything)).rejects.toMatchObject({ fault: { code: 'unreachable' } });
  });

  test('a cookie that stays wrong is refused after a second try', async () => {
    const cookieFile = await cookie();
    await writeFile(cookieFile, 'a:b');
    let asked = 0;
    const refuse: Handler = (_request, _body, response) => {
      asked++;
      response.writeHead(401).end();
    };
    const rpc = await served(refuse, { cookieFile });
    await expect(rpc.call('m', [], anything)).rejects.toMatchObject({ fault: { code: 'unauthorized' } });
    expect(asked).toBe(2);
  });
});

describe('exact numbers', () => {
  test('decimals keep their text wherever they stand, integers stay numbers', () => {
    const json = '{"a":0.00000001,"b":[1.10,-2.50,3],"c":1e-8,"d":"1.5 \\"2.5\\" \\\\","e":20999999.9769}';
    expect(parseExact(json)).toEqual({
      a: '0.00000001',
      b: ['1.10', '-2.50', 3],
      c: '1e-8',
      d: '1.5 "2.5" \\',
      e: '20999999.9769',
    });
  });

  test.each(['', '{', '"open', '{"a":"x\\"}', '[1.2.3]', '{"a":.5}', 'nul'])('%j is refused', (text) => {
    expect(() => parseExact(text)).toThrow(SyntaxError);
  });

  const amounts: readonly (readonly [string | number, bigint])[] = [
    ['0.00000001', 1n],
    ['1e-8', 1n],
    ['1.5E+1', 1_500_000_000n],
    ['20999999.97690000', 2_099_999_997_690_000n],
    ['0.29', 29_000_000n],
    [50, 5_000_000_000n],
    [0, 0n],
    ['-0.00000253', -253n],
  ];
  test.each(amounts)('%s BTC is %d sat', (text, value) => expect(scaled(text, 8)).toBe(value));

  test.each(['0.000000001', '', 'NaN', '1,5', '0x10', '1e', 'Infinity'])('%j is no amount', (text) => {
    expect(() => scaled(text, 8)).toThrow(RangeError);
  });
});
