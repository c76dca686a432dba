/** A process that dies at a save, for tests within this process: what it wrote stays, and nothing it does afterwards matters. */
import type { Store } from '../../node/ports/ports.ts';
import { memoryStore } from '../../node/store/memory.ts';

export interface DyingStore {
  readonly store: Store;
  /** Whether it is dead: the save that kills was made, and nobody will ever hear of it, nor of any other. */
  readonly dead: boolean;
  /** From now on a save for which this holds is the last; its keys come with `+` where they are written, `-` where removed. */
  dieAfter(last: (keys: readonly string[]) => boolean): void;
}

/** The store of one life over records that outlive it. */
export const dyingStore = (records: Map<string, Uint8Array>): DyingStore => {
  const disk = memoryStore(records);
  let dead = false;
  let kills: (keys: readonly string[]) => boolean = () => false;
  const never = new Promise<never>(() => undefined);
  return {
    get dead() {
      return dead;
    },
    dieAfter: (last) => {
      kills = last;
    },
    store: {
      ...disk,
      commit: async (changes) => {
        if (dead) return never;
        await disk.commit(changes);
        dead ||= kills(changes.map(({ key, value }) => `${value === undefined ? '-' : '+'}${key}`));
        return dead ? never : undefined;
      },
    },
  };
};
