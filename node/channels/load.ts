/**
 * Reads the records of all channels at the start. Skipped are records of resolved HTLCs, which grow with every payment and are needed only
 * if a revoked commitment is published, and channels that are closed.
 */
import { PAST_PREFIX, restore } from '../../channel/model/persist.ts';
import type { Closed } from '../../channel/model/state.ts';
import type { Change } from '../../wire/change.ts';
import type { Store } from '../ports/ports.ts';
import { readRecord } from '../store/records.ts';
import { CHANNELS } from './onchain.ts';

/** A mark for each closed channel; its records stay. */
const OVER = 'over/';

/** The record of a closed channel. */
export const overMark = (key: string): Change => ({ key: OVER + key, value: new Uint8Array() });

/** Keys that sort behind all records of a channel, and behind those of its resolved HTLCs: '0' is the character after '/'. */
const afterAll = (key: string): string => `${CHANNELS}${key}0`;
const afterPast = (key: string): string => `${CHANNELS}${key}/${PAST_PREFIX.slice(0, -1)}0`;

/** A channel's records without those of its resolved HTLCs, by their keys within the channel. Throws StoreError. */
const recordsOf = async (store: Store, key: string): Promise<ReadonlyMap<string, Uint8Array>> => {
  const prefix = `${CHANNELS}${key}/`;
  const found = new Map<string, Uint8Array>();
  for (let after: string | undefined, more = true; more; ) {
    more = false;
    for await (const [whole, value] of store.entries(prefix, after)) {
      const name = whole.slice(prefix.length);
      if (name.startsWith(PAST_PREFIX)) {
        after = afterPast(key);
        more = true;
        break;
      }
      found.set(name, value);
    }
  }
  return found;
};

/** The closed channels, read from their records one at a time. Throws StoreError. */
export async function* closedChannels(store: Store): AsyncGenerator<Closed> {
  for await (const [mark] of store.entries(OVER)) {
    const key = mark.slice(OVER.length);
    const records = await recordsOf(store, key);
    const state = readRecord(`${CHANNELS}${key}/phase`, new Uint8Array(), () => restore(records));
    if (state.phase === 'closed') yield state;
  }
}

/** Each channel's records, by their keys within the channel. Throws StoreError. */
export const loadChannelRecords = async (
  store: Store,
): Promise<ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>> => {
  const over = new Set<string>();
  for await (const [mark] of store.entries(OVER)) over.add(mark.slice(OVER.length));
  const found = new Map<string, Map<string, Uint8Array>>();
  for (let after: string | undefined, more = true; more; ) {
    more = false;
    for await (const [whole, value] of store.entries(CHANNELS, after)) {
      const [, key = '', ...rest] = whole.split('/');
      const name = rest.join('/');
      const isOver = over.has(key);
      if (isOver || name.startsWith(PAST_PREFIX)) {
        after = isOver ? afterAll(key) : afterPast(key);
        more = true;
        break;
      }
      found.set(key, (found.get(key) ?? new Map<string, Uint8Array>()).set(name, value));
    }
  }
  return found;
};
