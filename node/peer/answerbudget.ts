/**
 * A budget for the answers that a peer causes besides channel messages: pongs, errors, refusals. Each answer takes its bytes from a
 * budget that refills with time; while a peer's budget is used up, or its answers are unread, the node does not read from it.
 * Honest peers never come near the limit.
 */
import type { Clock } from '../ports/ports.ts';

/** Bytes at once: more than BOLT 1's largest pong, and the errors about a few hundred forgotten channels. */
const BURST = 256 * 1024;
/** Bytes for each second after that: eight short answers a second, or a largest pong in eight. */
const PER_SECOND = 8 * 1024;
/** Least cost of an answer in bytes: a short one is hardly less work. */
const MIN_COST = 1024;
/** Bytes of answers that may wait to be sent before the node stops reading from the peer. */
const MAX_UNSENT = 16 * 1024;

export class AnswerBudget {
  private readonly clock: Clock;
  private allowed = BURST;
  /** Milliseconds since 1970. */
  private at: number;
  private unsent = 0;
  private endPause: () => void = () => undefined;

  constructor(clock: Clock) {
    this.clock = clock;
    this.at = clock.now();
  }

  /** Charges a queued answer, which has left once `sent` resolves. The node reads from the peer again once the result resolves. */
  charge(bytes: number, sent: Promise<void>): Promise<void> | undefined {
    this.unsent += bytes;
    const taken = sent.then(() => {
      this.unsent -= bytes;
    });
    const now = this.clock.now();
    // A clock that was set back adds and removes nothing.
    const more = (Math.max(0, now - this.at) * PER_SECOND) / 1000;
    this.at = now;
    this.allowed = Math.min(BURST, this.allowed + more) - Math.max(MIN_COST, bytes);
    if (this.allowed >= 0) return this.unsent > MAX_UNSENT ? taken : undefined;
    return Promise.all([taken, this.pause((-this.allowed * 1000) / PER_SECOND)]).then(() => undefined);
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.clock.after(ms, resolve);
      this.endPause = () => {
        cancel();
        resolve();
      };
    });
  }

  /** The connection has ended: all waits resolve. */
  end(): void {
    this.endPause();
  }
}
