/** A store that counts what is read of it, for claims about what a start does not read. */
import type { Store } from '../../node/ports/ports.ts';

export interface CountedStore extends Store {
  /** Records read so far. */
  readonly reads: number;
}

export const countingReads = (store: Store): CountedStore => {
  let reads = 0;
  return {
    ...store,
    get reads() {
      return reads;
    },
    get: (key) => {
      reads++;
      return store.get(key);
    },
    entries: async function* (prefix, after) {
      for await (const entry of store.entries(prefix, after)) {
        reads++;
        yield entry;
      }
    },
  };
};

/** All that an iteration gives. */
export const collect = async <T>(found: AsyncIterable<T>): Promise<readonly T[]> => {
  const out: T[] = [];
  for await (const one of found) out.push(one);
  return out;
};
