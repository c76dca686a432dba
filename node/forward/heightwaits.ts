/**
 * HTLCs that arrive while nobody can say how high the chain is: the machine slept, bitcoind is away or behind, blocks are still being
 * followed. Whether one leaves enough time to be claimed cannot be told by a height that is past, so it waits for the right one;
 * not for long, lest whoever sent it must close the channel to have it back.
 */
import type { Clock, Log } from '../ports/ports.ts';

/** An HTLC that waits. */
export interface Waiting {
  /** The height is known again. */
  readonly go: () => void;
  /** It took too long. */
  readonly giveUp: () => void;
}

/** Milliseconds that an HTLC waits: bitcoind may be started again meanwhile. */
const LONGEST_MS = 60_000;

export class Held {
  private readonly clock: Clock;
  private readonly log: Log;
  private waiting: readonly Waiting[] = [];
  private cancel: () => void = () => undefined;

  constructor(clock: Clock, log: Log) {
    this.clock = clock;
    this.log = log;
  }

  /** Has one wait for `release`, or for the end of its time. */
  keep(one: Waiting): void {
    if (this.waiting.length === 0) {
      this.log.warn({}, 'the height of the chain is not known for certain: HTLCs that arrive wait for it');
      this.cancel = this.clock.after(LONGEST_MS, () => this.giveUp());
    }
    this.waiting = [...this.waiting, one];
  }

  /** The height is known: all that wait are dealt with, in the order in which they came. */
  release(): void {
    for (const { go } of this.taken()) go();
  }

  /** Nothing is done any more about those that wait; after a restart they come again. */
  stop(): void {
    this.taken();
  }

  private giveUp(): void {
    const late = this.taken();
    this.log.warn(
      { htlcs: late.length },
      'the height of the chain is still not known: HTLCs that waited for it go back',
    );
    for (const { giveUp } of late) giveUp();
  }

  private taken(): readonly Waiting[] {
    const { waiting } = this;
    this.waiting = [];
    this.cancel();
    return waiting;
  }
}
