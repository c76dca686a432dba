/** What the claim engine decides, as rows and as properties: when, with which fee, from which coins, and what replaces what. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { UnsignedClaim } from '../../../channel/model/claim.ts';
import {
  type FeeCoin,
  type LastPublished,
  needsCoin,
  type PlanContext,
  planClaim,
  replacementFee,
} from '../../../node/sweep/plan.ts';
import { isUrgent } from '../../../node/sweep/rate.ts';
import { roundedUpFee } from '../../../node/wallet/select.ts';
import { FEERATE_FLOOR, sat } from '../../../wire/units.ts';
import { built, bump, coin, htlc, parentWeight, script, sweep, weightOfDraft, world } from './claims.ts';

describe('when', () => {
  test.each([
    [98, 100, 'wait'],
    [99, 100, 'build'],
    [150, 100, 'build'],
  ] as const)('at tip %i a claim that may be in block %i: %s', (tip, from, expected) => {
    expect(planClaim(sweep(50_000n, { from }), undefined, world({ tip })).do).toBe(expected);
  });
});

describe('a sweep', () => {
  test('pays its fee from what it takes, all of the rest to the wallet', () => {
    const draft = built(planClaim(sweep(50_000n), undefined, world({ free: [coin(1_000_000n)] })));
    expect(draft.coins).toEqual([]);
    expect(draft.fee).toBe(roundedUpFee(weightOfDraft(draft), 1_000));
    expect(draft.outputs).toEqual([{ script, value: 50_000n - draft.fee }]);
  });

  test.each<readonly [string, UnsignedClaim, Partial<PlanContext<FeeCoin>>, bigint | 'uneconomical']>([
    [
      'pays half its value at most while nobody hurries',
      sweep(10_000n),
      { estimatedFeerate: 50_000 },
      (10_000n - 294n) / 2n,
    ],
    [
      'pays all but dust when its deadline has come',
      sweep(10_000n, { deadline: 101 }),
      { estimatedFeerate: 50_000 },
      10_000n - 294n,
    ],
    ['pays more than half where less is not relayed', sweep(460n), {}, roundedUpFee(630, FEERATE_FLOOR)],
    ['is not made where only dust would be left', sweep(440n), {}, 'uneconomical'],
  ])('%s', (_, claim, more, fee) => {
    const move = planClaim(claim, undefined, world(more));
    expect(fee === 'uneconomical' ? move.do : built(move).fee).toBe(fee);
  });
});

describe('a small sweep that an HTLC ends with', () => {
  const claim = sweep(360n, { decides: true, deadline: 105 });
  const at = (more: Partial<PlanContext<FeeCoin>>) =>
    planClaim(claim, undefined, world({ estimatedFeerate: FEERATE_FLOOR, ...more }));

  test('is made with a coin where it cannot pay for itself, and may cost all that it brings', () => {
    const draft = built(at({ free: [coin(2_000n)] }));
    expect(draft.coins).toEqual([coin(2_000n)]);
    expect(draft.fee).toBeGreaterThanOrEqual(roundedUpFee(weightOfDraft(draft), FEERATE_FLOOR));
    expect(draft.outputs).toEqual([{ script, value: 2_360n - draft.fee }]);
    expect(built(planClaim(sweep(800n, { decides: true }), undefined, world())).coins).toEqual([]);
  });

  test('waits for a coin, and is given up while the network asks for more than it brings', () => {
    expect(at({})).toMatchObject({ do: 'short_of_coins' });
    expect(at({ free: [coin(2_000n)], refused: 361n })).toEqual({ do: 'uneconomical' });
  });
});

describe('an HTLC transaction', () => {
  test('keeps its input and output first and pays from the smallest coin that does', () => {
    const claim = htlc(50_000n);
    const free = [coin(500n), coin(3_000_000n), coin(2_000n), coin(90_000n)];
    const draft = built(planClaim(claim, undefined, world({ free })));
    expect(draft.coins).toEqual([coin(2_000n)]);
    expect(draft.outputs[0]).toEqual(claim.pays);
    expect(draft.outputs[1]).toEqual({ script, value: 2_000n - draft.fee });
    expect(draft.fee).toBe(roundedUpFee(weightOfDraft(draft), 1_000));
  });

  test('takes several where none does alone, as few as do', () => {
    const free = [coin(500n), coin(900n), coin(800n), coin(700n)];
    const draft = built(planClaim(htlc(50_000n), undefined, world({ free })));
    expect(draft.coins.map(({ amount }) => amount)).toEqual([900n, 800n]);
  });

  test('divides what comes back where others wait for coins, each part large enough to pay for one', () => {
    for (const [amount, parts] of [
      [60_000n, 6],
      [12_000n, 2],
      [3_000n, 1],
    ] as const) {
      const draft = built(planClaim(htlc(50_000n), undefined, world({ free: [coin(amount)], claimsNeedingCoins: 5 })));
      const back = draft.outputs.slice(1).map(({ value }) => value);
      expect(back).toHaveLength(parts);
      expect(draft.fee).toBe(roundedUpFee(weightOfDraft(draft), 1_000));
      if (parts > 1) for (const part of back) expect(part).toBeGreaterThanOrEqual(2n * draft.fee);
    }
  });

  test('pays what its coins allow where they are too few, and says what is wanting', () => {
    const draft = built(planClaim(htlc(50_000n), undefined, world({ free: [coin(1_000n)], estimatedFeerate: 5_000 })));
    expect(draft.fee).toBeGreaterThanOrEqual(roundedUpFee(weightOfDraft(draft), FEERATE_FLOOR));
    expect(draft.fee).toBeLessThan(roundedUpFee(weightOfDraft(draft), 5_000));
    expect(draft.missing).toBeGreaterThan(0n);
  });

  test('waits where there is no coin, and says what is wanting', () => {
    const move = planClaim(htlc(50_000n), undefined, world());
    expect(move).toMatchObject({ do: 'short_of_coins' });
    const missing = move.do === 'short_of_coins' ? move.missing : sat(0n);
    expect(built(planClaim(htlc(50_000n), undefined, world({ free: [coin(missing)] }))).missing).toBeUndefined();
  });
});

describe('a child of a closing', () => {
  const unlock = { by: 'wallet', script } as const;
  const closing = (value: bigint) => bump(200n, { unlock, value: sat(value), why: 'closing', from: 110 });
  const rich = (estimatedFeerate: number, tip = 109) => world({ tip, estimatedFeerate, free: [coin(1_000_000n)] });

  test('waits for its block, is paid for by our output there alone, and costs a tenth of that at most', () => {
    expect(planClaim(closing(100_000n), undefined, rich(5_000, 108)).do).toBe('wait');
    const draft = built(planClaim(closing(100_000n), undefined, rich(5_000)));
    expect(draft.coins).toEqual([]);
    expect(draft.fee).toBe(roundedUpFee(parentWeight + weightOfDraft(draft), 5_000) - 200n);
    expect(10_000n - built(planClaim(closing(100_000n), undefined, rich(50_000))).fee).toBeLessThan(2n);
    expect(planClaim(closing(1_000n), undefined, rich(5_000)).do).toBe('uneconomical');
  });

  test('pays no more for both than who closed the channel allows', () => {
    const bounded = { ...closing(100_000n), maxFeerate: 2_000 };
    const draft = built(planClaim(bounded, undefined, rich(5_000)));
    expect(draft.fee).toBe(roundedUpFee(parentWeight + weightOfDraft(draft), 2_000) - 200n);
    expect(planClaim({ ...bounded, parentFee: sat(2_400n) }, undefined, rich(5_000)).do).toBe('parent_suffices');
  });

  test('that is published already is not delayed again', () => {
    const published = { fee: 500n, weight: 500, since: 100, fits: true };
    expect(planClaim(closing(100_000n), published, rich(5_000, 100)).do).toBe('build');
  });
});

describe('a child of our commitment', () => {
  test.each([
    ['a parent that pays enough is left alone', 1_200n, 'parent_suffices'],
    ['one that pays too little gets a child', 1_199n, 'build'],
  ] as const)('%s', (_, parentFee, expected) => {
    expect(planClaim(bump(parentFee), undefined, world({ free: [coin(50_000n)] })).do).toBe(expected);
  });

  test.each([
    ['left alone while another commitment pays about as much', 910, 'parent_suffices'],
    ['made where the other pays less', 900, 'build'],
  ] as const)('is %s', (_, otherCommitmentFeerate, expected) => {
    expect(planClaim(bump(400n), undefined, world({ free: [coin(50_000n)], otherCommitmentFeerate })).do).toBe(
      expected,
    );
    const published = { fee: 500n, weight: 800, since: 100, fits: true };
    expect(planClaim(bump(400n), published, world({ free: [coin(50_000n)], otherCommitmentFeerate })).do).toBe(
      expected,
    );
  });

  test('pays for both', () => {
    const draft = built(planClaim(bump(400n), undefined, world({ free: [coin(50_000n)] })));
    expect(draft.fee).toBe(roundedUpFee(parentWeight + weightOfDraft(draft), 1_000) - 400n);
    expect(draft.outputs).toEqual([{ script, value: 330n + 50_000n - draft.fee }]);
  });

  test('is made even of a parent that pays enough, once the network refused that', () => {
    const move = planClaim(bump(1_200n), undefined, world({ free: [coin(50_000n)], refused: 1_500n }));
    expect(built(move).fee).toBeGreaterThanOrEqual(1_500n);
  });

  test('pays at most what is at stake, half of that while nobody hurries', () => {
    const rich = world({ free: [coin(1_000_000n)], estimatedFeerate: 50_000, stake: 20_000n });
    for (const [deadline, most] of [
      [undefined, 10_000n],
      [101, 20_000n],
    ] as const) {
      const { fee } = built(planClaim(bump(400n, { deadline }), undefined, rich));
      expect(fee).toBeLessThanOrEqual(most);
      expect(fee).toBeGreaterThan(most - 10n);
    }
  });

  test.each([
    ['begins at the estimate when the deadline is what made us publish', 100, 0],
    ['rises from block to block', 104, 0.5],
    ['rises to what the HTLCs are worth, whatever else is in the commitment', 108, 1],
  ])('%s', (_, tip, passed) => {
    const claim = bump(400n, { deadline: 109, urgentHtlcs: { from: 101, value: sat(10_000n) } });
    const draft = built(planClaim(claim, undefined, world({ tip, free: [coin(1_000_000n)] })));
    const cheap = Number(roundedUpFee(parentWeight + weightOfDraft(draft), 1_000));
    const wanted = cheap ** (1 - passed) * (10_000 + 400) ** passed;
    expect(Number(draft.fee) + 400).toBeGreaterThan(wanted * 0.98);
    expect(Number(draft.fee) + 400).toBeLessThanOrEqual(wanted * 1.02);
  });
});

describe('what replaces what', () => {
  const earlier = (more: Partial<LastPublished> = {}): LastPublished => ({
    fee: 1_000n,
    weight: 800,
    since: 100,
    fits: true,
    ...more,
  });
  const free = [coin(50_000n)];

  test.each<readonly [string, UnsignedClaim, LastPublished, Partial<PlanContext<FeeCoin>>, string]>([
    ['the same again while the rate stays', sweep(50_000n), earlier(), {}, 'republish'],
    [
      'the same again where a little more is wanted than a replacement costs',
      sweep(50_000n),
      earlier(),
      { estimatedFeerate: 1_400 },
      'republish',
    ],
    ['a better one once the rate is worth it', sweep(50_000n), earlier(), { estimatedFeerate: 2_000 }, 'build'],
    ['a new one where the claim has changed', sweep(50_000n), earlier({ fits: false }), {}, 'build'],
    ['the same again where more may not be spent', sweep(2_100n), earlier(), { estimatedFeerate: 9_000 }, 'republish'],
    ['a dearer one once it was refused', sweep(50_000n), earlier(), { refused: 1_500n }, 'build'],
    [
      'republishing where the wallet is short of coins for a higher fee',
      htlc(50_000n),
      earlier(),
      { estimatedFeerate: 9_000 },
      'republish',
    ],
    ['a better one where coins are there', htlc(50_000n), earlier(), { estimatedFeerate: 9_000, free }, 'build'],
  ])('%s', (_, claim, published, more, expected) => {
    expect(planClaim(claim, published, world(more)).do).toBe(expected);
  });

  test('coins promised to the claim stay in it', () => {
    const kept = [coin(600n, 'a'), coin(700n, 'b')];
    const draft = built(planClaim(htlc(50_000n), earlier(), world({ kept, free, estimatedFeerate: 9_000 })));
    expect(draft.coins.slice(0, 2)).toEqual(kept);
    expect(draft.coins).toContainEqual(free[0]);
  });
});

describe('whatever happens', () => {
  const amount = fc.bigInt({ min: 330n, max: 2_000_000n });
  const claims = fc.oneof(
    amount.map((value) => sweep(value)),
    fc.bigInt({ min: 354n, max: 1_200n }).map((value) => sweep(value, { decides: true })),
    amount.map((value) => htlc(value)),
    fc.bigInt({ min: 300n, max: 5_000n }).map((fee) => bump(fee)),
  );
  const block = fc.record({
    estimate: fc.integer({ min: 100, max: 60_000 }),
    amounts: fc.array(amount, { maxLength: 4 }),
    wanting: fc.nat(6),
    refused: fc.oneof({ weight: 5, arbitrary: fc.constant(0n) }, { weight: 1, arbitrary: fc.bigInt(1n, 20_000n) }),
    fits: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  });

  test('no fee exceeds what is at stake, no coin is lost, and each version pays more by the rule', () => {
    fc.assert(
      fc.property(
        claims,
        fc.option(fc.integer({ min: 90, max: 140 }), { nil: undefined }),
        amount,
        fc.array(block, { minLength: 1, maxLength: 40 }),
        (bare, deadline, stake, blocks) => {
          const claim = { ...bare, deadline };
          const most = claim.kind === 'bump' ? stake : needsCoin(claim) ? claim.value : claim.value - 294n;
          let kept: readonly FeeCoin[] = [];
          let published: LastPublished | undefined;
          blocks.forEach(({ estimate: estimatedFeerate, amounts, refused, fits, wanting: claimsNeedingCoins }, i) => {
            const tip = 100 + i;
            const fresh = amounts.map((value, n) => coin(value, `${i}/${n}`));
            const here = world({ tip, estimatedFeerate, kept, free: fresh, refused, stake, claimsNeedingCoins });
            const move = planClaim(claim, published && { ...published, fits }, here);
            if (move.do !== 'build') return;
            const { coins, outputs, fee } = move.draft;
            const weight = weightOfDraft(move.draft);
            const put = claim.value + coins.reduce((sum, one) => sum + one.amount, 0n);
            expect(outputs.reduce((sum, { value }) => sum + value, 0n) + fee).toBe(put);
            expect(fee).toBeLessThanOrEqual(most);
            if (!isUrgent({ tip, deadline })) {
              const relay = roundedUpFee(weight, FEERATE_FLOOR);
              expect(fee).toBeLessThanOrEqual(most / 2n > relay ? most / 2n : relay);
            }
            expect(fee).toBeGreaterThanOrEqual(roundedUpFee(weight, FEERATE_FLOOR));
            expect(fee).toBeGreaterThanOrEqual(refused);
            for (const { value, script: to } of outputs) if (to === script) expect(value).toBeGreaterThanOrEqual(294n);
            expect(new Set(coins.map(({ key }) => key)).size).toBe(coins.length);
            const known = new Set([...kept, ...fresh]);
            expect(coins.every((one) => known.has(one))).toBe(true);
            expect(coins.slice(0, kept.length)).toEqual(needsCoin(claim) ? kept : []);
            if (published !== undefined) expect(fee).toBeGreaterThanOrEqual(replacementFee(published, weight));
            kept = coins;
            published = { fee, weight, since: published?.since ?? tip, fits: true };
          });
        },
      ),
      { numRuns: 500 },
    );
  });
});
