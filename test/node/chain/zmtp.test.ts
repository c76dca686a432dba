/** Notifications of a publisher that speaks ZeroMQ: the words on the wire, in whatever pieces, and what is done without them. */
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { ChainError } from '../../../node/chain/errors.ts';
import { endpointOf, subscribeRawTx } from '../../../node/chain/rawtx.ts';
import type { Rpc } from '../../../node/chain/rpc.ts';
import { greeting, ready, subscription, ZmtpReader } from '../../../node/chain/zmtp.ts';
import { concat, hex, text, utf8 } from '../../../wire/bytes.ts';
import { heldClock, keptLog } from '../../support/quiet.ts';

const frame = (flags: number, body: Uint8Array): Uint8Array =>
  (flags & 2) === 0
    ? concat(Uint8Array.of(flags, body.length), body)
    : concat(Uint8Array.of(flags, 0, 0, 0, 0, 0, 0, body.length >>> 8, body.length & 0xff), body);
const command = (name: string): Uint8Array => frame(4, concat(Uint8Array.of(name.length), utf8(name)));
const notice = (topic: string, tx: Uint8Array): Uint8Array =>
  concat(frame(1, utf8(topic)), frame(tx.length > 255 ? 3 : 1, tx), frame(0, new Uint8Array(4)));
const long = new Uint8Array(70_000).fill(7).slice(0, 60_000);

describe('a stream of a ZMTP publisher', () => {
  const all = concat(
    greeting,
    command('READY'),
    notice('rawtx', Uint8Array.of(1, 2)),
    command('PING'),
    notice('rawtx', long),
  );
  test.each([1, 7, 64, 1000, 1_000_000])('is read in pieces of %i bytes', (size) => {
    const reader = new ZmtpReader();
    const heard = [];
    for (let at = 0; at < all.length; at += size) heard.push(...reader.take(all.slice(at, at + size)));
    expect(heard.map((one) => one.heard)).toEqual(['greeting', 'ready', 'message', 'message']);
    const parts = heard.flatMap((one) => ('parts' in one ? [one.parts] : []));
    expect(parts.map(([topic = new Uint8Array(), tx]) => [text(topic), tx?.length])).toEqual([
      ['rawtx', 2],
      ['rawtx', 60_000],
    ]);
  });

  test('begins with 64 bytes, and asks for what begins like the topic', () => {
    expect(greeting).toHaveLength(64);
    expect(hex(greeting.slice(0, 16))).toBe(`ff${'00'.repeat(8)}7f0300${hex(utf8('NULL'))}`);
    expect(hex(ready)).toBe(`0419${'05'}${hex(utf8('READY'))}0b${hex(utf8('Socket-Type'))}00000003${hex(utf8('SUB'))}`);
    expect(hex(subscription('rawtx'))).toBe(`000601${hex(utf8('rawtx'))}`);
  });

  const old = greeting.map((byte, i) => (i === 10 ? 1 : byte));
  const secured = greeting.map((byte, i) => (i === 12 ? 0x50 : byte));
  const endless = concat(greeting, Uint8Array.of(2, 0, 0, 0, 1, 0, 0, 0, 0));
  const more = concat(greeting, ...Array.from({ length: 20 }, () => frame(1, utf8('rawtx'))));
  test.each([
    ['an older version', old],
    ['a mechanism we do not speak', secured],
    ['no greeting at all', utf8('HTTP/1.1 400 Bad Request'.padEnd(64))],
    ['a frame without end', endless],
    ['a message without end', more],
    ['an error', concat(greeting, command('ERROR'))],
  ])('ends at %s', (_, bytes) => {
    expect(() => new ZmtpReader().take(bytes)).toThrow(RangeError);
  });
});

test.each([
  ['tcp://127.0.0.1:28332', { host: '127.0.0.1', port: 28332 }],
  ['tcp://0.0.0.0:28332', { host: 'node', port: 28332 }],
  ['tcp://*:28332', { host: 'node', port: 28332 }],
  ['tcp://[::]:1', { host: 'node', port: 1 }],
  ['tcp://[::1]:28332', { host: '::1', port: 28332 }],
  ['ipc:///run/bitcoind.sock', { path: '/run/bitcoind.sock' }],
  ['inproc://x', undefined],
])('%s is reached where it can be', (address, endpoint) => {
  expect(endpointOf(address, 'node')).toEqual(endpoint);
});

describe('a bitcoind that publishes raw transactions', () => {
  const servers: { server: Server; sockets: Set<Socket> }[] = [];
  afterEach(() => {
    for (const { server, sockets } of servers.splice(0)) {
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  });
  /** A publisher that sends one transaction to whoever subscribed, and its port. */
  const publisher = async (tx: Uint8Array) => {
    const sockets = new Set<Socket>();
    const said: string[] = [];
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.write(greeting);
      let got = new Uint8Array();
      let greeted = false;
      socket.on('data', (chunk: Uint8Array) => {
        got = Uint8Array.from([...got, ...chunk]);
        if (!greeted && got.length >= 64) greeted = socket.write(command('READY'));
        if (!hex(got).endsWith(hex(subscription('rawtx')))) return;
        said.push(hex(got));
        socket.write(concat(notice('rawblock', Uint8Array.of(9)), notice('rawtx', tx)));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push({ server, sockets });
    const address = server.address();
    return { sockets, said, port: typeof address === 'object' ? (address?.port ?? 0) : 0 };
  };
  const rpcOf = (answer: () => unknown): Pick<Rpc, 'call'> => ({
    call: async (_method, _params, schema) => schema.parse(answer()),
  });
  const soon = async (holds: () => boolean): Promise<void> => {
    for (const end = Date.now() + 5_000; !holds() && Date.now() < end; )
      await new Promise((resolve) => setTimeout(resolve, 5));
    expect(holds()).toBe(true);
  };

  test('is subscribed to, and again after the connection broke', async () => {
    const { sockets, said, port } = await publisher(Uint8Array.of(1, 2, 3));
    const heard: string[] = [];
    const clock = heldClock();
    const log = keptLog();
    const rpc = rpcOf(() => [
      { type: 'pubrawblock', address: 'tcp://127.0.0.1:1' },
      { type: 'pubrawtx', address: `tcp://127.0.0.1:${port}` },
    ]);
    const end = subscribeRawTx({ rpc, host: '127.0.0.1', clock, log }, (tx) => void heard.push(hex(tx)));
    await soon(() => heard.length === 1);
    expect(said).toEqual([hex(concat(greeting, ready, subscription('rawtx')))]);
    for (const socket of sockets) socket.destroy();
    await soon(() => clock.waiting === 1);
    clock.pass(30_000);
    await soon(() => heard.length === 2);
    expect(heard).toEqual(['010203', '010203']);
    expect(log.lines).toEqual(['info: receiving raw transactions from bitcoind over ZeroMQ']);
    end();
  });

  test.each<readonly [string, () => unknown, number]>([
    ['none are published', () => [], 1],
    [
      'it does not answer',
      () => {
        throw new ChainError({ code: 'unreachable', where: 'here', reason: 'ECONNREFUSED' });
      },
      0,
    ],
  ])('is asked again later where %s, which is said once at most', async (_, answer, lines) => {
    const clock = heldClock();
    const log = keptLog();
    let asked = 0;
    const rpc = rpcOf(() => {
      asked++;
      return answer();
    });
    const end = subscribeRawTx({ rpc, host: '127.0.0.1', clock, log }, () => undefined);
    for (let times = 1; times <= 3; times++) {
      await soon(() => clock.waiting === 1);
      expect(asked).toBe(times);
      clock.pass(30_000);
    }
    end();
    expect(log.lines).toHaveLength(lines);
  });
});
