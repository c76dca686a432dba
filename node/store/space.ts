/** A part of a store as a store of its own: a machine's records under the machine's prefix. */
import type { Change } from '../../wire/change.ts';
import type { Store } from '../ports/ports.ts';

/** The records whose keys begin with `prefix`, without it. Closing it closes nothing: the whole store is its owner's. */
export const within = (store: Store, prefix: string): Store => ({
  get: (key) => store.get(prefix + key),
  entries: async function* (inner, after) {
    const from = after === undefined ? undefined : prefix + after;
    for await (const [key, value] of store.entries(prefix + inner, from))
      yield [key.slice(prefix.length), value] as const;
  },
  last: async (inner) => (await store.last(prefix + inner))?.slice(prefix.length),
  commit: (changes) => store.commit(prefixed(prefix, changes)),
  close: async () => undefined,
});

/** A machine's changes with the keys the whole store knows them by. */
export const prefixed = (prefix: string, changes: readonly Change[]): Change[] =>
  changes.map(({ key, value }) => ({ key: prefix + key, value }));
