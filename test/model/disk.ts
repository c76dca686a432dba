/**
 * A disk that writes when it is told. What a process commits lies in a queue, becomes durable in its order, and is forgotten
 * when the process dies first: a restart finds exactly what a power cut would have left.
 */
import type { Store } from '../../node/ports/ports.ts';
import type { Change } from '../../wire/change.ts';

interface Pending {
  readonly changes: readonly Change[];
  readonly done: () => void;
}

export class Disk {
  readonly durable: Map<string, Uint8Array>;
  private queue: Pending[] = [];
  private mounts = 0;

  private readonly written: (change: Change) => void;

  /** `written` is told of every change as it becomes durable. */
  constructor(records: ReadonlyMap<string, Uint8Array>, written: (change: Change) => void) {
    this.durable = new Map(records);
    this.written = written;
  }

  /** Commits that are not durable. */
  get pending(): number {
    return this.queue.length;
  }

  private write(count: number): readonly Pending[] {
    const commits = this.queue.splice(0, count);
    for (const { changes } of commits)
      for (const change of changes) {
        const { key, value } = change;
        if (value === undefined) this.durable.delete(key);
        else this.durable.set(key, Uint8Array.from(value));
        this.written(change);
      }
    return commits;
  }

  /** Makes the oldest commits durable. */
  flush(count: number): void {
    for (const { done } of this.write(count)) done();
  }

  /** The same, and nobody will ever know. */
  tear(count: number): void {
    this.write(count);
  }

  /** What is on the disk is replaced. */
  restore(records: ReadonlyMap<string, Uint8Array>): void {
    this.crash();
    this.durable.clear();
    for (const [key, value] of records) this.durable.set(key, value);
  }

  /** Drops what is not durable, and whoever holds the store writes no more. */
  crash(): void {
    this.mounts++;
    this.queue = [];
  }

  /** The disk as one process sees it, until `crash`. */
  store(): Store {
    const mount = this.mounts;
    const dead = (): boolean => mount !== this.mounts;
    const never = new Promise<never>(() => undefined);
    const { durable } = this;
    return {
      get: async (key) => durable.get(key),
      entries: async function* (prefix, after = '') {
        const keys = [...durable.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
        for (const key of keys) {
          const value = durable.get(key);
          if (value !== undefined) yield [key, value] as const;
        }
      },
      last: async (prefix) =>
        [...durable.keys()]
          .filter((key) => key.startsWith(prefix))
          .sort()
          .at(-1),
      commit: (changes) => {
        if (dead()) return never;
        return new Promise((resolve) => this.queue.push({ changes, done: resolve }));
      },
      close: async () => undefined,
    };
  }
}
