/** What a chain takes from the network and what not: fees, dust, replacements, families, double spends, reorgs. */
import type { Transaction } from 'bitcoinjs-lib';
import { beforeAll, describe, expect, test } from 'vitest';
import { elsewhere, type KeyCoin } from '../support/spend.ts';
import { coinAmount, idOf, openPurse, type Purse, type RulesUnderTest } from './purse.ts';

const filled = (length: number, ...begin: readonly number[]): Uint8Array =>
  Uint8Array.of(...begin, ...new Uint8Array(length - begin.length).fill(7));
const hash20 = new Uint8Array(20).fill(7);

/** Declares the suite; `seed` keeps its coins apart from other tests' on the same chain. */
export const relaySuite = (name: string, seed: string, get: () => RulesUnderTest): void => {
  let purse: Purse;

  describe(`${name}: fees and amounts`, () => {
    beforeAll(async () => {
      purse = await openPurse(get(), seed);
    });

    test('1 sat/vbyte is relayed, one satoshi less is not', async () => {
      const coin = await purse.coin();
      const size = BigInt(purse.keys.give([coin], 1_000n).virtualSize());
      expect(await purse.answer(purse.keys.give([coin], size - 1n))).toBe('fee_too_low');
      expect(await purse.answer(purse.keys.give([coin], size))).toBe('taken');
    });

    test.each([
      ['P2WPKH', elsewhere, 294n],
      ['P2WSH', filled(34, 0, 32), 330n],
      ['P2TR', filled(34, 0x51, 32), 330n],
      ['P2PKH', Uint8Array.of(0x76, 0xa9, 20, ...hash20, 0x88, 0xac), 546n],
      ['P2SH', Uint8Array.of(0xa9, 20, ...hash20, 0x87), 540n],
    ])('%s is dust below its own limit', async (_, script, limit) => {
      const coin = await purse.coin();
      const paying = (amount: bigint) =>
        purse.keys.spend(
          [coin],
          [
            { script, amount },
            { script: elsewhere, amount: coinAmount - 10_000n },
          ],
        );
      expect(await purse.answer(paying(limit - 1n))).toBe('dust');
      expect(await purse.answer(paying(limit))).toBe('taken');
    });

    test('nobody makes money, and nobody spends an output twice at once', async () => {
      const coin = await purse.coin();
      expect(await purse.answer(purse.keys.give([coin], -1n))).toBe('invalid');
      expect(await purse.answer(purse.keys.give([coin, coin], 1_000n))).toBe('invalid');
    });

    test('a script of no standard form is not relayed', async () => {
      expect(await purse.answer(purse.keys.give([await purse.coin()], 1_000n, Uint8Array.of(0x51)))).toBe('invalid');
    });
  });

  describe(`${name}: replacements`, () => {
    beforeAll(async () => {
      purse = await openPurse(get(), `${seed}, replacements`);
    });

    test('a replacement pays for the old one and for its own relay, whether the old one signalled or not', async () => {
      for (const sequence of [0xfffffffd, 0xffffffff]) {
        const coin = await purse.coin();
        const old = await purse.send(purse.keys.give([{ ...coin, sequence }], 1_000n));
        const size = BigInt(old.virtualSize());
        expect(await purse.answer(purse.keys.give([coin], 1_000n + size - 1n))).toBe('replacement_fee_too_low');
        const better = purse.keys.give([coin], 1_000n + size);
        expect(await purse.answer(better)).toBe('taken');
        expect(await purse.spenderOf(coin)).toBe(idOf(better));
      }
    });

    test('a larger one must pay a higher rate, not only a higher fee', async () => {
      const [coin, ...others] = [await purse.coin(), await purse.coin(), await purse.coin(), await purse.coin()];
      await purse.send(purse.keys.give([coin], 2_000n));
      const size = BigInt(purse.keys.give([coin, ...others], 2_000n).virtualSize());
      expect(await purse.answer(purse.keys.give([coin, ...others], 2_000n + size))).toBe('replacement_fee_too_low');
    });

    test('what hangs on the old one is paid for and goes with it', async () => {
      const coin = await purse.coin();
      const old = await purse.send(purse.keys.give([coin], 1_000n, purse.keys.script));
      const child = await purse.send(purse.keys.give([purse.keys.coinOf(old, 0)], 50_000n));
      const size = BigInt(old.virtualSize());
      expect(await purse.answer(purse.keys.give([coin], 50_999n + size))).toBe('replacement_fee_too_low');
      expect(await purse.answer(purse.keys.give([coin], 51_000n + size))).toBe('taken');
      expect(await purse.answer(child)).toBe('missing_inputs');
    });

    test('a replacement hangs on nothing unconfirmed that the old one did not hang on, least of all the old one', async () => {
      const [coin, other] = [await purse.coin(), await purse.coin()];
      const old = await purse.send(purse.keys.give([coin], 1_000n, purse.keys.script));
      const waiting = await purse.send(purse.keys.give([other], 1_000n, purse.keys.script));
      expect(await purse.answer(purse.keys.give([coin, purse.keys.coinOf(waiting, 0)], 50_000n))).toBe('conflict');
      expect(await purse.answer(purse.keys.give([coin, purse.keys.coinOf(old, 0)], 50_000n))).toBe('conflict');
    });

    /** A chain of transactions, each spending the last one's output. */
    const chainFrom = async (coin: KeyCoin, length: number): Promise<readonly Transaction[]> => {
      const made: Transaction[] = [];
      let at = coin;
      for (let i = 0; i < length; i++) {
        const tx = await purse.send(purse.keys.give([at], 500n, purse.keys.script));
        made.push(tx);
        at = purse.keys.coinOf(tx, 0);
      }
      return made;
    };

    test('at most 100 go for one', async () => {
      const coins: KeyCoin[] = [];
      for (let i = 0; i < 5; i++) coins.push(await purse.coin());
      for (const coin of coins) await chainFrom(coin, 21);
      expect(await purse.answer(purse.keys.give(coins, 1_000_000n))).toBe('replacement_fee_too_low');
      expect(await purse.answer(purse.keys.give(coins.slice(1), 1_000_000n))).toBe('taken');
    });

    test('25 may hang together, and one small child more where another output filled the rest', async () => {
      const coin = await purse.coin();
      const half = (coinAmount - 1_000n) / 2n;
      const split = await purse.send(
        purse.keys.spend(
          [coin],
          [half, half].map((amount) => ({ script: purse.keys.script, amount })),
        ),
      );
      const last = (await chainFrom(purse.keys.coinOf(split, 0), 24)).at(-1) ?? split;
      expect(await purse.answer(purse.keys.give([purse.keys.coinOf(last, 0)], 500n))).toBe('too_many_unconfirmed');
      const bump = await purse.send(purse.keys.give([purse.keys.coinOf(split, 1)], 5_000n, purse.keys.script));
      expect(await purse.answer(purse.keys.give([purse.keys.coinOf(bump, 0)], 500n))).toBe('too_many_unconfirmed');
    });
  });

  describe(`${name}: double spends and reorgs`, () => {
    beforeAll(async () => {
      purse = await openPurse(get(), `${seed}, reorgs`);
    });
    const wait = async (tx: Transaction, coin: KeyCoin) => expect(await purse.spenderOf(coin)).toBe(idOf(tx));

    test('a mined double spend ends what waited and all that hung on it', async () => {
      const coin = await purse.coin();
      const loser = await purse.send(purse.keys.give([coin], 20_000n, purse.keys.script));
      const child = await purse.send(purse.keys.give([purse.keys.coinOf(loser, 0)], 1_000n));
      await purse.mineOnly(purse.keys.give([coin], 1_000n));
      expect(await purse.spenderOf(coin)).toBeUndefined();
      expect(await purse.spenderOf(purse.keys.coinOf(loser, 0))).toBeUndefined();
      expect(await purse.answer(loser)).toBe('missing_inputs');
      expect(await purse.answer(child)).toBe('missing_inputs');
    });

    test('an empty block takes nothing from those who wait', async () => {
      const coin = await purse.coin();
      const tx = await purse.send(purse.keys.give([coin], 1_000n));
      await purse.mineOnly();
      await wait(tx, coin);
      await purse.mine();
      expect(await purse.spenderOf(coin)).toBeUndefined();
      expect(await purse.chain.unspent(coin)).toBeUndefined();
    });

    test.each([1, 2, 3, 4, 5, 6])(
      'a reorg %i deep: what was mined waits again, and the new branch decides',
      async (depth) => {
        const { chain, keys } = purse;
        const coin = await purse.coin();
        const before = await chain.tip();
        const parent = await purse.send(keys.give([coin], 20_000n, keys.script));
        const [first = ''] = await purse.mine();
        const child = await purse.send(keys.give([keys.coinOf(parent, 0)], 1_000n));
        if (depth > 1) await purse.mine(depth - 1);
        expect(await chain.unspent(coin)).toBeUndefined();
        await purse.invalidate(first);
        expect(await chain.tip()).toEqual(before);
        expect(await chain.unspent(coin)).toMatchObject({ amount: coin.amount });
        await wait(parent, coin);
        await wait(child, keys.coinOf(parent, 0));
        if (depth % 2 === 0) {
          // The same transactions once more, on another branch.
          await purse.mine(depth + 1);
          expect(await chain.unspent(coin)).toBeUndefined();
          expect(await chain.unspent({ txid: keys.coinOf(child, 0).txid, vout: 0 })).toMatchObject({
            script: elsewhere,
          });
        } else {
          const other = keys.give([coin], 1_000n);
          await purse.mineOnly(other);
          for (let i = 0; i < depth; i++) await purse.mineOnly();
          expect(await purse.spenderOf(keys.coinOf(parent, 0))).toBeUndefined();
          expect(await purse.answer(parent)).toBe('missing_inputs');
        }
      },
    );

    test('what a reorg makes too young again no longer waits', async () => {
      const { chain, keys } = purse;
      const reward = await purse.reward();
      await purse.mine(99);
      const coin = await purse.coin();
      const parent = await purse.send(keys.give([coin], 1_000n, keys.script));
      const [hash = ''] = await purse.mine();
      const held = keys.coinOf(parent, 0);
      const locked = await purse.send(keys.give([{ ...held, sequence: 1 }], 1_000n));
      const early = await purse.send(keys.give([reward], 1_000n));
      await wait(early, reward);
      await purse.invalidate((await chain.hashAt(reward.height + 99)) ?? '');
      expect(await purse.spenderOf(reward)).toBeUndefined();
      expect(await chain.hashAt(reward.height + 99)).not.toBe(hash);
      expect(await purse.spenderOf(held)).toBeUndefined();
      await purse.mine(2);
      expect(await purse.answer(locked)).toBe('taken');
      expect(await purse.answer(early)).toBe('taken');
    });
  });
};
