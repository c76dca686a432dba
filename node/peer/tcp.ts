/**
 * The Transport port over TCP. A socket is read only as fast as its reader takes chunks, and a sender waits while the
 * kernel's buffer is full, so neither side of a slow connection grows in memory.
 */
import { createServer, connect as netConnect, type Socket } from 'node:net';
import { addressText } from '../base/address.ts';
import { ListenError } from '../base/listenerror.ts';
import type { Address, Connection, Listener, Transport } from '../ports/ports.ts';

const unusable = (at: Address, { code, message }: NodeJS.ErrnoException): ListenError =>
  code === 'EADDRINUSE'
    ? new ListenError(
        'port_taken',
        `${addressText(at)} is taken: choose another with --listen HOST:PORT, port 0 for a free one`,
      )
    : new ListenError('unusable', `cannot listen on ${addressText(at)}: ${code ?? message}`);

/** One accepted or dialled socket as a Connection. */
const connectionOf = (socket: Socket): Connection => {
  socket.setNoDelay(true);
  // An unread 'error' event would end the process; the reader and the writers see the failure through the stream itself.
  socket.on('error', () => socket.destroy());
  return {
    remote: { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
    received: chunks(socket),
    send: (bytes) =>
      new Promise((resolve, reject) => {
        if (socket.destroyed || !socket.writable) {
          reject(new Error('connection is closed'));
          return;
        }
        if (socket.write(bytes)) {
          resolve();
          return;
        }
        const settle = (then: () => void) => () => {
          socket.off('drain', drained);
          socket.off('close', closed);
          then();
        };
        const drained = settle(resolve);
        const closed = settle(() => reject(new Error('connection is closed')));
        socket.once('drain', drained);
        socket.once('close', closed);
      }),
    close: () => socket.destroy(),
  };
};

async function* chunks(socket: Socket): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of socket) yield chunk as Uint8Array;
  } finally {
    socket.destroy();
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
        resolve(connectionOf(socket));
      });
    }),

  listen: ({ host, port }, accept) =>
    new Promise((resolve, reject) => {
      // allowHalfOpen stays off: a peer that ends its side has closed the connection in this protocol.
      const server = createServer((socket) => accept(connectionOf(socket)));
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
