/**
 * The records of all channels, read once at the start. What is left of HTLCs that are over is passed by: it grows with every
 * payment, and only an old commitment in the chain ever makes anybody ask for it.
 */
import { PAST } from '../../channel/persist.ts';
import type { Store } from '../ports.ts';
import { CHANNELS } from './onchain.ts';

/** Where the records of a channel's past HTLCs end: '0' is the character after '/'. */
const afterPast = (key: string): string => `${CHANNELS}${key}/${PAST.slice(0, -1)}0`;

/** Each channel's records by its key, under the keys the channel knows them by. Throws StoreError. */
export const loadChannelRecords = async (
  store: Store,
): Promise<ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>> => {
  const found = new Map<string, Map<string, Uint8Array>>();
  for (let after: string | undefined, more = true; more; ) {
    more = false;
    for await (const [whole, value] of store.entries(CHANNELS, after)) {
      const [, key = '', ...rest] = whole.split('/');
      const name = rest.join('/');
      if (name.startsWith(PAST)) {
        after = afterPast(key);
        more = true;
        break;
      }
      found.set(key, (found.get(key) ?? new Map<string, Uint8Array>()).set(name, value));
    }
  }
  return found;
};
