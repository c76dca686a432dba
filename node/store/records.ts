/** Maps of typed values, one record each: reads them all, and computes the changes between two versions. */
import type { Change } from '../../wire/change.ts';
import { WireError } from '../../wire/codec.ts';
import type { Store } from '../ports/ports.ts';
import { StoreError } from './errors.ts';
import type { KeyPrefix } from './schema.ts';

/** Decodes a record's value. A WireError or RangeError of `read` becomes StoreError `corrupt`, which names the record's key. */
export const readRecord = <T>(key: string, value: Uint8Array, read: (value: Uint8Array) => T): T => {
  try {
    return read(value);
  } catch (error) {
    if (error instanceof WireError || error instanceof RangeError)
      throw new StoreError({ code: 'corrupt', key, detail: error.message });
    throw error;
  }
};

/** Every record below a prefix, by the rest of its key. Throws StoreError. */
export const loadRecords = async <T>(
  store: Store,
  prefix: KeyPrefix,
  read: (value: Uint8Array) => T,
): Promise<Map<string, T>> => {
  const out = new Map<string, T>();
  for await (const [key, value] of store.entries(prefix))
    out.set(key.slice(prefix.length), readRecord(key, value, read));
  return out;
};

/** The changes that turn the records of one version into those of the next. Values that are the same object are not encoded again. */
export const changedRecords = <T>(
  prefix: KeyPrefix,
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
  write: (value: T) => Uint8Array,
): Change[] => {
  const changes: Change[] = [];
  if (before === after) return changes;
  for (const key of before.keys()) if (!after.has(key)) changes.push({ key: prefix + key, value: undefined });
  for (const [key, value] of after)
    if (before.get(key) !== value) changes.push({ key: prefix + key, value: write(value) });
  return changes;
};
