/** The Store port over LevelDB. One directory, one process at a time; commits are synced to disk before they resolve. */
import { ClassicLevel } from 'classic-level';
import { makeFolder } from '../base/files.ts';
import { FileError } from '../base/fileserror.ts';
import type { Store } from '../ports/ports.ts';
import { StoreError } from './errors.ts';
import { GroupCommit } from './groupcommit.ts';

/** LevelDB's default block cache and write buffer are 8 and 4 MB; a larger buffer makes compactions rarer. */
const writeBufferSize = 16 * 1024 * 1024;

const reasonOf = (error: unknown): { code: string | undefined; message: string } => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const { code, message } = cause as NodeJS.ErrnoException;
  return { code, message };
};

const faultOf = (error: unknown): StoreError => {
  const { code, message } = reasonOf(error);
  if (code === 'LEVEL_CORRUPTION') return new StoreError({ code: 'corrupt_files', detail: message });
  if (code === 'LEVEL_DATABASE_NOT_OPEN' || code === 'LEVEL_ITERATOR_NOT_OPEN')
    return new StoreError({ code: 'closed' });
  return new StoreError({ code: 'write_failed', reason: message });
};

/** As a plain Uint8Array: LevelDB returns Buffers, whose `slice` does not copy. */
const plain = (value: Uint8Array): Uint8Array => new Uint8Array(value.buffer, value.byteOffset, value.byteLength);

const openError = (path: string, error: unknown): StoreError => {
  const { code, message } = reasonOf(error);
  if (code === 'LEVEL_LOCKED') return new StoreError({ code: 'locked', path });
  if (code === 'LEVEL_CORRUPTION') return new StoreError({ code: 'corrupt_files', detail: message });
  return new StoreError({ code: 'cannot_open', path, reason: message });
};

/** Opens the store in that directory, which is created where there is none. Throws StoreError. */
export const levelStore = async (path: string): Promise<Store> => {
  const db = new ClassicLevel<string, Uint8Array>(path, {
    keyEncoding: 'utf8',
    valueEncoding: 'view',
    writeBufferSize,
  });
  try {
    await makeFolder(path);
    await db.open();
  } catch (error) {
    throw error instanceof FileError
      ? new StoreError({ code: 'cannot_open', path, reason: error.fault.reason })
      : openError(path, error);
  }
  const group = new GroupCommit((changes) =>
    db.batch(
      changes.map(({ key, value }) => (value === undefined ? { type: 'del', key } : { type: 'put', key, value })),
      { sync: true },
    ),
  );
  return {
    get: async (key) => {
      try {
        const value = await db.get(key);
        return value && plain(value);
      } catch (error) {
        throw faultOf(error);
      }
    },
    entries: async function* (prefix, after) {
      // Keys are ASCII: the highest one below a prefix sorts before the prefix followed by U+FFFF.
      const from = after !== undefined && after >= prefix ? { gt: after } : { gte: prefix };
      try {
        for await (const [key, value] of db.iterator({ ...from, lt: `${prefix}\uffff` }))
          yield [key, plain(value)] as const;
      } catch (error) {
        throw faultOf(error);
      }
    },
    last: async (prefix) => {
      try {
        const [key] = await db.keys({ gte: prefix, lt: `${prefix}\uffff`, reverse: true, limit: 1 }).all();
        return key;
      } catch (error) {
        throw faultOf(error);
      }
    },
    commit: (changes) => group.commit(changes),
    close: async () => {
      await group.close();
      await db.close();
    },
  };
};
