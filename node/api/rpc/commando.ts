/**
 * commando, as Core Lightning has it: calls of methods by messages between peers. A request is JSON with method, params, id and a rune
 * that opens the call, in one message or several; so is its answer. Everybody can connect, so what a stranger costs is bounded: bytes of
 * requests that are not complete, calls at once, and a pause after each request that no rune opens.
 */
import { setMaxListeners } from 'node:events';
import { concat, hex, join, text, utf8 } from '../../../wire/bytes.ts';
import type { Node } from '../../core/running.ts';
import type { CustomPeer } from '../../peer/custommessages.ts';
import type { Clock } from '../../ports/ports.ts';
import { ApiError } from '../errors.ts';
import type { Answer } from './jsonrpc.ts';
import { tooMuchIn } from './jsonshape.ts';
import { isObject, type Json } from './perform.ts';
import type { RuneGate } from './runegate.ts';
import type { Written } from './streaming.ts';

/** Types of messages: a part of a request or the end of one, a part of an answer or its end. */
const types = { requestPart: 0x4c4d, request: 0x4c4f, answerPart: 0x594b, answer: 0x594d } as const;
const commandoTypes: readonly number[] = [types.requestPart, types.request];

/** Bytes in front of each message's contents: the request's id, which its answer bears too. */
const ID_BYTES = 8;
/** Bytes of an answer in one message. */
const PIECE = 65_000;
/** Bytes of one request with what its parts count, and of all requests that are not complete. */
const MAX_REQUEST = 1024 * 1024;
const MAX_PARTS = 4 * 1024 * 1024;
/** What a part counts beside its bytes: one that holds none takes memory, too. */
const PART = 256;
/** Calls under way for one peer, and in all. */
const MAX_RUNNING = 64;
const MAX_RUNNING_IN_ALL = 512;
/** Milliseconds for which a peer is not read from after a request that no rune opens. */
const PAUSE = 500;

/** Core Lightning's numbers for a request that is none, and for a rune that does not open it. */
const BAD_REQUEST = 0x4c50;
const BAD_RUNE = 0x4c51;

export interface CommandoParts {
  readonly answer: Answer;
  readonly gate: RuneGate;
  readonly clock: Pick<Clock, 'after'>;
}

/** What is there of a request that is not complete. */
interface Partial {
  readonly id: string;
  readonly parts: Uint8Array[];
  bytes: number;
  tooLong: boolean;
}

/** A peer that has asked for something. */
interface Session {
  running: number;
  /** Resolves once what was queued for it is on its way: of all its answers, one piece waits in memory. */
  last: Promise<void>;
  readonly gone: AbortController;
}

/** A request that cannot be performed, with the number for its caller. */
class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

interface Request {
  readonly id: unknown;
  readonly rune: string;
  readonly method: string;
  readonly params: unknown;
  readonly filter: unknown;
}

const requestOf = (given: Json): Request => {
  const { id, rune, method, params = {}, filter } = given;
  if (typeof method !== 'string') throw new Refusal(BAD_REQUEST, 'No method');
  if (typeof params !== 'object' || params === null) throw new Refusal(BAD_REQUEST, 'Params must be object or array');
  if (id === undefined) throw new Refusal(BAD_REQUEST, 'missing id field');
  if (rune === undefined) throw new Refusal(BAD_REQUEST, 'Missing rune');
  if (typeof rune !== 'string') throw new Refusal(BAD_REQUEST, 'Invalid rune');
  return { id, rune, method, params, filter };
};

const parsed = (json: string): Json => {
  const tooMuch = tooMuchIn(json);
  if (tooMuch !== undefined) throw new Refusal(BAD_REQUEST, tooMuch);
  let given: unknown;
  try {
    given = JSON.parse(json);
  } catch {
    throw new Refusal(BAD_REQUEST, 'Invalid JSON');
  }
  if (!isObject(given)) throw new Refusal(BAD_REQUEST, 'Not a JSON object');
  return given;
};

const message = (type: number, id: Uint8Array, contents: Uint8Array): Uint8Array =>
  concat(Uint8Array.of(type >> 8, type & 0xff), id, contents);

/** An answer as messages, the last one as such; none is longer than a message may be. */
async function* messagesOf(id: Uint8Array, answer: Written): AsyncGenerator<Uint8Array> {
  let held: Uint8Array = new Uint8Array(0);
  for await (const part of typeof answer === 'string' ? [answer] : answer) {
    held = concat(held, utf8(part));
    while (held.length > PIECE) {
      yield message(types.answerPart, id, held.subarray(0, PIECE));
      held = held.subarray(PIECE);
    }
  }
  yield message(types.answer, id, held);
}

/** An id that is neither a text nor a number is not repeated: it may be nested so deep that nothing can write it. */
const failure = (id: unknown, code: number, message: string): string =>
  JSON.stringify({ jsonrpc: '2.0', id: typeof id === 'object' ? null : id, error: { code, message } });

/** Serves commando to the peers of a node. */
export class Commando {
  private readonly parts: CommandoParts;
  /** In order of arrival, one for each peer. */
  private readonly partials = new Map<CustomPeer, Partial>();
  private partialBytes = 0;
  private readonly sessions = new Map<CustomPeer, Session>();
  private running = 0;

  constructor(parts: CommandoParts) {
    this.parts = parts;
  }

  /** Takes a message of a peer. The promise holds back the peer's next message. */
  receive(peer: CustomPeer, type: number, payload: Uint8Array): Promise<void> | undefined {
    if (payload.length < ID_BYTES) return undefined;
    const id = payload.slice(0, ID_BYTES);
    const partial = this.add(peer, hex(id), payload.subarray(ID_BYTES));
    if (type !== types.request) return undefined;
    this.drop(peer);
    return this.serve(peer, id, partial);
  }

  /** The connection with a peer has ended: calls that only wait for something are told. */
  left(peer: CustomPeer): void {
    this.drop(peer);
    this.sessions.get(peer)?.gone.abort();
    this.sessions.delete(peer);
  }

  private add(peer: CustomPeer, id: string, contents: Uint8Array): Partial {
    // A peer that begins another request has given up the one before.
    if (this.partials.get(peer)?.id !== id) this.drop(peer);
    const partial = this.partials.get(peer) ?? { id, parts: [], bytes: 0, tooLong: false };
    this.partials.set(peer, partial);
    const size = contents.length + PART;
    if (partial.bytes + size > MAX_REQUEST) {
      this.partialBytes -= partial.bytes;
      partial.parts.length = 0;
      partial.bytes = 0;
      partial.tooLong = true;
    }
    if (partial.tooLong) return partial;
    partial.parts.push(contents.slice());
    partial.bytes += size;
    this.partialBytes += size;
    for (const other of this.partials.keys()) {
      if (this.partialBytes <= MAX_PARTS) break;
      if (other !== peer) this.drop(other);
    }
    return partial;
  }

  private drop(peer: CustomPeer): void {
    const partial = this.partials.get(peer);
    if (partial === undefined) return;
    this.partials.delete(peer);
    this.partialBytes -= partial.bytes;
  }

  /** Resolves once the call is begun, or refused and paid for by a pause. */
  private async serve(peer: CustomPeer, id: Uint8Array, { parts, tooLong }: Partial): Promise<void> {
    const session = this.sessionOf(peer);
    let given: Json | undefined;
    let request: Request;
    try {
      if (tooLong) throw new Refusal(BAD_REQUEST, `a request has at most ${MAX_REQUEST} bytes`);
      given = parsed(text(join(parts)));
      request = requestOf(given);
      await this.gated(peer, request);
    } catch (error) {
      const { code, message } = this.refusalOf(error);
      await this.reply(peer, session, id, failure(given?.['id'] ?? null, code, message));
      await new Promise<void>((resolve) => void this.parts.clock.after(PAUSE, resolve));
      return;
    }
    if (session.running >= MAX_RUNNING || this.running >= MAX_RUNNING_IN_ALL) {
      const why = `${MAX_RUNNING} calls of a peer, or ${MAX_RUNNING_IN_ALL} in all, are under way`;
      await this.reply(peer, session, id, failure(request.id, -32000, why));
    } else void this.perform(peer, session, id, request);
  }

  private async gated(peer: CustomPeer, { rune, method, params }: Request): Promise<void> {
    try {
      await this.parts.gate(rune, { method, params, peer: peer.id });
    } catch (error) {
      if (error instanceof ApiError) throw new Refusal(BAD_RUNE, `Invalid rune: ${error.message}`);
      throw error;
    }
  }

  private refusalOf(error: unknown): Refusal {
    return error instanceof Refusal ? error : new Refusal(BAD_REQUEST, 'the rune could not be checked');
  }

  private sessionOf(peer: CustomPeer): Session {
    const known = this.sessions.get(peer);
    if (known !== undefined) return known;
    const session: Session = { running: 0, last: Promise.resolve(), gone: new AbortController() };
    setMaxListeners(0, session.gone.signal);
    this.sessions.set(peer, session);
    return session;
  }

  private async perform(peer: CustomPeer, session: Session, id: Uint8Array, request: Request): Promise<void> {
    session.running++;
    this.running++;
    try {
      const { rune: _, ...call } = request;
      const asked = JSON.stringify({ jsonrpc: '2.0', ...call });
      const answer = await this.parts.answer(asked, { signal: session.gone.signal });
      if (answer !== undefined) await this.reply(peer, session, id, answer);
    } catch {
      // A list could not be read to its end, and the log says why: the caller gets an answer that cannot be read.
      peer.sendRaw(message(types.answer, id, new Uint8Array(0)));
    } finally {
      session.running--;
      this.running--;
    }
  }

  private async reply(peer: CustomPeer, session: Session, id: Uint8Array, answer: Written): Promise<void> {
    for await (const piece of messagesOf(id, answer)) {
      if (peer.closed) return;
      session.last = session.last.then(() => {
        peer.sendRaw(piece);
        return peer.flushed();
      });
      await session.last;
    }
  }
}

/** Has a node serve commando from now on. */
export const serveCommando = (
  { customMessages, peerNotices }: Pick<Node, 'customMessages' | 'peerNotices'>,
  parts: CommandoParts,
): void => {
  const commando = new Commando(parts);
  customMessages.handle(commandoTypes, (peer, type, payload) => commando.receive(peer, type, payload));
  peerNotices.add(({ notice, peer }) => {
    if (notice === 'disconnected') commando.left(peer);
  });
};
