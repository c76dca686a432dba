/**
 * How fast the HTLCs of a channel's peer are failed back. A failing HTLC costs its sender nothing, and us a signature, a save and a
 * revocation each way; so a peer whose HTLCs fail by the hundred waits for them. What waits keeps its slot in the channel, which is
 * why no more can wait than the channel has slots; and a slot is free again long before an expiry comes near.
 */
import type { Clock, Log } from '../ports/ports.ts';

/** As many as a channel can hold fail at once: a payment of many parts, or a peer that is back after a while. */
const AT_ONCE = 483;
/** Milliseconds between two failures from then on: twenty a second. */
const EVERY_MS = 50;
/** Milliseconds between two lines about the same channel. */
const TELL_EVERY_MS = 60_000;
/** Channels of which the pace is known before those are looked for that are at rest. */
const MOST_KNOWN = 1024;

interface Line {
  /** When all that was failed would have been, one every `EVERY_MS`; milliseconds. */
  owed: number;
  /** When it was last told that some wait, milliseconds. */
  told: number;
  readonly waiting: (() => void)[];
}

export class Pace {
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly lines = new Map<string, Line>();
  private readonly cancels = new Set<() => void>();
  private stopped = false;

  constructor(clock: Clock, log: Log) {
    this.clock = clock;
    this.log = log;
  }

  /** Runs what fails an HTLC of this channel: at once, or when its turn comes. */
  run(channel: string, fail: () => void): void {
    if (this.stopped) return;
    const line = this.lineOf(channel);
    if (line.waiting.length > 0) line.waiting.push(fail);
    else if (this.take(line)) fail();
    else {
      this.tell(channel, line);
      line.waiting.push(fail);
      this.later(line);
    }
  }

  /** How many failures wait. */
  get waiting(): number {
    let sum = 0;
    for (const { waiting } of this.lines.values()) sum += waiting.length;
    return sum;
  }

  /** Nothing is done any more about those that wait; after a restart they come again. */
  stop(): void {
    this.stopped = true;
    for (const cancel of this.cancels) cancel();
    this.cancels.clear();
    this.lines.clear();
  }

  private lineOf(channel: string): Line {
    const known = this.lines.get(channel);
    if (known !== undefined) return known;
    const now = this.clock.now();
    if (this.lines.size >= MOST_KNOWN)
      for (const [name, { owed, waiting }] of this.lines)
        if (owed <= now && waiting.length === 0) this.lines.delete(name);
    const line = { owed: now, told: Number.NEGATIVE_INFINITY, waiting: [] };
    this.lines.set(channel, line);
    return line;
  }

  private tell(channel: string, line: Line): void {
    const now = this.clock.now();
    if (now < line.told + TELL_EVERY_MS) return;
    line.told = now;
    this.log.info({ channel }, 'HTLCs of a peer fail faster than twenty a second: their failures wait their turn');
  }

  /** Whether one more may be failed now. */
  private take(line: Line): boolean {
    const now = this.clock.now();
    // A clock that was set back makes nobody wait for what it lost.
    const owed = Math.min(Math.max(line.owed, now), now + AT_ONCE * EVERY_MS);
    if (owed + EVERY_MS > now + AT_ONCE * EVERY_MS) return false;
    line.owed = owed + EVERY_MS;
    return true;
  }

  private later(line: Line): void {
    const cancel = this.clock.after(EVERY_MS, () => {
      this.cancels.delete(cancel);
      try {
        while (line.waiting.length > 0 && this.take(line)) line.waiting.shift()?.();
      } finally {
        if (line.waiting.length > 0) this.later(line);
      }
    });
    this.cancels.add(cancel);
  }
}
