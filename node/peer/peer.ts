/**
 * One connected peer after the handshake: `init` first (BOLT 1), then messages, kept alive by pings. Received messages are decoded and
 * handed on with their raw bytes; an invalid one ends the connection, after a warning that says why. While the peer does not read
 * our answers, or causes more of them than its budget allows, the node reads nothing from it.
 */
import { equal, hex, zeros } from '../../wire/bytes.ts';
import { CipherError } from '../../wire/cipher.ts';
import { WireError } from '../../wire/codec.ts';
import { describeFeatureFault, type FeatureName, joinFeatures, negotiate } from '../../wire/features.ts';
import { encodeMessage, type Message, type MessageOf, type UnknownMessage } from '../../wire/message.ts';
import { printableText, warningData } from '../../wire/printable.ts';
import { type ChainHash, channelId, type Point } from '../../wire/units.ts';
import type { Clock, Log } from '../ports/ports.ts';
import { AnswerBudget } from './answerbudget.ts';
import { type CustomMessages, receiveCustom } from './custommessages.ts';
import { remoteAddress } from './descriptors.ts';
import type { SecureStream } from './noisestream.ts';
import { Pongs } from './pingwaits.ts';
import type { MessageTrace } from './trace.ts';

export type Direction = 'in' | 'out';

/** Handlers of a peer's messages. The next message waits for the promise of a handler: this slows a flood to our own speed. */
export interface PeerHandlers {
  ready(peer: Peer): void;
  message(peer: Peer, message: Message, raw: Uint8Array): Promise<void> | undefined;
  closed(peer: Peer, why: string): void;
  readonly custom?: CustomMessages | undefined;
}

export interface PeerParts {
  readonly stream: SecureStream;
  readonly direction: Direction;
  readonly features: Uint8Array;
  readonly chainHash: ChainHash;
  readonly clock: Clock;
  readonly log: Log;
  /** Shown every message, both ways. */
  readonly trace: MessageTrace;
  readonly handlers: PeerHandlers;
  /** Called when something was queued for the peer, so that the owner can limit how much that is. */
  readonly onQueued: (peer: Peer) => void;
  /** Called after each `SLICE` of received messages; the node reads on once its promise resolves. */
  readonly afterSlice: (peer: Peer) => Promise<void> | undefined;
}

const INIT_TIMEOUT_MS = 15_000;
/** Milliseconds without a message until a ping is sent; after twice that the connection is closed. */
const PING_AFTER_MS = 30_000;
/** Milliseconds that a closing connection has to send what is queued. */
const CLOSE_TIMEOUT_MS = 3_000;
/** Bytes of messages, with an overhead for each, that are read from a peer before other work gets its turn. */
const SLICE = { bytes: 4 * 1024, perMessage: 64 } as const;
/** A peer that sent something within this time counts as responsive. */
const RECENT_MS = 30_000;
/** BOLT 1: longer pongs are not answered. */
const MAX_PONG_BYTES = 65532;
const ALL_CHANNELS = channelId(zeros(32));

export class Peer {
  readonly id: Point;
  /** The id as hex, for keys and logs. */
  readonly key: string;
  readonly direction: Direction;
  /** Milliseconds since 1970. */
  readonly since: number;
  private readonly parts: PeerParts;
  private negotiated: ReadonlySet<FeatureName> | undefined;
  private remoteFeatures: Uint8Array = new Uint8Array(0);
  private stopTimer: () => void = () => undefined;
  private awaitingPong = false;
  private heardSincePing = true;
  /** When the last message came; milliseconds since 1970. */
  private heardAt: number;
  /** Callers that wait for the next message, and the timer that closes the connection if none comes. */
  private readonly waitingForActivity = new Map<string, () => void>();
  private stopAsking: () => void = () => undefined;
  private ended: string | undefined;
  private readonly answers: AnswerBudget;
  readonly pongs = new Pongs();
  /** Reading is paused because a message of the peer is still being handled. */
  private busy = false;
  /** Bytes that the peer had taken at the last check, while some waited for it. */
  private takenBefore: number | undefined;

  constructor(parts: PeerParts) {
    this.parts = parts;
    this.id = parts.stream.remote;
    this.key = hex(this.id);
    this.direction = parts.direction;
    this.since = parts.clock.now();
    this.heardAt = this.since;
    this.answers = new AnswerBudget(parts.clock);
  }

  /** Features both sides have; empty before `init` came. */
  get features(): ReadonlySet<FeatureName> {
    return this.negotiated ?? new Set();
  }

  /** The bitmap of the peer's `init`. */
  get theirFeatures(): Uint8Array {
    return this.remoteFeatures;
  }

  get remote(): { readonly host: string; readonly port: number } {
    return this.parts.stream.connection.remote;
  }

  get closed(): boolean {
    return this.ended !== undefined;
  }

  /** Bytes of memory that wait for the peer to take them. */
  get unsent(): number {
    return this.parts.stream.unsent;
  }

  /** Whether the peer sent something in the last half minute. */
  get heardRecently(): boolean {
    return this.parts.clock.now() - this.heardAt < RECENT_MS;
  }

  /** Sends a ping, and calls the last callback of each name once when the peer sends anything; closes the connection if it does not. */
  pingThen(name: string, then: () => void): void {
    if (this.ended !== undefined) return;
    const first = this.waitingForActivity.size === 0;
    this.waitingForActivity.set(name, then);
    if (!first) return;
    this.ping();
    this.awaitAnswer();
  }

  private awaitAnswer(): void {
    this.stopAsking = this.parts.clock.after(PING_AFTER_MS, () => {
      // The pong may be queued behind a message that is still being handled here.
      if (this.busy) this.awaitAnswer();
      else this.close('the peer did not answer a ping');
    });
  }

  private ping(): void {
    this.send({ name: 'ping', num_pong_bytes: 16, ignored: zeros(0) });
  }

  private noteActivity(): void {
    this.heardSincePing = true;
    this.heardAt = this.parts.clock.now();
    if (this.waitingForActivity.size === 0) return;
    this.stopAsking();
    const waiting = [...this.waitingForActivity.values()];
    this.waitingForActivity.clear();
    for (const run of waiting) run();
  }

  /**
   * Queues a message. A message to a disconnected peer is dropped, as it might have been lost on the way. One that cannot be encoded
   * only closes the connection: it is lost as with any disconnect, and sent again after reestablishing.
   */
  send(message: Message | UnknownMessage): void {
    if (this.ended !== undefined) return;
    let raw: Uint8Array;
    try {
      raw = encodeMessage(message);
    } catch (error) {
      this.parts.log.error({ message: message.name, error }, 'cannot encode a message: disconnecting the peer');
      this.close(`internal error at ${message.name}`);
      return;
    }
    this.queue(raw, message);
  }

  sendRaw(raw: Uint8Array): void {
    if (this.ended !== undefined) return;
    this.queue(raw);
  }

  private queue(raw: Uint8Array, message?: Message | UnknownMessage): void {
    this.parts.trace.sent(raw, message);
    this.parts.stream.send(raw);
    this.parts.onQueued(this);
  }

  /**
   * Sends an answer that is not a channel message (pong, error, reply). Its promise delays the peer's next message while such answers
   * are unread, or where the peer causes too many. Channel messages are never waited for here, or two nodes that both have much
   * to send would both stop reading.
   */
  answer(message: Message): Promise<void> | undefined {
    const before = this.parts.stream.unsent;
    this.send(message);
    const bytes = Math.max(0, this.parts.stream.unsent - before);
    if (this.ended !== undefined || bytes === 0) return undefined;
    return this.answers.charge(bytes, this.parts.stream.flushed());
  }

  /** Resolves when what was queued has been handed to the operating system, or the connection has ended. */
  flushed(): Promise<void> {
    return this.parts.stream.flushed();
  }

  /** Tells the peer what is wrong, without failing a channel (BOLT 1, "The warning Message"); an `answer`. */
  warn(why: string): Promise<void> | undefined {
    return this.answer({ name: 'warning', channel_id: ALL_CHANNELS, data: warningData(why) });
  }

  /** Closes the connection once what is queued is sent, or after a few seconds. */
  close(why: string): void {
    if (this.ended !== undefined) return;
    const { stream, clock } = this.parts;
    const cancel = clock.after(CLOSE_TIMEOUT_MS, () => stream.close());
    void stream.flushed().then(() => {
      cancel();
      stream.close();
    });
    this.onEnded(why);
  }

  /** Closes the connection at once, whatever is queued. */
  destroy(why: string): void {
    this.parts.stream.close();
    if (this.ended === undefined) this.onEnded(why);
  }

  private onEnded(why: string): void {
    this.ended = why;
    this.stopTimer();
    this.stopAsking();
    this.waitingForActivity.clear();
    for (const waiting of [this.answers, this.pongs]) waiting.end();
    this.parts.handlers.closed(this, why);
  }

  /** Sends `init` and then reads until the connection ends. Never rejects. */
  async run(): Promise<void> {
    const { stream, features, chainHash, clock, direction } = this.parts;
    // An inbound peer behind NAT does not know its own public address.
    const remote_addr = direction === 'in' ? remoteAddress(stream.connection.remote) : undefined;
    this.send({
      name: 'init',
      globalfeatures: new Uint8Array(0),
      features,
      networks: [chainHash],
      ...(remote_addr && { remote_addr }),
    });
    this.stopTimer = clock.after(INIT_TIMEOUT_MS, () => this.close('the peer sent no init in time'));
    let slice = 0;
    try {
      for await (const batch of stream.received)
        for (const raw of batch) {
          if (this.ended !== undefined) return;
          const pending = this.handle(raw);
          slice += raw.length + SLICE.perMessage;
          const full = slice >= SLICE.bytes;
          if (pending === undefined && !full) continue;
          this.busy = true;
          if (pending !== undefined) await pending;
          if (full) await this.parts.afterSlice(this);
          if (full) slice = 0;
          this.busy = false;
        }
      this.close('the peer closed the connection');
    } catch (error) {
      this.closeOnError(error);
    }
  }

  private closeOnError(error: unknown): void {
    if (error instanceof WireError) {
      this.warn(error.message);
      this.close(`the peer sent a message that cannot be read: ${error.message}`);
    } else if (error instanceof CipherError) this.close(error.message);
    else this.close(error instanceof Error ? error.message : String(error));
  }

  private handle(raw: Uint8Array): Promise<void> | undefined {
    this.noteActivity();
    const message = this.parts.trace.received(raw);
    if (this.negotiated === undefined) {
      if (message.name === 'init') this.onInit(message);
      else this.close('the peer did not begin with init');
      return undefined;
    }
    switch (message.name) {
      case 'unknown':
        return receiveCustom(this.parts.handlers.custom, this, message, this.parts.log);
      case 'init': // BOLT 1 has it sent once; a second one changes nothing.
        return undefined;
      case 'ping':
        if (message.num_pong_bytes >= MAX_PONG_BYTES) return undefined;
        return this.answer({ name: 'pong', ignored: zeros(message.num_pong_bytes) });
      case 'pong':
        this.awaitingPong = false;
        this.pongs.note(message.ignored.length);
        return undefined;
      case 'warning':
        this.parts.log.warn({ text: printableText(message.data) }, 'the peer sent a warning');
        break;
    }
    return this.parts.handlers.message(this, message, raw);
  }

  private onInit(init: MessageOf<'init'>): void {
    const { features, chainHash, handlers } = this.parts;
    const theirs = joinFeatures(init.globalfeatures, init.features);
    const result = negotiate(features, theirs);
    const wrong =
      'problem' in result
        ? describeFeatureFault(result.problem)
        : init.networks !== undefined && !init.networks.some((network) => equal(network, chainHash))
          ? 'no chain in common'
          : undefined;
    if (wrong !== undefined || 'problem' in result) {
      this.warn(wrong ?? '');
      this.close(`init refused: ${wrong}`);
      return;
    }
    this.negotiated = result.agreed;
    this.remoteFeatures = theirs;
    this.stopTimer();
    this.keepAlive();
    handlers.ready(this);
  }

  private keepAlive(): void {
    this.stopTimer = this.parts.clock.after(PING_AFTER_MS, () => {
      this.checkAlive();
      if (this.ended === undefined) this.keepAlive();
    });
  }

  /** Pings a silent peer; closes the connection with one that does not answer, or does not read what is sent to it. */
  private checkAlive(): void {
    const { unsent, taken } = this.parts.stream;
    if (unsent > 0 && taken === this.takenBefore) {
      this.destroy('the peer does not read what is sent to it');
      return;
    }
    this.takenBefore = unsent > 0 ? taken : undefined;
    // While a message of the peer is being handled, more of its messages may wait unread.
    if (this.heardSincePing || this.busy) {
      this.heardSincePing = false;
      this.awaitingPong = false;
    } else if (this.awaitingPong) this.close('the peer did not answer a ping');
    else {
      this.awaitingPong = true;
      this.ping();
    }
  }
}
