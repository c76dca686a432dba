/**
 * What a peer has a node say beside what its channels need: pongs, errors, refusals. Each answer takes its bytes from an allowance
 * that fills up with time; whoever has used up its own, or leaves answers unread, is not read from meanwhile. Honest peers never
 * come near it.
 */
import type { Clock } from '../ports/ports.ts';

/** Bytes at once: more than BOLT 1's largest pong, and the errors about a few hundred forgotten channels. */
const BURST = 256 * 1024;
/** Bytes for each second after that: eight short answers a second, or a largest pong in eight. */
const PER_SECOND = 8 * 1024;
/** What an answer costs at least: the work for a short one is hardly less. */
const MIN_COST = 1024;
/** Bytes of answers that may wait to be sent while the peer is read from. */
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

  /** An answer of so many bytes is queued, and on its way once `sent` resolves. What to wait for before the peer is read again. */
  charge(bytes: number, sent: Promise<void>): Promise<void> | undefined {
    this.unsent += bytes;
    const taken = sent.then(() => {
      this.unsent -= bytes;
    });
    const now = this.clock.now();
    // A clock set back gives nothing and takes nothing.
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

  /** The connection has ended: nothing is waited for any more. */
  end(): void {
    this.endPause();
  }
}
