/** The Store port in memory, for tests and temporary nodes: with the same order, atomicity and group commit as the one on disk. */
import type { Change } from '../../wire/change.ts';
import type { Store } from '../ports/ports.ts';
import { StoreError } from './errors.ts';
import { GroupCommit, type WriteBatch } from './groupcommit.ts';

/** A store over a map, which outlives the store as a disk does. `write` may replace the write to the map. */
export const memoryStore = (records = new Map<string, Uint8Array>(), write?: WriteBatch): Store => {
  let closed = false;
  const open = (): void => {
    if (closed) throw new StoreError({ code: 'closed' });
  };
  const apply = async (changes: readonly Change[]): Promise<void> => {
    await write?.(changes);
    for (const { key, value } of changes) {
      if (value === undefined) records.delete(key);
      else records.set(key, Uint8Array.from(value));
    }
  };
  const group = new GroupCommit(apply);
  return {
    get: async (key) => {
      open();
      return records.get(key);
    },
    entries: async function* (prefix, after = '') {
      open();
      const keys = [...records.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
      for (const key of keys) {
        open();
        const value = records.get(key);
        if (value !== undefined) yield [key, value] as const;
      }
    },
    last: async (prefix) => {
      open();
      return [...records.keys()]
        .filter((key) => key.startsWith(prefix))
        .sort()
        .at(-1);
    },
    commit: (changes) => group.commit(changes),
    close: async () => {
      await group.close();
      closed = true;
    },
  };
};
