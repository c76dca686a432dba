/** Attacks on the API: by callers who take no answers, and by pages that have no token. */
import { createConnection, type Socket } from 'node:net';
import { hex } from '../../../wire/bytes.ts';
import type { Attack, Attacker } from '../attacker.ts';
import { openSocket, write } from '../line.ts';

const calls = (methods: readonly string[]): string =>
  methods.map((method, id) => JSON.stringify({ jsonrpc: '2.0', id, method, params: {} })).join('\n');

/** Calls whose answers are short, and one whose answer is as long as the graph. */
const called = Buffer.from(`${calls([...Array(20).fill('getinfo'), 'listchannels', 'listnodes', 'listpeers'])}\n`);

/** Keeps up so many connections to the API, each written to until it ends and never read from. */
const unread = (
  one: Attacker,
  together: number,
  open: () => Promise<Socket | undefined>,
  use: (socket: Socket) => Promise<void>,
): Promise<void> =>
  one.again(together, async () => {
    const socket = await open();
    if (socket === undefined) return false;
    one.done.connections++;
    socket.pause();
    const ended = new Promise((resolve) => socket.once('close', resolve));
    await use(socket);
    // What is not read ends unheard: after a while it is given up.
    await Promise.race([ended, one.wait(10_000)]);
    socket.destroy();
    return true;
  });

const unixSocket = (path: string): Promise<Socket | undefined> =>
  new Promise((resolve) => {
    const socket = createConnection(path);
    socket.on('error', () => socket.destroy());
    socket.once('connect', () => resolve(socket));
    socket.once('close', () => resolve(undefined));
  });

/** Calls over the unix socket, without end, and reads nothing. */
export const socketUnread: Attack = (one) =>
  unread(
    one,
    5,
    () => unixSocket(one.world.api.socket),
    async (socket) => {
      for (let i = 0; i < 200 && !socket.destroyed; i++) {
        one.done.messages++;
        await Promise.race([write(socket, called), one.wait(10_000)]);
      }
    },
  );

const request = (one: Attacker, lines: readonly string[], body = ''): Buffer =>
  Buffer.from(`${[...lines, `Host: 127.0.0.1:${one.world.api.place.port}`, '', body].join('\r\n')}`);

/** Calls over HTTP, one behind the other on each connection, and reads nothing. */
export const httpUnread: Attack = (one) => {
  const body = calls(['listchannels']);
  const post = request(
    one,
    [
      'POST / HTTP/1.1',
      `Authorization: Bearer ${one.world.api.token}`,
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
    ],
    body,
  );
  return unread(
    one,
    10,
    () => openSocket(one.world.api.place),
    async (socket) => {
      for (let i = 0; i < 5; i++) await Promise.race([write(socket, post), one.wait(10_000)]);
      one.done.messages += 5;
    },
  );
};

const upgrade = (one: Attacker, more: readonly string[]): Buffer =>
  request(one, [
    'GET / HTTP/1.1',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${Buffer.from(one.bytes(16)).toString('base64')}`,
    ...more,
  ]);

/** Asks for WebSockets without a token, and neither reads the refusals nor hangs up. */
export const upgradesRefused: Attack = (one) =>
  unread(
    one,
    20,
    () => openSocket(one.world.api.place),
    (socket) => write(socket, upgrade(one, [`Sec-WebSocket-Protocol: token.${hex(one.bytes(32))}`])),
  );

/** A text frame, masked with zeros (RFC 6455, section 5.2). */
const frame = (text: string): Buffer => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(text.length);
  return Buffer.concat([Buffer.of(0x81, 0x80 | 126), length, Buffer.alloc(4), Buffer.from(text)]);
};

/** Calls over WebSockets, without end, and reads nothing. */
export const webSocketUnread: Attack = (one) => {
  const call = frame(calls(['listchannels']).padEnd(200));
  return unread(
    one,
    5,
    () => openSocket(one.world.api.place),
    async (socket) => {
      await write(socket, upgrade(one, [`Authorization: Bearer ${one.world.api.token}`]));
      for (let i = 0; i < 100 && !socket.destroyed; i++) {
        one.done.messages++;
        await Promise.race([write(socket, call), one.wait(10_000)]);
      }
    },
  );
};
