/**
 * BOLT 8 over a Connection: the handshake in either role, then whole messages both ways. Messages handed over in one turn
 * of the event loop are encrypted together and written once; what a slow peer does not take is bounded.
 */
import { concat } from '../../wire/bytes.ts';
import { type CipherState, Decryptor, encryptMessages } from '../../wire/cipher.ts';
import { isSecretKey } from '../../wire/crypto.ts';
import { ACT_BYTES, answerActOne, answerActTwo, readActThree, type Session, sendActOne } from '../../wire/noise.ts';
import type { Point, SecretKey } from '../../wire/units.ts';
import type { Clock, Connection, Entropy } from '../ports.ts';

/** Why a connection ended, in words for a log. */
export class PeerStreamError extends Error {
  override readonly name = 'PeerStreamError';
  readonly code: 'handshake_timeout' | 'ended_in_handshake' | 'too_slow';
  constructor(code: PeerStreamError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** An authenticated, encrypted stream of messages. */
export interface SecureStream {
  /** Who is on the other side, proven. */
  readonly remote: Point;
  readonly connection: Connection;
  /** Queues a message; never throws. Nothing is sent after `close`. */
  send(message: Uint8Array): void;
  /** Messages as they arrive, for one reader; those that came in one chunk come together. Throws CipherError on a forged frame. */
  readonly received: AsyncIterable<readonly Uint8Array[]>;
  /** Resolves when everything queued so far was handed to the connection, or it is closed. */
  flushed(): Promise<void>;
  close(): void;
}

/** Bytes that may wait for a peer to take them before it is given up: two of the largest gossip answers. */
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;
export const HANDSHAKE_TIMEOUT_MS = 10_000;

interface HandshakeParts {
  readonly connection: Connection;
  readonly local: SecretKey;
  readonly entropy: Entropy;
  readonly clock: Clock;
}

const freshKey = (entropy: Entropy): SecretKey => {
  for (;;) {
    const candidate = entropy.bytes(32);
    if (isSecretKey(candidate)) return candidate;
  }
};

/** Reads acts of fixed length from a stream of chunks, and then hands the chunks on. */
class Feed {
  private readonly chunks: AsyncIterator<Uint8Array>;
  private held: Uint8Array = new Uint8Array(0);
  constructor(connection: Connection) {
    this.chunks = connection.received[Symbol.asyncIterator]();
  }
  async exactly(count: number): Promise<Uint8Array> {
    while (this.held.length < count) {
      const { value, done } = await this.chunks.next();
      if (done) throw new PeerStreamError('ended_in_handshake', 'the peer closed the connection during the handshake');
      this.held = concat(this.held, value);
    }
    const out = this.held.slice(0, count);
    this.held = this.held.slice(count);
    return out;
  }
  async next(): Promise<Uint8Array | undefined> {
    if (this.held.length > 0) {
      const out = this.held;
      this.held = new Uint8Array(0);
      return out;
    }
    const { value, done } = await this.chunks.next();
    return done ? undefined : value;
  }
}

const stream = (connection: Connection, feed: Feed, session: Session): SecureStream => {
  let cipher: CipherState = session.send;
  let queue: Uint8Array[] = [];
  let queued = 0;
  let flushing: Promise<void> | undefined;
  let closed = false;

  const close = () => {
    closed = true;
    queue = [];
    connection.close();
  };
  const flush = async () => {
    // One turn of the event loop lets everything that belongs together gather.
    await Promise.resolve();
    try {
      while (queue.length > 0 && !closed) {
        const batch = queue;
        queue = [];
        queued = 0;
        const [frames, next] = encryptMessages(cipher, batch);
        cipher = next;
        await connection.send(frames);
      }
    } catch {
      close();
    }
    flushing = undefined;
  };
  async function* received(): AsyncGenerator<readonly Uint8Array[]> {
    // Ending the loop over this does not close the connection: a last warning may still have to go out.
    const decryptor = new Decryptor(session.receive);
    for (let chunk = await feed.next(); chunk !== undefined; chunk = await feed.next()) {
      const messages = decryptor.push(chunk);
      if (messages.length > 0) yield messages;
      if (decryptor.failure !== undefined) throw decryptor.failure;
    }
  }
  return {
    remote: session.remote,
    connection,
    received: received(),
    send: (message) => {
      if (closed) return;
      queue.push(message);
      queued += message.length;
      if (queued > MAX_QUEUED_BYTES) {
        close();
        return;
      }
      flushing ??= flush();
    },
    flushed: () => flushing ?? Promise.resolve(),
    close,
  };
};

/** Runs a handshake against the clock; whatever goes wrong, the connection is closed without an answer (BOLT 8). */
const limited = async (parts: HandshakeParts, run: (feed: Feed) => Promise<Session>): Promise<SecureStream> => {
  const { connection, clock } = parts;
  const feed = new Feed(connection);
  let late = false;
  const cancel = clock.after(HANDSHAKE_TIMEOUT_MS, () => {
    late = true;
    connection.close();
  });
  try {
    return stream(connection, feed, await run(feed));
  } catch (error) {
    connection.close();
    if (late) throw new PeerStreamError('handshake_timeout', 'the peer did not finish the handshake in time');
    throw error;
  } finally {
    cancel();
  }
};

/** The handshake of the side that dialled and knows whom. Throws HandshakeError or PeerStreamError. */
export const initiate = (parts: HandshakeParts & { readonly remote: Point }): Promise<SecureStream> =>
  limited(parts, async (feed) => {
    const [one, sent] = sendActOne(parts.local, parts.remote, freshKey(parts.entropy));
    await parts.connection.send(one);
    const [three, session] = answerActTwo(sent, await feed.exactly(ACT_BYTES.two));
    await parts.connection.send(three);
    return session;
  });

/** The handshake of the side that was called. Throws HandshakeError or PeerStreamError. */
export const respond = (parts: HandshakeParts): Promise<SecureStream> =>
  limited(parts, async (feed) => {
    const [two, sent] = answerActOne(parts.local, await feed.exactly(ACT_BYTES.one), freshKey(parts.entropy));
    await parts.connection.send(two);
    return readActThree(sent, await feed.exactly(ACT_BYTES.three));
  });
