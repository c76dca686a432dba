/** The most that a claim may cost: by the estimate, by its value, by what is at stake; and never nothing where that may be paid. */

import { describe, expect, test } from 'vitest';
import type { UnsignedClaim } from '../../../channel/model/claim.ts';
import { type FeeCoin, type LastPublished, type PlanContext, planClaim } from '../../../node/sweep/plan.ts';
import { roundedUpFee } from '../../../node/wallet/select.ts';
import { sat } from '../../../wire/units.ts';
import { built, bump, coin, htlc, sweep, weightOfDraft, world } from './claims.ts';

describe('what hangs and is nobody else’s', () => {
  const paidAfter = (claim: UnsignedClaim, blocks: number, more: Partial<PlanContext<FeeCoin>> = {}): bigint => {
    let published: LastPublished | undefined;
    for (let tip = 100; tip <= 100 + blocks; tip++) {
      const move = planClaim(claim, published, world({ tip, free: [coin(5_000_000n)], ...more }));
      if (move.do === 'build')
        published = {
          fee: move.draft.fee,
          weight: weightOfDraft(move.draft),
          since: published?.since ?? tip,
          fits: true,
        };
    }
    return published?.fee ?? 0n;
  };

  test('pays three times the estimate in the end, however long it hangs', () => {
    const once = paidAfter(sweep(1_000_000n), 0, { estimatedFeerate: 2_500 });
    for (const blocks of [144, 1_000]) {
      const fee = paidAfter(sweep(1_000_000n), blocks, { estimatedFeerate: 2_500 });
      expect(fee).toBeGreaterThan(2n * once);
      expect(fee).toBeLessThanOrEqual(3n * once);
    }
  });

  test('a claim without a deadline pays at most a tenth of its value, unless the estimate alone is more', () => {
    const small = paidAfter(sweep(20_000n), 144, { estimatedFeerate: 2_500 });
    expect(small).toBeGreaterThan(1_900n);
    expect(small).toBeLessThanOrEqual(2_000n);
    expect(paidAfter(sweep(10_000n), 144, { estimatedFeerate: 2_500 })).toBe(
      paidAfter(sweep(10_000n), 0, { estimatedFeerate: 2_500 }),
    );
  });

  test('a commitment without urgent HTLCs pays at most a tenth of what is at stake', () => {
    const [once, later] = [0, 144].map((blocks) =>
      paidAfter(bump(400n), blocks, { estimatedFeerate: 2_500, stake: 5_000_000n }),
    );
    expect((later ?? 0n) + 400n).toBeLessThanOrEqual(3n * ((once ?? 0n) + 400n));
  });
});

describe('a large commitment', () => {
  /** BOLT 3: with anchors, and so many HTLC outputs. */
  const weightWith = (htlcs: number): number => 1_124 + 172 * htlcs;

  test.each([200, 483, 966])('with %i HTLC outputs gets a child that pays for all of it', (htlcs) => {
    const weight = weightWith(htlcs);
    const claim = bump(BigInt(weight) / 4n, { deadline: 103, urgentHtlcs: { from: 0, value: sat(80_000_000n) } });
    const rich = world({
      parentWeight: weight,
      stake: 90_000_000n,
      estimatedFeerate: 62_500,
      free: [coin(90_000_000n)],
    });
    const draft = built(planClaim(claim, undefined, rich));
    expect(draft.fee).toBeGreaterThan(roundedUpFee(weight, 62_500) - BigInt(weight));
    // Far above what bitcoind takes unless told.
    expect((4n * draft.fee) / BigInt(weightOfDraft(draft))).toBeGreaterThan(10_000n);
  });

  test('whose child would cost more than is at stake gets one for all that may be spent', () => {
    const claim = bump(9_000n, { deadline: 101, urgentHtlcs: { from: 0, value: sat(50_000n) } });
    const poor = world({
      parentWeight: weightWith(200),
      stake: 50_000n,
      estimatedFeerate: 25_000,
      free: [coin(500_000n)],
    });
    const { fee, missing } = built(planClaim(claim, undefined, poor));
    expect(fee).toBeLessThanOrEqual(50_000n);
    expect(fee).toBeGreaterThan(49_900n);
    expect(missing).toBeUndefined();
  });
});

describe('a fee that the network refused', () => {
  test.each([
    [1_000n, 1_501n],
    [20_000n, 25_000n],
    [24_999n, 25_000n],
  ])('%i sat is raised by half, but rather to all that may be spent than to nothing', (refused, fee) => {
    expect(built(planClaim(htlc(50_000n), undefined, world({ free: [coin(200_000n)], refused }))).fee).toBe(fee);
  });

  test('is not raised where it was all that may be spent', () => {
    const move = planClaim(htlc(50_000n), undefined, world({ free: [coin(200_000n)], refused: 25_000n }));
    expect(move).toEqual({ do: 'uneconomical' });
  });
});
