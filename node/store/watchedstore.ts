/**
 * The store as all parts of the node use it. Some parts wait for their commits, others leave that to the gate; whichever commit fails
 * first, the whole node is told, since from then on nothing may be promised to anybody.
 */
import type { Store } from '../ports/ports.ts';
import { StoreError } from './errors.ts';

/**
 * The store, with `failed` called for each commit that failed, before its caller is told. A closed store is no failure: only a node that
 * stops closes it.
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
