/** The Transport port over WebSocket, for who dials a node as a web page does. */
import { createWebSocketStream, WebSocket } from 'ws';
import type { Transport } from '../../node/ports/ports.ts';

/** Dials; each write goes out in messages of `size` bytes at most. */
export const webSocketTransport = (size = Number.POSITIVE_INFINITY): Transport => ({
  dial: ({ host, port }) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://${host}:${port}`, { perMessageDeflate: false });
      socket.once('error', reject);
      socket.once('open', () => {
        const stream = createWebSocketStream(socket);
        stream.on('error', () => socket.terminate());
        resolve({
          remote: { host, port },
          received: stream as AsyncIterable<Uint8Array>,
          send: async (bytes) => {
            for (let at = 0; at < bytes.length; at += size) stream.write(bytes.subarray(at, at + size));
          },
          close: () => socket.terminate(),
        });
      });
    }),
  listen: () => Promise.reject(new Error('nobody listens so')),
});
