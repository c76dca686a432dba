/**
 * WebSocket on the port for peers: who begins with an HTTP request instead of the handshake of BOLT 8 is answered as a WebSocket, and
 * speaks BOLT 8 in its binary messages, whose borders mean nothing. That is how web pages reach a node, and who may do what is decided
 * behind the handshake, for them as for everybody.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';

/** Bytes of the largest WebSocket message: a message of BOLT 8 has 65,569 with its frame. */
const MAX_MESSAGE = 256 * 1024;
/** Bytes of the headers of a request. */
const MAX_HEADERS = 8 * 1024;

/** The first byte of a request by GET. The first of a handshake is its version, 0 (BOLT 8). */
const GET = 'G'.charCodeAt(0);

const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE, perMessageDeflate: false });

/** Answers requests on sockets that are handed to it; it listens nowhere. */
const requests = createServer({ maxHeaderSize: MAX_HEADERS }, (_, response) => {
  response.writeHead(426, { connection: 'close', 'content-type': 'text/plain; charset=utf-8' });
  response.end('this is the port of a Lightning node: it speaks BOLT 8, over TCP or in a WebSocket\n');
});

/** Those whose request has come no further. */
const upgrading = new WeakMap<Socket, (socket: WebSocket) => void>();
requests.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
  const upgraded = upgrading.get(request.socket);
  if (upgraded === undefined) stream.destroy();
  else sockets.handleUpgrade(request, stream, head, upgraded);
});

/** What ends a socket that is none any more: a text where bytes are expected. */
const refuseText = (socket: WebSocket): void => {
  socket.on('message', (_, isBinary) => {
    if (!isBinary) socket.close(1003, 'expected binary messages');
  });
};

/** Resolves with the stream of a WebSocket once the request that stands in a socket is answered; undefined where that never happens. */
const upgrade = (socket: Socket): Promise<Duplex | undefined> =>
  new Promise((resolve) => {
    if (socket.destroyed) resolve(undefined);
    socket.once('close', () => resolve(undefined));
    upgrading.set(socket, (one) => {
      refuseText(one);
      const stream = createWebSocketStream(one);
      // What breaks it is seen by its reader and its writers.
      stream.on('error', () => socket.destroy());
      socket.once('close', () => stream.destroy());
      resolve(stream);
    });
    requests.emit('connection', socket);
  });

/** Resolves once there is something to read, with its first byte, or with undefined where nothing comes. */
const firstByte = (socket: Socket): Promise<number | undefined> =>
  new Promise((resolve) => {
    if (socket.destroyed || socket.readableEnded) {
      resolve(undefined);
      return;
    }
    const settle = (byte: number | undefined): void => {
      socket.off('readable', look);
      for (const event of ['end', 'close', 'error']) socket.off(event, none);
      resolve(byte);
    };
    const none = (): void => settle(undefined);
    const look = (): void => {
      const chunk: Buffer | null = socket.read();
      if (chunk === null) return;
      socket.unshift(chunk);
      settle(chunk[0]);
    };
    socket.on('readable', look);
    for (const event of ['end', 'close', 'error']) socket.once(event, none);
    look();
  });

/**
 * The stream by which an inbound peer speaks: its socket, or the WebSocket that it asks for. Undefined where it ends before. It waits
 * for the peer, for whose silence there is a limit elsewhere.
 */
export const streamOf = async (socket: Socket): Promise<Duplex | undefined> => {
  const first = await firstByte(socket);
  if (first === undefined) return undefined;
  return first === GET ? upgrade(socket) : socket;
};
