/** A store within the store: the records of a machine, under its prefix. */
import type { Change } from '../../wire/change.ts';
import type { Store } from '../ports/ports.ts';
import type { KeyPrefix } from './schema.ts';

/** The records whose keys begin with `prefix`, by the rest of their keys. Closing it does not close the whole store. */
export const within = (store: Store, prefix: KeyPrefix): Store => ({
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

/** A machine's changes, with their keys in the whole store. */
export const prefixed = (prefix: KeyPrefix, changes: readonly Change[]): Change[] =>
  changes.map(({ key, value }) => ({ key: prefix + key, value }));
