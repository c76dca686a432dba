/**
 * A peer that publishes an old commitment: whatever it does with it, and however often the other's node is restarted meanwhile,
 * the other one gets everything that is in it.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import type { ChannelState } from '../../channel/state.ts';
import { eventsOf, offerOf, secretOf, settle } from './pair.ts';
import { acknowledge, advance, fates, playOut, type Rules, ready } from './play.ts';
import { aggregated, steal } from './thief.ts';
import {
  claimsOf,
  type FormatName,
  feesOf,
  formatNames,
  gained,
  mine,
  reboot,
  type Stage,
  stage,
  tell,
  tip,
  txOf,
  type Who,
  type World,
} from './world.ts';

let world: Stage;
beforeAll(async () => {
  world = await stage();
});

const anchor = 330n;
/** What stands in the commitment that spent the funding output, but the anchors. */
const loot = (so: World): bigint => {
  const { state } = so.pair.a;
  if (state.phase !== 'onchain') throw new Error('not on chain');
  return txOf(state.tx)
    .outs.filter(({ value }) => value !== anchor)
    .reduce((sum, { value }) => sum + value, 0n);
};

/** One offer, signed by both. */
const offer = (so: World, who: Who, sat: number, n: number, blocks = 20): void => {
  tell(so, who, { ...offerOf(BigInt(sat) * 1000n, n), expiry: tip(so) + blocks });
  settle(so.pair);
};

/** Ends an HTLC that a side received, and takes note of the end. */
const end = (so: World, who: Who, id: bigint, n: number, how: 'fulfill' | 'fail'): void => {
  if (how === 'fulfill') tell(so, who, { type: 'fulfill', id, preimage: secretOf(n) });
  else tell(so, who, { type: 'fail', id, reason: new Uint8Array(292) });
  settle(so.pair);
  acknowledge(so, who === 'a' ? 'b' : 'a');
};

const isPenalty = (who: Who, { why }: { readonly why: string }): boolean => who === 'a' && why === 'penalty htlc';

/** How the thief goes about it: rules under which blocks are mined. */
const ways: Readonly<Record<string, { readonly rules: Rules; readonly many: boolean }>> = {
  'is caught at once': { rules: { first: 'a' }, many: false },
  'gets its HTLC transactions in first': { rules: { first: 'b', without: isPenalty }, many: false },
  'gets all of them in as one': { rules: { who: ['a'], without: isPenalty }, many: true },
};

/** One block; the victim waits with its HTLC penalties until the thief had its turn. */
const block = (so: World, { rules, many }: (typeof ways)[string]): void => {
  if (!many) advance(so, rules);
  else mine(so, [...aggregated(so), ...ready(so, rules)]);
  acknowledge(so, 'a');
};

/** An old state of `b` with HTLCs both ways, of which some are over since and some are not, and dust. */
const cheated = (format: FormatName): { readonly so: World; readonly old: ChannelState } => {
  const so = world(format);
  offer(so, 'a', 40_000, 1);
  offer(so, 'a', 30_000, 2);
  offer(so, 'b', 25_000, 3);
  offer(so, 'b', 20_000, 4);
  offer(so, 'a', 50_000, 5);
  offer(so, 'b', 45_000, 6);
  offer(so, 'a', 200, 7);
  const old = so.pair.b.state;
  end(so, 'b', 0n, 1, 'fulfill');
  end(so, 'b', 1n, 2, 'fail');
  end(so, 'a', 0n, 3, 'fulfill');
  end(so, 'a', 1n, 4, 'fail');
  return { so, old };
};

describe.each(formatNames)('%s: a thief', (format) => {
  test.each(Object.keys(ways).filter((way) => format !== 'static_remotekey' || ways[way]?.many !== true))(
    '%s, and has nothing',
    (name) => {
      const way = ways[name] ?? { rules: {}, many: false };
      const { so, old } = cheated(format);
      steal(so, old);
      expect(eventsOf(so.pair.a, 'spent')).toMatchObject([{ by: 'revoked' }]);
      // What it knows: the preimages of what it was paid with, of which one was never claimed from us.
      for (const [id, n] of [
        [0n, 1],
        [1n, 2],
        [2n, 5],
      ] as const)
        tell(so, 'b', { type: 'fulfill', id, preimage: secretOf(n) });
      const all = loot(so);
      for (let blocks = 0; blocks < 45; blocks++) {
        block(so, way);
        if (blocks % 4 === 0) reboot(so, 'a');
      }
      expect(claimsOf(so, 'a')).toEqual([]);
      const burnt = format === 'static_remotekey' ? feesOf(so, 'b') : 0n;
      expect(gained(so, 'a') + feesOf(so, 'a')).toBe(all - burnt);
      expect(gained(so, 'b')).toBeLessThanOrEqual(0n);
      const stolen = name !== 'is caught at once';
      expect(fates(so.pair.a).slice(2).sort()).toEqual([stolen ? '2 fulfilled' : '2 timed_out', '3 timed_out']);
      playOut(so, { who: ['a'] });
      expect(eventsOf(so.pair.a, 'settled').map(({ id }) => id)).toEqual([0n, 1n, 2n]);
    },
  );
});
