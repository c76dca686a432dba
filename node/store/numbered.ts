/**
 * Records with consecutive numbers, of which a node may have very many. Only those that can still change, or are not durable yet, are
 * in memory; the others are read from the store on demand, by number or in order from a number on.
 */
import { u64be } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { decode, u64 } from '../../wire/codec.ts';
import type { Store } from '../ports/ports.ts';
import { readRecord } from './records.ts';
import type { KeyPrefix } from './schema.ts';

/** A number as part of a key: 16 hex digits, so that keys sort by number. */
export const numberText = (n: bigint): string => n.toString(16).padStart(16, '0');
/** The number at the end of a key. */
export const numberIn = (key: string): bigint => BigInt(`0x${key.slice(-16)}`);

/** The numbers at the end of the keys below a prefix, lowest first. Throws StoreError. */
export async function* numbersBelow(store: Store, prefix: KeyPrefix, from = 0n): AsyncGenerator<bigint> {
  const after = from === 0n ? undefined : prefix + numberText(from - 1n);
  for await (const [key] of store.entries(prefix, after)) yield numberIn(key);
}

/** The highest number that records of a kind had when one of them was deleted: it is never given again, though no record may have it. */
const HIGHEST = 'highest/';

/** The change that belongs to every deletion of a numbered record: `highest` is the highest number given so far below the prefix. */
export const highestGiven = (prefix: KeyPrefix, highest: bigint): Change => ({
  key: HIGHEST + prefix.slice(0, -1),
  value: u64be(highest),
});

/** The highest number given so far below a prefix, also where that record was deleted; 0 where there was none. Throws StoreError. */
export const lastNumber = async (store: Store, prefix: KeyPrefix): Promise<bigint> => {
  const last = await store.last(prefix);
  const found = last === undefined ? 0n : numberIn(last);
  const key = HIGHEST + prefix.slice(0, -1);
  const value = await store.get(key);
  const given = value === undefined ? 0n : readRecord(key, value, (bytes) => decode(u64, bytes));
  return given > found ? given : found;
};

export class Numbered<T> {
  /** By number: these take precedence over what the store has. */
  readonly inMemory = new Map<bigint, T>();
  private readonly store: Store;
  private readonly prefix: KeyPrefix;
  private readonly read: (value: Uint8Array) => T;

  /** `read` throws WireError for bytes that are not such a record. */
  constructor(store: Store, prefix: KeyPrefix, read: (value: Uint8Array) => T) {
    this.store = store;
    this.prefix = prefix;
    this.read = read;
  }

  key(n: bigint): string {
    return this.prefix + numberText(n);
  }

  /** The highest number given so far; 0 where there was none. Throws StoreError. */
  last(): Promise<bigint> {
    return lastNumber(this.store, this.prefix);
  }

  /** The record with this number. Throws StoreError. */
  async get(n: bigint): Promise<T | undefined> {
    const record = this.inMemory.get(n);
    if (record !== undefined) return record;
    const value = await this.store.get(this.key(n));
    return value && readRecord(this.key(n), value, this.read);
  }

  /** Records from number `first` on, lowest first. Records added while listing may be missing. Throws StoreError. */
  async *list(first: bigint): AsyncGenerator<T> {
    const numbers = [...this.inMemory.keys()].filter((n) => n >= first).sort((a, b) => (a < b ? -1 : 1));
    let next = first;
    const after = first === 0n ? undefined : this.key(first - 1n);
    for await (const [key, value] of this.store.entries(this.prefix, after)) {
      const n = numberIn(key);
      yield this.inMemory.get(n) ?? readRecord(key, value, this.read);
      next = n + 1n;
    }
    // Records that are not durable yet have higher numbers than all durable ones.
    for (const n of numbers) {
      const record = n < next ? undefined : await this.get(n);
      if (record !== undefined) yield record;
    }
  }
}
