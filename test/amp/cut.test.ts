/** How amounts are cut over outlets, and halved where the network cannot carry a piece. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cut, cutEqually, cutInHalves, halve } from '../../amp/cut.ts';
import type { Outlet } from '../../amp/route.ts';
import type { CutWish } from '../../amp/strategy.ts';
import { msat, shortChannelId } from '../../wire/units.ts';
import { nodeOf } from './payer.ts';

const outlets = (...spendable: readonly number[]): readonly Outlet[] =>
  spendable.map((amount, i) => ({
    scid: shortChannelId(BigInt(i)),
    peer: nodeOf(i),
    spendable: msat(BigInt(amount)),
    slots: 10,
  }));
const wish = (amount: number, changes: Partial<CutWish> = {}): CutWish => ({
  amount: msat(BigInt(amount)),
  maxFee: msat(0n),
  shards: undefined,
  maxShards: 16,
  minShard: msat(1n),
  ...changes,
});
const pieces = (amount: number, spendable: readonly number[], changes: Partial<CutWish> = {}) =>
  cut(wish(amount, changes), outlets(...spendable))?.map(Number);

test.each<[string, number, readonly number[], Partial<CutWish>, readonly number[] | undefined]>([
  ['an amount that one channel carries is cut into one piece', 900, [500, 1000], {}, [900]],
  [
    'an amount too large for one channel goes over the fewest channels, evenly where that fits',
    1500,
    [1000, 1000, 10],
    {},
    [750, 750],
  ],
  ['an amount is cut over unequal channels in proportion to them', 1100, [1000, 200], {}, [917, 183]],
  ['an amount is cut into as many pieces as were asked for', 900, [1000], { shards: 4 }, [225, 225, 225, 225]],
  ['pieces add up when they do not divide', 10, [100], { shards: 3 }, [4, 3, 3]],
  ['no more pieces than their smallest size allows', 900, [1000], { shards: 4, minShard: msat(400n) }, [450, 450]],
  ['never fewer pieces than channels needed', 1500, [1000, 1000], { shards: 1 }, [750, 750]],
  ['room is left for fees where there is enough', 950, [1000, 1000], { maxFee: msat(95n) }, [475, 475]],
  ['no room is left for fees where there is none', 1000, [1000], { maxFee: msat(100n) }, [1000]],
  ['more than all channels carry cannot be cut', 2001, [1000, 1000], {}, undefined],
  ['no amount is cut into more pieces than are allowed', 1500, [1000, 1000], { maxShards: 1 }, undefined],
  ['no amount is cut without a channel', 1, [], {}, undefined],
])('%s', (_, amount, spendable, changes, expected) => {
  expect(pieces(amount, spendable, changes)).toEqual(expected);
});

/** Whether every piece finds room: some way of putting them, largest first, into rooms of different size. */
const packs = ([piece, ...others]: readonly number[], rooms: readonly number[]): boolean =>
  piece === undefined ||
  rooms.some((room, i) => room >= piece && rooms.indexOf(room) === i && packs(others, rooms.with(i, room - piece)));

test('a cut loses nothing, keeps its bounds, and its pieces can be put into the channels', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5000 }),
      fc.array(fc.integer({ min: 0, max: 2000 }), { maxLength: 4 }),
      fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined }),
      fc.integer({ min: 0, max: 300 }),
      (amount, spendable, shards, maxFee) => {
        const made = pieces(amount, spendable, { shards, maxFee: msat(BigInt(maxFee)) });
        const whole = spendable.reduce((a, b) => a + b, 0);
        expect(made === undefined).toBe(whole < amount);
        if (made === undefined) return;
        expect(made.reduce((a, b) => a + b, 0)).toBe(amount);
        expect(made.every((piece) => piece > 0)).toBe(true);
        expect(made.length).toBeLessThanOrEqual(16);
        expect(
          packs(
            made.toSorted((a, b) => b - a),
            spendable,
          ),
        ).toBe(true);
      },
    ),
    { numRuns: 300 },
  );
});

test('no piece of several is below the least, whatever rooms there are', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5000 }),
      fc.array(fc.integer({ min: 0, max: 2000 }), { maxLength: 5 }),
      fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined }),
      fc.integer({ min: 1, max: 500 }),
      (amount, spendable, shards, least) => {
        const made = pieces(amount, spendable, { shards, minShard: msat(BigInt(least)) }) ?? [];
        if (made.length > 1) expect(Math.min(...made)).toBeGreaterThanOrEqual(least);
      },
    ),
    { numRuns: 300 },
  );
});

test.each([
  [1001n, 1n, undefined, [500n, 501n]],
  [1000n, 1n, 300n, [300n, 700n]],
  [1000n, 400n, 300n, [500n, 500n]],
  [1000n, 400n, 700n, [500n, 500n]],
  [1000n, 501n, undefined, undefined],
  [1n, 0n, undefined, undefined],
])('%d msat, at least %d a piece, largest %s, are split into %s', (amount, floor, largest, expected) => {
  const hint = largest === undefined ? undefined : msat(largest);
  expect(halve(msat(amount), msat(floor), hint)).toEqual(expected);
});

describe('a cut', () => {
  const limited = (spendable: number, changes: Partial<Outlet>): readonly Outlet[] =>
    outlets(spendable).map((outlet) => ({ ...outlet, ...changes }));

  test('is into no more pieces than an outlet has slots', () => {
    expect(cut(wish(900, { shards: 4 }), limited(1000, { slots: 2 }))).toEqual([450n, 450n]);
  });

  test('takes further outlets for as many pieces as were wanted', () => {
    const [one, two] = [limited(1000, { slots: 2 }), limited(999, { slots: 2 })].flat();
    if (one === undefined || two === undefined) throw new Error('two outlets');
    expect(cut(wish(900, { shards: 4 }), [one, two])).toEqual([225n, 225n, 225n, 225n]);
  });

  test('is into fewer pieces than wanted where one more outlet would get less than the smallest', () => {
    const [large, small] = [limited(9, { slots: 1 }), limited(4, { slots: 1 })].flat();
    if (large === undefined || small === undefined) throw new Error('two outlets');
    expect(cut(wish(6, { shards: 3, minShard: msat(2n) }), [small, large])).toEqual([6n]);
  });

  test('has no piece below what the outlet takes, of several', () => {
    expect(cut(wish(900, { shards: 4 }), limited(1000, { minimum: msat(300n) }))).toEqual([300n, 300n, 300n]);
    expect(cutEqually(wish(900, { shards: 4 }), limited(1000, { minimum: msat(300n) }))).toBeUndefined();
    const tiny = limited(300, { minimum: msat(200n) });
    expect(cutInHalves(wish(900), [...limited(700, {}), ...tiny])).toEqual([450n, 225n, 225n]);
    expect(cutInHalves(wish(900), [...limited(600, {}), ...limited(300, { minimum: msat(280n) })])).toBeUndefined();
  });

  test('leaves room for the fee that each further HTLC costs in the commitment transaction', () => {
    const dear = { perHtlc: msat(50n) };
    expect(cut(wish(900, { shards: 4 }), limited(1000, dear))).toEqual([300n, 300n, 300n]);
    expect(cutEqually(wish(900, { shards: 4 }), limited(1000, dear))).toBeUndefined();
    expect(cutEqually(wish(900, { shards: 4 }), limited(1050, dear))).toHaveLength(4);
    expect(cutInHalves(wish(900), limited(1000, dear))).toEqual([900n]);
  });
});
