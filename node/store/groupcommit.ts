/**
 * Group commit: while one synced write is under way, whoever else wants something kept gathers for the next. A disk flush
 * costs the same for one record as for a hundred, so this is what makes every step durable and many steps fast.
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
   * Resolves when these changes are durable. Commits keep their order, also inside one write. After a write has failed
   * nobody knows what is on the disk: every later commit is refused with the same StoreError.
   */
  commit(changes: readonly Change[]): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      this.waiting.push({ changes, resolve, reject });
      this.running ??= this.run();
    });
  }

  /** Waits for what is under way and refuses everything after. */
  async close(): Promise<void> {
    this.failure ??= new StoreError({ code: 'closed' });
    await this.running;
  }

  private async run(): Promise<void> {
    while (this.waiting.length > 0) {
      // One turn of the event loop: everyone whom the same packets or the last write woke up gets into this group.
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
