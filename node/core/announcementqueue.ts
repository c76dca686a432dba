/**
 * Announcements of a peer, handled one after the other, each of which may wait for the chain; the peer's channels and other peers go
 * on meanwhile. Those that came together have their signatures checked together, while the ones before them are handled. A peer
 * that announces faster than that is not read from.
 */
import type { ReceivedAnnouncement, Verdict } from '../graph/signaturebatch.ts';

/** Bytes of queued announcements from which on a peer is not read from, and below which it is again. */
const MAX_QUEUED_BYTES = 64 * 1024;
const LOW_BYTES = MAX_QUEUED_BYTES / 2;
/** Most announcements that are checked together. */
const MOST_TOGETHER = 100;

export interface AnnouncementQueueParts {
  /** Checks signatures together; never rejects but for bugs. */
  readonly check: (batch: readonly ReceivedAnnouncement[]) => Promise<readonly (Verdict | undefined)[]>;
  /** Handles one; false: the rest is dropped. */
  readonly handle: (one: ReceivedAnnouncement, verdict: Verdict | undefined) => Promise<boolean>;
  /** Lets others have their turn. */
  readonly nextTurn: () => Promise<void>;
  readonly onError: (error: unknown, one: ReceivedAnnouncement) => void;
}

/** Some that are checked together. */
interface Batch {
  readonly items: readonly ReceivedAnnouncement[];
  readonly verdicts: Promise<readonly (Verdict | undefined)[]>;
}

export class AnnouncementQueue {
  private readonly parts: AnnouncementQueueParts;
  private waiting: ReceivedAnnouncement[] = [];
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
    if (this.bytes < MAX_QUEUED_BYTES) return undefined;
    return new Promise((resolve) => this.onLow.push(resolve));
  }

  private async run(): Promise<void> {
    // What arrived in the same turn is taken together.
    await this.parts.nextTurn();
    for (let batch = this.take(); batch !== undefined; ) {
      const verdicts = await batch.verdicts;
      // The next are checked while these are handled.
      const following = this.take();
      for (const [at, one] of batch.items.entries()) {
        await this.handle(one, verdicts[at]);
        this.bytes -= one.raw.length;
        if (this.bytes <= LOW_BYTES) for (const resolve of this.onLow.splice(0)) resolve();
        await this.parts.nextTurn();
      }
      batch = following ?? this.take();
    }
    this.running = undefined;
  }

  private take(): Batch | undefined {
    const items = this.waiting.splice(0, MOST_TOGETHER);
    if (items.length === 0) return undefined;
    return { items, verdicts: this.verdictsOf(items) };
  }

  /** Where they cannot be checked together, each is checked as it is handled. */
  private async verdictsOf(items: Batch['items']): Promise<readonly (Verdict | undefined)[]> {
    try {
      return this.isOver ? [] : await this.parts.check(items);
    } catch {
      return [];
    }
  }

  private async handle(one: ReceivedAnnouncement, verdict: Verdict | undefined): Promise<void> {
    if (this.isOver) return;
    try {
      this.isOver = !(await this.parts.handle(one, verdict));
    } catch (error) {
      this.isOver = true;
      this.parts.onError(error, one);
    }
  }
}
