/**
 * The last wire messages, for whoever follows them live by asking again and again. They are kept while somebody asks; of a reader that
 * is too slow, the oldest go, and it is told how many.
 */
import type { Clock } from '../ports/ports.ts';
import type { WireTap } from './wiretaps.ts';

/** Messages, and bytes of them, that are kept at most. */
const MOST_MESSAGES = 5_000;
const MOST_BYTES = 8 * 1024 * 1024;
/** Milliseconds after the last question until nothing is kept any more. */
const KEPT_FOR = 90_000;
/** Bytes of messages in one answer, at most; one is always given. */
const MOST_ANSWER = 256 * 1024;

/** A message as it crossed the wire. */
export interface FeedMessage {
  readonly time: number;
  readonly direction: 'in' | 'out';
  readonly peer: string;
  readonly raw: Uint8Array;
}

export class TraceFeed {
  private readonly clock: Clock;
  private kept: FeedMessage[] = [];
  private bytes = 0;
  /** The number of the first message that is kept, and of the next one to come. */
  private first = 0;
  private following = 0;
  private isKeeping = false;
  private isStopped = false;
  private stopKeeping: () => void = () => undefined;
  private readonly waiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** To be called with every message of the node. */
  readonly note: WireTap = (direction, peer, raw) => {
    this.following++;
    if (!this.isKeeping) return;
    this.kept.push({ time: this.clock.now(), direction, peer, raw });
    this.bytes += raw.length;
    while (this.kept.length > MOST_MESSAGES || this.bytes > MOST_BYTES) this.dropOldest();
    for (const tell of this.waiting) tell();
  };

  private dropOldest(): void {
    this.bytes -= this.kept.shift()?.raw.length ?? 0;
    this.first++;
  }

  /** Readers that wait. */
  get readers(): number {
    return this.waiting.size;
  }

  /** Keeps messages from now on, or goes on keeping them. Returns the number of the next one. */
  follow(): number {
    this.stopKeeping();
    this.stopKeeping = this.clock.after(KEPT_FOR, () => {
      this.isKeeping = false;
      [this.kept, this.bytes] = [[], 0];
    });
    if (!this.isKeeping) this.first = this.following;
    this.isKeeping = true;
    return this.following;
  }

  /**
   * Messages from number `after` on, so many at most, of one peer alone if one is named; the number to go on with; and how many messages
   * of all peers were missed.
   */
  read(
    after: number,
    most: number,
    peer?: string,
  ): { readonly messages: readonly FeedMessage[]; readonly next: number; readonly missed: number } {
    const from = Math.min(Math.max(after, this.first), this.following);
    const messages: FeedMessage[] = [];
    let next = from;
    let bytes = 0;
    for (const message of this.kept.slice(from - this.first)) {
      if (peer === undefined || message.peer === peer) {
        bytes += message.raw.length;
        if (messages.length > 0 && (messages.length >= most || bytes > MOST_ANSWER)) break;
        messages.push(message);
      }
      next++;
    }
    return { messages, next, missed: Math.max(0, from - after) };
  }

  /** Resolves when a message comes, or once the signal says that nobody waits any more. */
  changed(until: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        this.waiting.delete(end);
        until.removeEventListener('abort', end);
        resolve();
      };
      this.waiting.add(end);
      until.addEventListener('abort', end, { once: true });
      if (until.aborted || this.isStopped) end();
    });
  }

  /** Whether the node stops: no message comes any more. */
  get stopped(): boolean {
    return this.isStopped;
  }

  /** Nothing is kept any more; whoever waits is told. */
  stop(): void {
    this.isStopped = true;
    this.stopKeeping();
    this.isKeeping = false;
    for (const tell of this.waiting) tell();
  }
}
