/**
 * The Transport port over TCP, and for who connects to us over WebSocket, too. A socket is read only as fast as its reader takes chunks, and a sender waits while the
 * kernel's buffer is full, so neither side of a slow connection grows in memory.
 */
import { createServer, connect as netConnect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { addressText } from '../base/address.ts';
import { ListenError } from '../base/listenerror.ts';
import type { Address, Connection, Listener, Transport } from '../ports/ports.ts';
import { streamOf } from './websocket.ts';

const unusable = (at: Address, { code, message }: NodeJS.ErrnoException): ListenError =>
  code === 'EADDRINUSE'
    ? new ListenError(
        'port_taken',
        `${addressText(at)} is taken: choose another with --listen HOST:PORT, port 0 for a free one`,
      )
    : new ListenError('unusable', `cannot listen on ${addressText(at)}: ${code ?? message}`);

/** Writes to a stream; rejects once it is closed. */
const sendTo = (stream: Duplex, bytes: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    if (stream.destroyed || !stream.writable) {
      reject(new Error('connection is closed'));
      return;
    }
    if (stream.write(bytes)) {
      resolve();
      return;
    }
    const settle = (then: () => void) => () => {
      stream.off('drain', drained);
      stream.off('close', closed);
      then();
    };
    const drained = settle(resolve);
    const closed = settle(() => reject(new Error('connection is closed')));
    stream.once('drain', drained);
    stream.once('close', closed);
  });

const ready = (socket: Socket): Pick<Connection, 'remote' | 'close'> => {
  socket.setNoDelay(true);
  // An unread 'error' event would end the process; the reader and the writers see the failure through the stream itself.
  socket.on('error', () => socket.destroy());
  return {
    remote: { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
    close: () => socket.destroy(),
  };
};

/** A dialled socket as a Connection. */
const dialled = (socket: Socket): Connection => ({
  ...ready(socket),
  received: chunks(socket),
  send: (bytes) => sendTo(socket, bytes),
});

/** An accepted socket as a Connection: what it speaks through, it or a WebSocket in it, is known once it has said something. */
const accepted = (socket: Socket): Connection => {
  let stream: Duplex = socket;
  async function* received(): AsyncGenerator<Uint8Array> {
    const found = await streamOf(socket);
    if (found === undefined) return;
    stream = found;
    yield* chunks(found);
  }
  return { ...ready(socket), received: received(), send: (bytes) => sendTo(stream, bytes) };
};

async function* chunks(stream: Duplex): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } finally {
    stream.destroy();
  }
}

/** TCP as a Transport. Dialling fails with the operating system's reason (ECONNREFUSED …) in the message. */
export const tcpTransport = (): Transport => ({
  dial: ({ host, port }, signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(new Error(`dialling ${host}:${port} was given up`));
        return;
      }
      const socket = netConnect({ host, port });
      const abort = () => socket.destroy(new Error(`dialling ${host}:${port} was given up`));
      const failed = (error: Error) => {
        signal.removeEventListener('abort', abort);
        reject(error);
      };
      signal.addEventListener('abort', abort, { once: true });
      socket.once('error', failed);
      socket.once('connect', () => {
        signal.removeEventListener('abort', abort);
        socket.off('error', failed);
        resolve(dialled(socket));
      });
    }),

  listen: ({ host, port }, accept) =>
    new Promise((resolve, reject) => {
      // allowHalfOpen stays off: a peer that ends its side has closed the connection in this protocol.
      const server = createServer((socket) => accept(accepted(socket)));
      const failed = (error: NodeJS.ErrnoException) => reject(unusable({ host, port }, error));
      // Errors after listening too, such as ENFILE or ENOBUFS: they cost an inbound connection, not the node.
      server.on('error', failed);
      server.listen({ host, port }, () => {
        const bound = server.address();
        const address: Address = typeof bound === 'object' && bound ? { host, port: bound.port } : { host, port };
        const listener: Listener = {
          address,
          // The server's own callback would wait for every accepted connection, and those are to stay.
          close: async () => {
            server.close();
          },
        };
        resolve(listener);
      });
    }),
});
