/**
 * Rate limit for failing back HTLCs, per incoming channel. A failing HTLC costs its sender nothing, and us a signature, a write and a
 * revocation in each direction, so failures beyond a burst are delayed. A delayed HTLC keeps its slot in the channel: no more can wait
 * than `max_accepted_htlcs`, and all of them are failed long before their expiry.
 */
import type { Clock, Log } from '../ports/ports.ts';

/** Burst: as many as a channel can hold, for a payment of many parts or a peer that was away for long. */
const BURST = 483;
/** Milliseconds between two failures beyond the burst: twenty a second. */
const INTERVAL_MS = 50;
/** Milliseconds between two log lines about the same channel. */
const LOG_INTERVAL_MS = 60_000;
/** Number of channels above which idle ones are dropped. */
const MAX_CHANNELS = 1024;

interface ChannelQueue {
  /** When the failures so far would be paid off at one every `EVERY_MS`; milliseconds. */
  busyUntil: number;
  /** When the last log line about this channel was written, milliseconds. */
  loggedAt: number;
  readonly waiting: (() => void)[];
}

export class FailureRateLimit {
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly queues = new Map<string, ChannelQueue>();
  private readonly cancels = new Set<() => void>();
  private stopped = false;

  constructor(clock: Clock, log: Log) {
    this.clock = clock;
    this.log = log;
  }

  /** Calls `fail` for an HTLC of this channel: at once, or when the rate limit allows it. */
  run(channel: string, fail: () => void): void {
    if (this.stopped) return;
    const line = this.queueOf(channel);
    if (line.waiting.length > 0) line.waiting.push(fail);
    else if (this.takeToken(line)) fail();
    else {
      this.logDelay(channel, line);
      line.waiting.push(fail);
      this.runLater(line);
    }
  }

  /** Number of delayed failures. */
  get waiting(): number {
    let sum = 0;
    for (const { waiting } of this.queues.values()) sum += waiting.length;
    return sum;
  }

  /** Drops the delayed failures; the channels replay their HTLCs after a restart. */
  stop(): void {
    this.stopped = true;
    for (const cancel of this.cancels) cancel();
    this.cancels.clear();
    this.queues.clear();
  }

  private queueOf(channel: string): ChannelQueue {
    const known = this.queues.get(channel);
    if (known !== undefined) return known;
    const now = this.clock.now();
    if (this.queues.size >= MAX_CHANNELS)
      for (const [name, { busyUntil, waiting }] of this.queues)
        if (busyUntil <= now && waiting.length === 0) this.queues.delete(name);
    const line = { busyUntil: now, loggedAt: Number.NEGATIVE_INFINITY, waiting: [] };
    this.queues.set(channel, line);
    return line;
  }

  private logDelay(channel: string, line: ChannelQueue): void {
    const now = this.clock.now();
    if (now < line.loggedAt + LOG_INTERVAL_MS) return;
    line.loggedAt = now;
    this.log.info({ channel }, 'HTLCs of a peer fail faster than 20 per second: delaying their failures');
  }

  /** Whether one more may be failed now. */
  private takeToken(line: ChannelQueue): boolean {
    const now = this.clock.now();
    // A clock that was set back must not extend the delay.
    const owed = Math.min(Math.max(line.busyUntil, now), now + BURST * INTERVAL_MS);
    if (owed + INTERVAL_MS > now + BURST * INTERVAL_MS) return false;
    line.busyUntil = owed + INTERVAL_MS;
    return true;
  }

  private runLater(line: ChannelQueue): void {
    const cancel = this.clock.after(INTERVAL_MS, () => {
      this.cancels.delete(cancel);
      try {
        while (line.waiting.length > 0 && this.takeToken(line)) line.waiting.shift()?.();
      } finally {
        if (line.waiting.length > 0) this.runLater(line);
      }
    });
    this.cancels.add(cancel);
  }
}
