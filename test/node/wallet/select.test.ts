/** Choosing coins: what always holds, and what is refused. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WalletError } from '../../../node/wallet/errors.ts';
import { dustOf, roundedUpFee, selectCoins, weightOf } from '../../../node/wallet/select.ts';
import { unhex } from '../../../wire/bytes.ts';
import { sat } from '../../../wire/units.ts';

const coinsOf = (...amounts: readonly number[]) => amounts.map((amount) => ({ amount: sat(BigInt(amount)) }));
const outputWeight = weightOf.output(34);
const feerate = 1000;

const amounts = fc.array(fc.integer({ min: 1, max: 2_000_000 }), { maxLength: 30 });

describe('selection', () => {
  test('inputs are exactly outputs, change and fee; the fee is what the weight costs, or less than an output more', () => {
    fc.assert(
      fc.property(
        amounts,
        fc.integer({ min: 1000, max: 3_000_000 }),
        fc.integer({ min: 253, max: 60_000 }),
        (values, target, rate) => {
          const amount = sat(BigInt(target));
          let chosen: ReturnType<typeof selectCoins>;
          try {
            chosen = selectCoins(coinsOf(...values), { amount, outputWeight, feerate: rate });
          } catch (error) {
            if (!(error instanceof WalletError) || error.fault.code !== 'insufficient_funds') throw error;
            // Nothing worth spending could have paid.
            const worth = values
              .map((value) => BigInt(value) - roundedUpFee(weightOf.input, rate))
              .filter((value) => value > 0n);
            const most = worth.reduce((sum, value) => sum + value, 0n);
            expect(most).toBeLessThan(
              amount + roundedUpFee(weightOf.frame + outputWeight, rate) + BigInt(worth.length),
            );
            return;
          }
          const { coins, fee, change = 0n } = chosen;
          expect(coins.reduce((sum, coin) => sum + coin.amount, 0n)).toBe(amount + fee + change);
          const changeWeight = change > 0n ? weightOf.output(22) : 0;
          const due = roundedUpFee(weightOf.frame + outputWeight + changeWeight + coins.length * weightOf.input, rate);
          expect(fee).toBeGreaterThanOrEqual(due);
          if (change > 0n) expect([fee, change >= 294n]).toEqual([due, true]);
          else expect(fee - due).toBeLessThan(roundedUpFee(weightOf.output(22) + weightOf.input, rate) + 295n);
          expect(new Set(coins).size).toBe(coins.length);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('all of it, but for what is to be left, pays the fee of both outputs', () => {
    fc.assert(
      fc.property(amounts, fc.integer({ min: 253, max: 60_000 }), (values, rate) => {
        const spending = { amount: 'all', outputWeight, feerate: rate, leave: sat(25_000n) } as const;
        const worth = values
          .map((value) => BigInt(value) - roundedUpFee(weightOf.input, rate))
          .filter((value) => value > 0n);
        const due = (count: number) =>
          roundedUpFee(weightOf.frame + outputWeight + weightOf.output(22) + count * weightOf.input, rate);
        try {
          const { coins, amount, fee, change } = selectCoins(coinsOf(...values), spending);
          expect([coins.length, change]).toEqual([worth.length, 25_000n]);
          expect(coins.reduce((sum, coin) => sum + coin.amount, 0n)).toBe(amount + fee + 25_000n);
          expect(fee - due(coins.length)).toBeLessThanOrEqual(1n);
          expect(fee).toBeGreaterThanOrEqual(due(coins.length));
        } catch (error) {
          if (!(error instanceof WalletError) || error.fault.code !== 'insufficient_funds') throw error;
          const most = worth.reduce((sum, value) => sum + value, 0n);
          expect(most).toBeLessThan(25_000n + due(0) + BigInt(worth.length) + 2n);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('a set that needs no change is found', () => {
    const fee = Number(roundedUpFee(weightOf.frame + outputWeight + 2 * weightOf.input, feerate));
    const chosen = selectCoins(coinsOf(900_000, 70_000, 30_000 + fee, 50_000), {
      amount: sat(100_000n),
      outputWeight,
      feerate,
    });
    expect(chosen.change).toBeUndefined();
    expect(chosen.coins.map(({ amount }) => amount).sort()).toEqual([sat(BigInt(30_000 + fee)), 70_000n].sort());
  });

  test('without coins that come to the amount the largest pay, and the rest comes back', () => {
    const chosen = selectCoins(coinsOf(10_000, 900_000, 20_000), { amount: sat(100_000n), outputWeight, feerate });
    expect(chosen.coins).toEqual(coinsOf(900_000));
    expect(chosen.change).toBe(900_000n - 100_000n - chosen.fee);
  });

  test('everything is every coin that is worth its input', () => {
    const chosen = selectCoins(coinsOf(10_000, 900_000, 200), { amount: 'all', outputWeight, feerate });
    expect(chosen.coins).toHaveLength(2);
    expect(chosen.amount + chosen.fee).toBe(910_000n);
    expect(chosen.change).toBeUndefined();
  });

  test('a thousand coins are no trouble', () => {
    const many = coinsOf(...Array.from({ length: 1000 }, (_, i) => 1000 + i));
    const { coins } = selectCoins(many, { amount: sat(500_000n), outputWeight, feerate });
    expect(coins.length).toBeGreaterThan(250);
  });

  test('too little money says how much is needed and how much there is', () => {
    const spending = { amount: sat(100_000n), outputWeight, feerate };
    const needed = 100_000n + roundedUpFee(weightOf.frame + outputWeight + 2 * weightOf.input, feerate);
    expect(() => selectCoins(coinsOf(60_000, 40_000), spending)).toThrow(
      `not enough money in the wallet: ${needed} sat needed with fees, 100000 sat can be spent`,
    );
    expect(() => selectCoins([], spending)).toThrow('0 sat can be spent');
    expect(() => selectCoins(coinsOf(100), { ...spending, amount: 'all' })).toThrow('not enough money');
  });

  test.each([252, 0, -1, 253.5, Number.NaN, 1e9])('a feerate of %d is refused', (rate) => {
    const spending = { amount: sat(1000n), outputWeight, feerate: rate };
    expect(() => selectCoins(coinsOf(100_000), spending)).toThrow('expected a whole number from 253');
  });
});

describe('the dust limit', () => {
  // BOLT 3, "Dust Limits".
  test.each([
    ['P2WPKH', `0014${'00'.repeat(20)}`, 294n],
    ['P2WSH', `0020${'00'.repeat(32)}`, 330n],
    ['a later witness version', `5120${'00'.repeat(32)}`, 354n],
    ['P2SH', `a914${'00'.repeat(20)}87`, 540n],
    ['P2PKH', `76a914${'00'.repeat(20)}88ac`, 546n],
    ['OP_RETURN', '6a', 0n],
  ])('of an output is that of BOLT 3: %s', (_name, script, limit) => expect(dustOf(unhex(script))).toBe(limit));
});
