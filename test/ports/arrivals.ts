/** What a Chain that tells of transactions as they come must tell: also of those that are gone again before anybody asks. */

import { Transaction } from 'bitcoinjs-lib';
import { beforeAll, describe, expect, test } from 'vitest';
import { idOf, openPurse, type Purse, type RulesUnderTest } from './purse.ts';

/** Declares the suite; `seed` keeps its coins apart from other tests' on the same chain. */
export const arrivalsSuite = (
  name: string,
  seed: string,
  get: () => RulesUnderTest,
  tells: () => boolean = () => true,
): void => {
  describe(`${name}: transactions as they come`, () => {
    let purse: Purse;
    beforeAll(async () => {
      purse = await openPurse(get(), seed);
    });
    const becomes = async (holds: () => boolean): Promise<void> => {
      for (const end = Date.now() + 10_000; !holds() && Date.now() < end; )
        await new Promise((resolve) => setTimeout(resolve, 10));
      expect(holds()).toBe(true);
    };

    test('each is told, also one that is replaced at once; none after the end', async () => {
      const heard = new Set<string>();
      const end = purse.chain.subscribeRawTx((raw) => void heard.add(idOf(Transaction.fromBuffer(raw))));
      // Until one is heard, it may not listen yet.
      for (let tries = 0; heard.size === 0 && tries < (tells() ? 50 : 3); tries++) {
        await purse.send(purse.keys.give([await purse.coin()], 1_000n));
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(heard.size > 0).toBe(tells());
      const coin = await purse.coin();
      const [old, better] = [purse.keys.give([coin], 1_000n), purse.keys.give([coin], 10_000n)];
      await purse.send(old);
      await purse.send(better);
      if (tells()) await becomes(() => heard.has(idOf(old)) && heard.has(idOf(better)));
      end();
      const last = await purse.send(purse.keys.give([await purse.coin()], 1_000n));
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(heard.has(idOf(last))).toBe(false);
    });
  });
};
