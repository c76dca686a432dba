/**
 * A peer that publishes an old commitment: whatever it does with it, and however often the other's node is restarted meanwhile,
 * the other one gets everything that is in it.
 */

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Claim } from '../../channel/model/claim.ts';
import type { ChannelState } from '../../channel/model/state.ts';
import { equal } from '../../wire/bytes.ts';
import { propertyRuns } from '../support/runs.ts';
import { onStage } from './onstage.ts';
import { eventsOf, offerOf, secretOf, settle } from './pair.ts';
import { acknowledge, advance, fates, playOut, type Rules, ready, reveal } from './play.ts';
import { aggregated, steal } from './thief.ts';
import {
  assemble,
  claimsOf,
  type FormatName,
  feesOf,
  formatNames,
  gained,
  mine,
  reboot,
  tell,
  tip,
  txOf,
  unwind,
  type Who,
  type World,
} from './world.ts';

const runs = propertyRuns(4);
const timeout = 120_000 + runs * 10_000;

const world = onStage();

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
const finish = (so: World, who: Who, id: bigint, n: number, how: 'fulfill' | 'fail'): void => {
  if (how === 'fulfill') tell(so, who, { type: 'fulfill', id, preimage: secretOf(n) });
  else tell(so, who, { type: 'fail', id, reason: new Uint8Array(292) });
  settle(so.pair);
  acknowledge(so, who === 'a' ? 'b' : 'a');
};

const isPenalty = (who: Who, { why }: { readonly why: string }): boolean => who === 'a' && why === 'penalty htlc';

/** How the thief goes about it: rules under which blocks are mined. */
interface Way {
  readonly rules: Rules;
  /** Its HTLC transactions are one transaction. */
  readonly many: boolean;
}
const ways: Readonly<Record<string, Way>> = {
  'is caught at once': { rules: { first: 'a' }, many: false },
  'gets its HTLC transactions in first': { rules: { first: 'b', without: isPenalty }, many: false },
  'gets all of them in as one': { rules: { who: ['a'], without: isPenalty }, many: true },
};

/** One block; the victim waits with its HTLC penalties until the thief had its turn. */
const block = (so: World, { rules, many }: Way): void => {
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
  finish(so, 'b', 0n, 1, 'fulfill');
  finish(so, 'b', 1n, 2, 'fail');
  finish(so, 'a', 0n, 3, 'fulfill');
  finish(so, 'a', 1n, 4, 'fail');
  return { so, old };
};

/**
 * Plays until nothing is claimed any more, the victim restarted now and then and the chain going back by some blocks: it has all
 * that was in the commitment.
 */
const takesAll = (so: World, format: FormatName, way: Way): void => {
  const all = loot(so);
  for (let blocks = 0; blocks < 45; blocks++) {
    block(so, way);
    if (blocks % 4 === 0) reboot(so, 'a');
    if (blocks === 3 || blocks === 26) unwind(so, 3);
  }
  expect(claimsOf(so, 'a')).toEqual([]);
  const burnt = format === 'static_remotekey' ? feesOf(so, 'b') : 0n;
  expect(gained(so, 'a') + feesOf(so, 'a')).toBe(all - burnt);
  expect(gained(so, 'b')).toBeLessThanOrEqual(0n);
};

describe.each(formatNames)('%s: a peer that publishes a revoked commitment', (format) => {
  const here = Object.entries(ways).filter(([, { many }]) => format === 'anchors_zero_fee_htlc_tx' || !many);

  test.each(here)('%s, and gets nothing', (name, way) => {
    const { so, old } = cheated(format);
    steal(so, old);
    expect(eventsOf(so.pair.a, 'spent')).toMatchObject([{ by: 'revoked' }]);
    // What it knows: the preimages of what it was paid with, of which one was never claimed from us.
    for (const [id, n] of [0n, 1n, 2n].map((one, i) => [one, [1, 2, 5][i] ?? 0] as const)) reveal(so, 'b', id, n);
    takesAll(so, format, way);
    const stolen = name !== 'is caught at once';
    expect(fates(so.pair.a).slice(2).sort()).toEqual([stolen ? '2 fulfilled' : '2 timed_out', '3 timed_out']);
    playOut(so, { who: ['a'] });
    expect(eventsOf(so.pair.a, 'settled').map(({ id }) => id)).toEqual([0n, 1n, 2n]);
  });

  test('and gets one of its HTLC transactions mined loses that output too, and the other claims stand', () => {
    const { so, old } = cheated(format);
    steal(so, old);
    const before = claimsOf(so, 'a');
    reveal(so, 'b', 2n, 5);
    const stolen = claimsOf(so, 'b').find(({ kind, from }) => kind !== 'bump' && from <= tip(so) + 1);
    if (stolen === undefined) throw new Error('nothing to steal');
    const same = ({ outpoint: { txid, index } }: Claim): boolean =>
      index === stolen.outpoint.index && equal(txid, stolen.outpoint.txid);
    const all = loot(so);
    mine(so, [assemble(so, 'b', stolen)]);
    // What of ours wanted the same is gone and its successor there; all others are as they were, each a transaction of its own.
    const now = claimsOf(so, 'a');
    expect(before.filter(same)).toHaveLength(1);
    expect(now.filter(same)).toEqual([]);
    expect(now).toEqual(expect.arrayContaining(before.filter((claim) => !same(claim))));
    expect(now).toHaveLength(before.length);
    for (let blocks = 0; blocks < 3; blocks++) advance(so, { who: ['a'] });
    expect(claimsOf(so, 'a')).toEqual([]);
    expect(gained(so, 'a') + feesOf(so, 'a')).toBe(all - (format === 'static_remotekey' ? feesOf(so, 'b') : 0n));
  });

  interface Step {
    readonly who: Who;
    readonly sat: number;
    /** Ends the oldest HTLC of that side instead. */
    readonly end: 'fulfill' | 'fail' | undefined;
    /** The hash of an earlier HTLC, and its amount: both may have the same output. */
    readonly again: boolean;
  }
  const steps = fc.array(
    fc.record<Step>({
      who: fc.constantFrom('a', 'b'),
      sat: fc.constantFrom(250, 20_000, 20_000, 33_000),
      end: fc.constantFrom('fulfill', 'fail', undefined, undefined),
      again: fc.boolean(),
    }),
    { minLength: 2, maxLength: 12 },
  );

  test('gets nothing from any revoked commitment, whatever the history of the channel', { timeout }, () => {
    fc.assert(
      fc.property(steps, fc.nat(), fc.constantFrom(...here.map(([, way]) => way)), (all, which, way) => {
        const so = world(format);
        const olds: ChannelState[] = [so.pair.b.state];
        const next = { a: 0n, b: 0n };
        const last: { readonly n: number; readonly sat: number; readonly who: Who; readonly id: bigint }[] = [];
        const open = [...last];
        all.forEach(({ who, sat, end, again }, n) => {
          const ended = end === undefined ? undefined : open.find((htlc) => htlc.who === who);
          if (end !== undefined && ended !== undefined) {
            open.splice(open.indexOf(ended), 1);
            finish(so, who === 'a' ? 'b' : 'a', ended.id, ended.n, end);
          } else {
            const like = again ? last.find((htlc) => htlc.who === who) : undefined;
            const htlc = { n: like?.n ?? n, sat: like?.sat ?? sat, who, id: next[who]++ };
            last.push(htlc);
            open.push(htlc);
            offer(so, who, htlc.sat, htlc.n);
          }
          olds.push(so.pair.b.state);
        });
        const usable = olds.slice(0, -1);
        steal(so, usable[which % usable.length] ?? so.pair.b.state);
        expect(eventsOf(so.pair.a, 'spent')).toMatchObject([{ by: 'revoked' }]);
        for (const { who, id, n } of last) if (who === 'a') reveal(so, 'b', id, n);
        takesAll(so, format, way);
      }),
      { numRuns: runs },
    );
  });
});
