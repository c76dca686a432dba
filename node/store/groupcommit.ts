/**
 * Group commit: commits that are requested while a synced write is under way are gathered into the next one. Flushing one record to
 * disk takes as long as flushing a hundred, so many steps at once are durable at little more than the cost of one.
 */
import type { Change } from '../../wire/change.ts';
import { StoreError } from './errors.ts';

/** Writes all changes, in order, all or none, and resolves when they are durable. */
export type WriteBatch = (changes: readonly Change[]) => Promise<void>;

export class GroupCommit {
  private readonly write: WriteBatch;
  private waiting: { readonly changes: readonly Change[]; resolve(): void; reject(error: StoreError): void }[] = [];
  private running: Promise<void> | undefined;
  private failure: StoreError | undefined;

  constructor(write: WriteBatch) {
    this.write = write;
  }

  /**
   * Resolves when these changes are durable. Commits keep their order, also inside one write. After a write has failed it
   * is unknown what is on disk: every later commit is refused with the same StoreError.
   */
  commit(changes: readonly Change[]): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      this.waiting.push({ changes, resolve, reject });
      this.running ??= this.run();
    });
  }

  /** Waits for the write under way and refuses all later ones. */
  async close(): Promise<void> {
    this.failure ??= new StoreError({ code: 'closed' });
    await this.running;
  }

  private async run(): Promise<void> {
    while (this.waiting.length > 0) {
      // A turn of the event loop later: everything that the same packets or the last write caused is in this group.
      await new Promise(setImmediate);
      const group = this.waiting;
      this.waiting = [];
      try {
        await this.write(group.flatMap((entry) => entry.changes));
        for (const entry of group) entry.resolve();
      } catch (error) {
        const failure =
          error instanceof StoreError
            ? error
            : new StoreError({ code: 'write_failed', reason: error instanceof Error ? error.message : String(error) });
        this.failure = failure;
        for (const entry of [...group, ...this.waiting.splice(0)]) entry.reject(failure);
      }
    }
    this.running = undefined;
  }
}
