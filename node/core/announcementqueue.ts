/**
 * Announcements of a peer, handled one after the other, each of which may wait for the chain; the peer's channels and other peers go
 * on meanwhile. Those that came together have their signatures checked together, while the ones before them are handled: several
 * batches at once, so that the thread that checks them need not wait for this one. A peer that announces faster than that is not
 * read from.
 */
import type { Checked } from '../graph/fundinglookups.ts';
import type { ReceivedAnnouncement } from '../graph/signaturebatch.ts';

/**
 * Bytes of queued announcements from which on a peer is not read from; it is again once half of them are handled. What waits longer than a
 * moment leaves the young part of the heap, which then grows for nothing: so they are few.
 */
const MAX_QUEUED_BYTES = 32 * 1024;
/** Most announcements that are checked together. */
export const MOST_TOGETHER = 25;
/** Most batches that are being checked, or wait to be handled after it. */
const MOST_AHEAD = 2;

export interface AnnouncementQueueParts {
  /** Checks signatures together; never rejects but for bugs. */
  readonly check: (batch: readonly ReceivedAnnouncement[]) => Promise<readonly (Checked | undefined)[]>;
  /** Handles one; false: the rest is dropped. */
  readonly handle: (one: ReceivedAnnouncement, verdict: Checked | undefined) => Promise<boolean>;
  /** Lets others have their turn. */
  readonly nextTurn: () => Promise<void>;
  readonly onError: (error: unknown, one: ReceivedAnnouncement) => void;
}

/** Some that are checked together. */
interface Batch {
  readonly items: readonly ReceivedAnnouncement[];
  readonly verdicts: Promise<readonly (Checked | undefined)[]>;
}

export class AnnouncementQueue {
  private readonly parts: AnnouncementQueueParts;
  private waiting: ReceivedAnnouncement[] = [];
  private readonly checking: Batch[] = [];
  private bytes = 0;
  private isOver = false;
  private running: Promise<void> | undefined;
  private onLow: (() => void)[] = [];

  constructor(parts: AnnouncementQueueParts) {
    this.parts = parts;
  }

  /** Resolves once all that was added so far, and meanwhile, is handled. */
  get handled(): Promise<void> {
    return this.running ?? Promise.resolve();
  }

  /** Adds an announcement. The peer is read from again once the result resolves. */
  add(one: ReceivedAnnouncement): Promise<void> | undefined {
    this.waiting.push(one);
    this.bytes += one.raw.length;
    this.running ??= this.run();
    this.checkFull();
    if (this.bytes < MAX_QUEUED_BYTES) return undefined;
    return new Promise((resolve) => this.onLow.push(resolve));
  }

  private async run(): Promise<void> {
    // What arrived in the same turn is taken together.
    await this.parts.nextTurn();
    for (let batch = this.next(); batch !== undefined; batch = this.next()) {
      const verdicts = await batch.verdicts;
      // The next are checked while these are handled.
      if (this.checking.length === 0 && this.waiting.length > 0) this.checking.push(this.take());
      for (const [at, one] of batch.items.entries()) {
        await this.handle(one, verdicts[at]);
        this.bytes -= one.raw.length;
        if (this.bytes <= MAX_QUEUED_BYTES / 2) for (const resolve of this.onLow.splice(0)) resolve();
        await this.parts.nextTurn();
      }
      this.checkFull();
    }
    this.running = undefined;
  }

  /** The batch that is to be handled next; undefined when nothing waits. */
  private next(): Batch | undefined {
    return this.checking.shift() ?? (this.waiting.length > 0 ? this.take() : undefined);
  }

  /** Has full batches checked ahead; what does not fill one gathers until it is needed. */
  private checkFull(): void {
    while (this.checking.length < MOST_AHEAD && this.waiting.length >= MOST_TOGETHER) this.checking.push(this.take());
  }

  private take(): Batch {
    const items = this.waiting.splice(0, MOST_TOGETHER);
    return { items, verdicts: this.verdictsOf(items) };
  }

  /** Where they cannot be checked together, each is checked as it is handled. */
  private async verdictsOf(items: Batch['items']): Promise<readonly (Checked | undefined)[]> {
    try {
      return this.isOver ? [] : await this.parts.check(items);
    } catch {
      return [];
    }
  }

  private async handle(one: ReceivedAnnouncement, verdict: Checked | undefined): Promise<void> {
    if (this.isOver) return;
    try {
      this.isOver = !(await this.parts.handle(one, verdict));
    } catch (error) {
      this.isOver = true;
      this.parts.onError(error, one);
    }
  }
}
