/**
 * HTLCs that are held until the program that runs the node has said whether they may be forwarded. They keep their slots in the
 * incoming channels, so there are not many of them, and none is held so long that the outgoing HTLC would come too close to its expiry.
 */
import { EXPIRY_MARGIN } from '../../channel/rules/limits.ts';
import { checkFailure, type Failure } from '../../onion/failuremessages.ts';
import { zeros } from '../../wire/bytes.ts';
import type { Clock, Log } from '../ports/ports.ts';
import type { ForwardAnswer, ForwardNote, ForwardNoteHandler } from './forwardnotes.ts';

/** HTLCs held at once: in all, and of one incoming channel. */
export const MOST_HELD = 1_000;
export const MOST_HELD_OF_CHANNEL = 100;
/** Milliseconds between two looks at the deadlines. */
const CHECK_MS = 1_000;

export interface HeldForwardsParts {
  readonly ask: ForwardNoteHandler;
  readonly height: () => number;
  /** Whether the height has been out of date for so long that no HTLC is taken any more. */
  readonly isHalted: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** For lines that senders of HTLCs can cause: few of a kind. */
  readonly limitedLog: Log;
}

/** An HTLC that the program is asked about. */
export interface AskedForward {
  /** The incoming HTLC's name, and its channel's key. */
  readonly name: string;
  readonly channel: string;
  readonly note: ForwardNote;
  /** Called once with the answer, where that did not come at once. undefined: it may go on. */
  readonly answered: (failure: Failure | undefined) => void;
}

/** How a handler that is at fault fails an HTLC. */
const broken: Failure = { name: 'temporary_node_failure' };

const isPromise = (answer: ReturnType<ForwardNoteHandler>): answer is Promise<ForwardAnswer> =>
  typeof answer === 'object' && answer !== null && 'then' in answer;

export class HeldForwards {
  private readonly parts: HeldForwardsParts;
  private readonly held = new Map<string, AskedForward>();
  private cancel: (() => void) | undefined;

  constructor(parts: HeldForwardsParts) {
    this.parts = parts;
  }

  /** Asks the program. The failure of an HTLC that may not go on; undefined for one that may; `held` where the answer is to come. */
  ask(asked: AskedForward): Failure | 'held' | undefined {
    const { name, channel, note } = asked;
    if (this.held.has(name)) return 'held';
    if (!this.hasRoomFor(channel)) {
      this.parts.limitedLog.warn(
        { channel, htlc: `${note.incoming.id}`, held: this.held.size },
        'failing back an HTLC: as many as may be held wait for an answer of the program already',
      );
      return { name: 'temporary_node_failure' };
    }
    let answer: ReturnType<ForwardNoteHandler>;
    try {
      answer = this.parts.ask(note);
    } catch (error) {
      return this.fault(asked, error);
    }
    if (!isPromise(answer)) return this.failureOf(asked, answer);
    this.held.set(name, asked);
    this.cancel ??= this.parts.clock.after(CHECK_MS, () => this.check());
    this.parts.limitedLog.debug({ channel, htlc: `${note.incoming.id}` }, 'holding an HTLC until the program answers');
    // What has a `then` need not be a promise.
    Promise.resolve(answer).then(
      (said) => this.end(asked, () => this.failureOf(asked, said)),
      (error: unknown) => this.end(asked, () => this.fault(asked, error)),
    );
    return 'held';
  }

  /** The incoming HTLC is gone: no answer about it counts. */
  forget(name: string): void {
    this.held.delete(name);
  }

  /** No answer counts any more; the channels replay the HTLCs after a restart, and the program is asked again. */
  stop(): void {
    this.held.clear();
    this.cancel?.();
    this.cancel = undefined;
  }

  /** HTLCs that are held now. */
  get size(): number {
    return this.held.size;
  }

  private hasRoomFor(channel: string): boolean {
    if (this.held.size >= MOST_HELD) return false;
    let ofChannel = 0;
    for (const one of this.held.values()) if (one.channel === channel) ofChannel++;
    return ofChannel < MOST_HELD_OF_CHANNEL;
  }

  private failureOf(asked: AskedForward, answer: ForwardAnswer): Failure | undefined {
    if (answer === undefined) return undefined;
    try {
      // A program in JavaScript may name a failure that there is none of, and one of any length.
      checkFailure(answer.refuse);
      return answer.refuse;
    } catch (error) {
      return this.fault(asked, error);
    }
  }

  private fault({ channel, note }: AskedForward, error: unknown): Failure {
    const { protocol, incoming } = note;
    this.parts.limitedLog.error(
      { channel, htlc: `${incoming.id}`, protocol, error },
      'onForwardNote of the program failed: failing back the HTLC it was asked about',
    );
    return broken;
  }

  private end(asked: AskedForward, failure: () => Failure | undefined): void {
    if (this.held.get(asked.name) !== asked) return;
    this.held.delete(asked.name);
    try {
      asked.answered(failure());
    } catch (error) {
      const { channel, note } = asked;
      this.parts.log.error(
        { internal: 'forward', channel, htlc: `${note.incoming.id}`, error },
        'internal error while an HTLC was forwarded that was held: failing it back. Please report this line',
      );
      asked.answered(broken);
    }
  }

  private check(): void {
    this.cancel = undefined;
    const { height, isHalted, limitedLog } = this.parts;
    for (const asked of this.held.values()) {
      const { incoming, outgoing } = asked.note;
      const isLate = outgoing.expiry <= height() + EXPIRY_MARGIN;
      if (!isLate && !isHalted()) continue;
      limitedLog.warn(
        { channel: asked.channel, htlc: `${incoming.id}`, expiry: outgoing.expiry },
        isLate
          ? 'the program did not answer in time about an HTLC: failing it back before it expires'
          : 'the block height is out of date: failing back an HTLC that waits for an answer of the program',
      );
      this.end(asked, () => (isLate ? { name: 'expiry_too_soon', channel_update: zeros(0) } : broken));
    }
    if (this.held.size > 0) this.cancel ??= this.parts.clock.after(CHECK_MS, () => this.check());
  }
}
