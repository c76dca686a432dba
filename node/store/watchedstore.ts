/**
 * The one way to the disk. Some wait for their saves and handle what comes of them, others leave that to the gate; whoever's fails
 * first, all of the node is told, for nothing may be promised from then on.
 */
import type { Store } from '../ports/ports.ts';
import { StoreError } from './errors.ts';

/**
 * The store, with `failed` told of each save that failed, before whoever wanted it is. That the store is closed is no failure: only
 * a node that ends closes it.
 */
export const watchedStore = (store: Store, failed: (error: unknown) => void): Store => ({
  get: (key) => store.get(key),
  entries: (prefix, after) => store.entries(prefix, after),
  last: (prefix) => store.last(prefix),
  commit: (changes) =>
    store.commit(changes).catch((error: unknown) => {
      if (!(error instanceof StoreError && error.fault.code === 'closed')) failed(error);
      throw error;
    }),
  close: () => store.close(),
});
