/**
 * HTLCs that arrive while the block height may be out of date: the machine was suspended, bitcoind is away or behind, or blocks are
 * still being read. An old height cannot tell whether an HTLC's expiry leaves enough time to claim it, so it waits for the current
 * one; not for long, so that its sender need not close the channel to get it back.
 */
import type { Clock, Log } from '../ports/ports.ts';

/** An HTLC that waits. */
export interface WaitingHtlc {
  /** Called when the height is current again. */
  readonly proceed: () => void;
  /** Called when the wait timed out. */
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

  /** Adds an HTLC that waits for `release`, at most `MAX_WAIT_MS`. */
  add(one: WaitingHtlc): void {
    if (this.waiting.length === 0) {
      this.log.warn({}, 'the block height may be out of date: incoming HTLCs wait up to 60 seconds for it');
      this.cancel = this.clock.after(MAX_WAIT_MS, () => this.timeOut());
    }
    this.waiting = [...this.waiting, one];
  }

  /** The height is current: processes all waiting HTLCs in order of arrival. */
  release(): void {
    for (const { proceed } of this.taken()) proceed();
  }

  /** Drops the waiting HTLCs; their channels replay them after a restart. */
  stop(): void {
    this.taken();
  }

  private timeOut(): void {
    const late = this.taken();
    this.log.warn(
      { htlcs: late.length },
      'the block height is still out of date: failing back the HTLCs that waited for it',
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
