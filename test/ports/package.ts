/** A transaction handed over with one that hangs on it and pays for both: what a chain takes, and what each leaves behind. */
import type { Transaction } from 'bitcoinjs-lib';
import { beforeAll, describe, expect, test } from 'vitest';
import { txid } from '../../wire/units.ts';
import { idOf, openPurse, type Purse, type RulesUnderTest } from './purse.ts';

/** Declares the suite; `seed` keeps its coins apart from other tests' on the same chain. */
export const packageSuite = (name: string, seed: string, get: () => RulesUnderTest): void => {
  let purse: Purse;

  describe(`${name}: a child that pays for its parent`, () => {
    beforeAll(async () => {
      purse = await openPurse(get(), seed);
    });
    /** A parent with this fee, and how to make a child of it. */
    const family = async (fee: bigint) => {
      const coin = await purse.coin();
      const parent = purse.keys.give([coin], fee, purse.keys.script);
      const held = purse.keys.coinOf(parent, 0);
      return { coin, parent, held, child: (pays: bigint) => purse.keys.give([held], pays) };
    };

    test('both are taken, and once more, and the child also where the parent is mined', async () => {
      const { parent, child, coin, held } = await family(1_000n);
      for (let again = 0; again < 2; again++) {
        expect(await purse.answerPackage(parent, child(1_000n))).toBe('taken');
        expect(await purse.spenderOf(coin)).toBe(idOf(parent));
        expect(await purse.spenderOf(held)).toBe(idOf(child(1_000n)));
      }
      const mined = await family(1_000n);
      await purse.send(mined.parent);
      await purse.mine();
      expect(await purse.answerPackage(mined.parent, mined.child(1_000n))).toBe('taken');
    });

    test('what waits is known by what it pays together with what hangs on it', async () => {
      const { parent, child } = await family(1_000n);
      const rateOf = (tx: Transaction) => purse.chain.mempoolFeerate(txid(tx.getHash()));
      expect(await rateOf(parent)).toBeUndefined();
      await purse.send(parent);
      const own = parent.virtualSize();
      expect(await rateOf(parent)).toBe(Math.floor(1_000_000 / (4 * own)));
      await purse.send(child(9_000n));
      expect(await rateOf(parent)).toBe(Math.floor(10_000_000 / (4 * (own + child(9_000n).virtualSize()))));
      await purse.mine();
      expect(await rateOf(parent)).toBeUndefined();
    });

    test('a child is replaced while its parent waits or is mined', async () => {
      const { parent, child, held } = await family(1_000n);
      await purse.answerPackage(parent, child(1_000n));
      expect(await purse.answerPackage(parent, child(1_001n))).toBe('replacement_fee_too_low');
      expect(await purse.answerPackage(parent, child(5_000n))).toBe('taken');
      expect(await purse.spenderOf(held)).toBe(idOf(child(5_000n)));
    });

    test('a child that is refused leaves its parent', async () => {
      const { parent, child, coin, held } = await family(1_000n);
      expect(await purse.answerPackage(parent, child(1n))).toBe('fee_too_low');
      expect(await purse.spenderOf(coin)).toBe(idOf(parent));
      expect(await purse.spenderOf(held)).toBeUndefined();
    });

    test('a parent that is refused for more than its fee takes the child with it', async () => {
      const { parent, child, held } = await family(1_000n);
      parent.locktime = 1_000_000;
      expect(await purse.answerPackage(parent, child(50_000n))).toBe('not_final');
      expect(await purse.spenderOf(held)).toBeUndefined();
    });

    test('a parent that pays less than what waits replaces it with the fee of its child', async () => {
      const { coin, parent, held, child } = await family(300n);
      const rival = await purse.send(purse.keys.give([coin], 5_000n));
      expect(await purse.answer(parent)).toBe('replacement_fee_too_low');
      expect(await purse.answerPackage(parent, child(4_000n))).toBe('replacement_fee_too_low');
      expect(await purse.spenderOf(coin)).toBe(idOf(rival));
      expect(await purse.answerPackage(parent, child(50_000n))).toBe('taken');
      expect(await purse.spenderOf(coin)).toBe(idOf(parent));
      expect(await purse.spenderOf(held)).toBe(idOf(child(50_000n)));
    });
  });
};
