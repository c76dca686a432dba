/**
 * BOLT 8 over a Connection: the handshake in either role, then whole messages both ways. Messages queued in one turn
 * of the event loop are encrypted together and written in pieces. The bytes that wait for a slow peer are counted here, and
 * limited in peers.ts.
 */
import { concat } from '../../wire/bytes.ts';
import { type CipherState, Decryptor, encryptMessages } from '../../wire/cipher.ts';
import { isSecretKey } from '../../wire/crypto.ts';
import { ACT_BYTES, answerActOne, answerActTwo, readActThree, type Session, sendActOne } from '../../wire/noise.ts';
import type { Point, SecretKey } from '../../wire/units.ts';
import type { Clock, Connection, Entropy } from '../ports/ports.ts';

/** Why a connection ended, in words for a log. */
export class PeerStreamError extends Error {
  override readonly name = 'PeerStreamError';
  readonly code: 'handshake_timeout' | 'ended_in_handshake';
  constructor(code: PeerStreamError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** An authenticated, encrypted stream of messages. */
export interface SecureStream {
  /** The authenticated node id of the peer. */
  readonly remote: Point;
  readonly connection: Connection;
  /** Queues a message; never throws. Nothing is sent after `close`. */
  send(message: Uint8Array): void;
  /** Messages as they arrive, for one reader; those that came in one chunk come together. Throws CipherError on a forged frame. */
  readonly received: AsyncIterable<readonly Uint8Array[]>;
  /** Bytes of memory that wait for the peer to take them; 0 once closed. */
  readonly unsent: number;
  /** Bytes that the connection has taken so far. */
  readonly taken: number;
  /** Resolves when everything queued so far was taken by the connection, or it is closed. */
  flushed(): Promise<void>;
  close(): void;
}

/** Counts the bytes that wait to be sent, over all connections that share it. */
export interface Outbox {
  unsent: number;
}

/** Bytes that are encrypted and handed to the connection together. */
const MAX_WRITE = 64 * 1024;
/** Bytes that are decrypted before their messages are handed on. */
const MAX_READ = 4 * 1024;
/** Memory in bytes that a queued message takes besides its own bytes. */
const PER_MESSAGE = 150;
/** Milliseconds for the whole handshake: as long as lnd allows for one act. */
export const HANDSHAKE_TIMEOUT_MS = 5_000;

interface HandshakeParts {
  readonly connection: Connection;
  readonly local: SecretKey;
  readonly entropy: Entropy;
  readonly clock: Clock;
  /** Counts what waits to be sent together with other connections; one of its own where none is given. */
  readonly outbox?: Outbox | undefined;
  /** Resolves when the work of a handshake may be done, or needs not be any more; at once where it is not given. */
  readonly turn?: ((isOver: () => boolean) => Promise<void>) | undefined;
}

const newEphemeralKey = (entropy: Entropy): SecretKey => {
  for (;;) {
    const candidate = entropy.bytes(32);
    if (isSecretKey(candidate)) return candidate;
  }
};

/** Reads acts of fixed length from a stream of chunks, and then hands the chunks on. */
class ActReader {
  private readonly chunks: AsyncIterator<Uint8Array>;
  private held: Uint8Array = new Uint8Array(0);
  /** A chunk that was requested ahead of its use. */
  private ahead: Promise<IteratorResult<Uint8Array>> | undefined;
  private over = false;
  constructor(connection: Connection) {
    this.chunks = connection.received[Symbol.asyncIterator]();
  }
  async exactly(count: number): Promise<Uint8Array> {
    while (this.held.length < count) {
      const { value, done } = await this.chunk();
      if (done) throw closedInHandshake();
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
    const { value, done } = await this.chunk();
    return done ? undefined : value;
  }
  /** Whether the connection has ended and all it said was read; known once `lookAhead` was called. */
  get isOver(): boolean {
    return this.over && this.held.length === 0;
  }
  /** Requests one more chunk: only a read shows that the peer has closed the connection. */
  lookAhead(): void {
    this.ahead ??= this.chunks.next();
    const end = (): void => {
      this.over = true;
    };
    this.ahead.then(({ done }) => (done ? end() : undefined), end);
  }
  private chunk(): Promise<IteratorResult<Uint8Array>> {
    const next = this.ahead ?? this.chunks.next();
    this.ahead = undefined;
    return next;
  }
}

const closedInHandshake = (): PeerStreamError =>
  new PeerStreamError('ended_in_handshake', 'the peer closed the connection during the handshake');

const costOf = (message: Uint8Array): number => message.length + PER_MESSAGE;

/** Messages that wait for a connection, in order. */
class Queue {
  private readonly messages: Uint8Array[] = [];

  push(message: Uint8Array): void {
    this.messages.push(message);
  }

  /** The next messages that make a piece, one at least; none when nothing waits. */
  piece(): readonly Uint8Array[] {
    let bytes = 0;
    let count = 0;
    for (const { length } of this.messages) {
      if (count > 0 && bytes + length > MAX_WRITE) break;
      bytes += length;
      count++;
    }
    return this.messages.splice(0, count);
  }

  clear(): void {
    this.messages.length = 0;
  }
}

const stream = (connection: Connection, feed: ActReader, session: Session, outbox: Outbox): SecureStream => {
  let cipher: CipherState = session.send;
  const queue = new Queue();
  let unsent = 0;
  /** Totals queued and taken, in the units of `unsent`. */
  let queued = 0;
  let taken = 0;
  let flushing = false;
  let closed = false;
  /** Callers that wait until this total was taken, in order. */
  const waiting: { readonly mark: number; readonly resolve: () => void }[] = [];

  const paid = (cost: number) => {
    unsent -= cost;
    outbox.unsent -= cost;
    taken += cost;
    while (waiting[0] !== undefined && waiting[0].mark <= taken) waiting.shift()?.resolve();
  };
  const close = () => {
    if (closed) return;
    closed = true;
    queue.clear();
    paid(unsent);
    connection.close();
  };
  const flush = async () => {
    // Waits one turn of the event loop, so that messages queued together are sent together.
    await Promise.resolve();
    try {
      for (let piece = queue.piece(); piece.length > 0 && !closed; piece = queue.piece()) {
        const [frames, next] = encryptMessages(cipher, piece);
        cipher = next;
        await connection.send(frames);
        if (!closed) paid(piece.reduce((sum, message) => sum + costOf(message), 0));
      }
    } catch {
      close();
    }
    flushing = false;
  };
  async function* received(): AsyncGenerator<readonly Uint8Array[]> {
    // Leaving the loop does not close the connection: a last warning may still have to be sent.
    const decryptor = new Decryptor(session.receive);
    for (let chunk = await feed.next(); chunk !== undefined; chunk = await feed.next())
      for (let at = 0; at < chunk.length; at += MAX_READ) {
        const messages = decryptor.push(chunk.subarray(at, at + MAX_READ));
        if (messages.length > 0) yield messages;
        if (decryptor.failure !== undefined) throw decryptor.failure;
      }
  }
  return {
    remote: session.remote,
    connection,
    received: received(),
    get unsent() {
      return unsent;
    },
    get taken() {
      return taken;
    },
    send: (message) => {
      if (closed) return;
      const cost = costOf(message);
      queue.push(message);
      unsent += cost;
      outbox.unsent += cost;
      queued += cost;
      if (flushing) return;
      flushing = true;
      void flush();
    },
    flushed: () =>
      unsent === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push({ mark: queued, resolve })),
    close,
  };
};

/** Runs a handshake with a timeout; on any failure the connection is closed without an answer (BOLT 8). */
const withHandshakeTimeout = async (
  parts: HandshakeParts,
  run: (feed: ActReader) => Promise<Session>,
): Promise<SecureStream> => {
  const { connection, clock } = parts;
  const feed = new ActReader(connection);
  let late = false;
  const cancel = clock.after(HANDSHAKE_TIMEOUT_MS, () => {
    late = true;
    connection.close();
  });
  try {
    return stream(connection, feed, await run(feed), parts.outbox ?? { unsent: 0 });
  } catch (error) {
    connection.close();
    if (late) throw new PeerStreamError('handshake_timeout', 'the peer did not finish the handshake in time');
    throw error;
  } finally {
    cancel();
  }
};

/** The initiator's handshake with a known node id. Throws HandshakeError or PeerStreamError. */
export const initiate = (parts: HandshakeParts & { readonly remote: Point }): Promise<SecureStream> =>
  withHandshakeTimeout(parts, async (feed) => {
    const [one, sent] = sendActOne(parts.local, parts.remote, newEphemeralKey(parts.entropy));
    await parts.connection.send(one);
    const [three, session] = answerActTwo(sent, await feed.exactly(ACT_BYTES.two));
    await parts.connection.send(three);
    return session;
  });

/** Waits for the turn of an inbound connection. One that was closed meanwhile causes no work: throws PeerStreamError. */
const waitForTurn = async ({ turn }: HandshakeParts, feed: ActReader): Promise<void> => {
  if (turn === undefined) return;
  feed.lookAhead();
  await turn(() => feed.isOver);
  if (feed.isOver) throw closedInHandshake();
};

/** The responder's handshake. Throws HandshakeError or PeerStreamError. */
export const respond = (parts: HandshakeParts): Promise<SecureStream> =>
  withHandshakeTimeout(parts, async (feed) => {
    const one = await feed.exactly(ACT_BYTES.one);
    await waitForTurn(parts, feed);
    const [two, sent] = answerActOne(parts.local, one, newEphemeralKey(parts.entropy));
    await parts.connection.send(two);
    const three = await feed.exactly(ACT_BYTES.three);
    await waitForTurn(parts, feed);
    return readActThree(sent, three);
  });
