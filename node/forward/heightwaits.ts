/**
 * HTLCs that arrive while nobody can say how high the chain is: the machine slept, bitcoind is away or behind, blocks are still being
 * followed. Whether one leaves enough time to be claimed cannot be told by a height that is past, so it waits for the right one;
 * not for long, lest whoever sent it must close the channel to have it back.
 */
import type { Clock, Log } from '../ports/ports.ts';

/** An HTLC that waits. */
export interface WaitingHtlc {
  /** The height is known again. */
  readonly proceed: () => void;
  /** It took too long. */
  readonly fail: () => void;
}

/** Milliseconds that an HTLC waits: bitcoind may be started again meanwhile. */
const MAX_WAIT_MS = 60_000;

export class HeightWaits {
  private readonly clock: Clock;
  private readonly log: Log;
  private waiting: readonly WaitingHtlc[] = [];
  private cancel: () => void = () => undefined;

  constructor(clock: Clock, log: Log) {
    this.clock = clock;
    this.log = log;
  }

  /** Has one wait for `release`, or for the end of its time. */
  add(one: WaitingHtlc): void {
    if (this.waiting.length === 0) {
      this.log.warn({}, 'the height of the chain is not known for certain: HTLCs that arrive wait for it');
      this.cancel = this.clock.after(MAX_WAIT_MS, () => this.timeOut());
    }
    this.waiting = [...this.waiting, one];
  }

  /** The height is known: all that wait are dealt with, in the order in which they came. */
  release(): void {
    for (const { proceed } of this.taken()) proceed();
  }

  /** Nothing is done any more about those that wait; after a restart they come again. */
  stop(): void {
    this.taken();
  }

  private timeOut(): void {
    const late = this.taken();
    this.log.warn(
      { htlcs: late.length },
      'the height of the chain is still not known: HTLCs that waited for it go back',
    );
    for (const { fail } of late) fail();
  }

  private taken(): readonly WaitingHtlc[] {
    const { waiting } = this;
    this.waiting = [];
    this.cancel();
    return waiting;
  }
}
