/**
 * Stands in for the encrypted stream under a peer: the same interface, every message a chunk that can be read. What a model
 * loses, delays and prints are then messages. A chunk is four bytes of length and a message; the caller's first names it.
 */
import type { SecureStream } from '../../../node/peer/noisestream.ts';
import type { Connection } from '../../../node/ports/ports.ts';
import { concat, u32be } from '../../../wire/bytes.ts';
import { pointOf } from '../../../wire/crypto.ts';
import { type Point, point, type SecretKey } from '../../../wire/units.ts';

/** A chunk of one message. */
export const framed = (message: Uint8Array): Uint8Array => concat(u32be(message.length), message);

/** The messages of a chunk that holds whole ones. */
export const messagesOf = (chunk: Uint8Array): readonly Uint8Array[] => {
  const out: Uint8Array[] = [];
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
  for (let at = 0; at < chunk.length; ) {
    const length = view.getUint32(at);
    out.push(chunk.slice(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return out;
};

async function* batches(chunks: AsyncIterator<Uint8Array>): AsyncGenerator<readonly Uint8Array[], void> {
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield messagesOf(next.value);
}

const stream = (connection: Connection, chunks: AsyncIterator<Uint8Array>, remote: Point): SecureStream => ({
  remote,
  connection,
  received: batches(chunks),
  send: (message) => void connection.send(framed(message)),
  unsent: 0,
  taken: 0,
  flushed: async () => undefined,
  close: () => connection.close(),
});

/** The side that called. */
export const initiate = async ({
  connection,
  local,
  remote,
}: {
  readonly connection: Connection;
  readonly local: SecretKey;
  readonly remote: Point;
}): Promise<SecureStream> => {
  await connection.send(framed(pointOf(local)));
  return stream(connection, connection.received[Symbol.asyncIterator](), remote);
};

/** The side that was called. */
export const respond = async ({ connection }: { readonly connection: Connection }): Promise<SecureStream> => {
  const chunks = connection.received[Symbol.asyncIterator]();
  const first = await chunks.next();
  const [name] = first.done === true ? [] : messagesOf(first.value);
  if (name === undefined) throw new Error('the caller hung up');
  return stream(connection, chunks, point(name));
};
