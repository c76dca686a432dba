/** Watching a payee while it gathers shards: when each was first seen there, and when the set was whole. */
import type { NodeProcess } from './process.ts';
import { sleep } from './wait.ts';

export interface SeenSets {
  /** Seconds since 1970 at which an HTLC was first seen held, by payment hash. */
  readonly held: ReadonlyMap<string, number>;
  /** When the set was first seen to be claimed; undefined when it never was. */
  readonly whole: number | undefined;
  /** The most HTLCs seen held at once. */
  readonly most: number;
  /** How many shares the set was to have, as far as the payee knew. */
  readonly expected: number | undefined;
}

export interface Watch {
  /** What has been seen so far. */
  readonly seen: SeenSets;
  /** Ends the watch after one more look. */
  stop(): Promise<SeenSets>;
}

const pause = 10;

/** Looks at the sets of `node` again and again. Sets that were there before are left out. */
export const watchSets = async (node: NodeProcess): Promise<Watch> => {
  const held = new Map<string, number>();
  const old = new Set((await node.call('listsets')).sets.map(({ set_id }) => set_id));
  let whole: number | undefined;
  let most = 0;
  let expected: number | undefined;
  let stopped = false;

  const look = async (): Promise<void> => {
    const { sets } = await node.call('listsets');
    const now = Date.now() / 1000;
    for (const set of sets) {
      if (old.has(set.set_id)) continue;
      for (const { payment_hash: hash } of set.htlcs) if (!held.has(hash)) held.set(hash, now);
      if (set.status === 'claiming' || set.status === 'claimed') whole ??= now;
      most = Math.max(most, set.parts);
      expected = set.shares_expected ?? expected;
    }
  };
  const seen = (): SeenSets => ({ held, whole, most, expected });
  const looking = (async () => {
    while (!stopped) {
      await look();
      await sleep(pause);
    }
    await look();
  })();
  looking.catch(() => undefined); // told by stop()

  return {
    get seen() {
      return seen();
    },
    stop: async () => {
      stopped = true;
      await looking;
      return seen();
    },
  };
};
