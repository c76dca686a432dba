/**
 * How much a transaction may pay. Callers of sendrawtransaction and submitpackage who name no maxfeerate are guarded against
 * mistakes; the port is never guarded, for what it is given was decided upon.
 */
import type { Transaction } from 'bitcoinjs-lib';
import { beforeAll, describe, expect, test } from 'vitest';
import { hex } from '../../wire/bytes.ts';
import { type KeyCoin, rawOf } from '../support/spend.ts';
import { idOf, openPurse, type Purse, type RulesUnderTest } from './purse.ts';

export interface CallableRules extends RulesUnderTest {
  /** A call of the chain's JSON-RPC. Throws ChainError. */
  call(method: string, ...params: readonly unknown[]): Promise<unknown>;
}

/** bitcoind's default, satoshi per vbyte: 0.1 BTC per 1,000. */
const guarded = 10_000n;
/** What a commitment pays together with its child where a block is wanted at any price, satoshi per vbyte. */
const urgent = 250n;

const htlcScript = Uint8Array.of(0, 32, ...new Uint8Array(32).fill(7));

/** Declares the suite; `seed` keeps its coins apart from other tests' on the same chain. */
export const maxFeeSuite = (name: string, seed: string, get: () => CallableRules): void => {
  let purse: Purse;
  const rawHex = (tx: Transaction): string => hex(rawOf(tx));
  const refusal = (asked: Promise<unknown>) =>
    asked.then(
      () => 'taken',
      ({ fault }: { fault?: { rpcCode?: number; message?: string } }) => fault,
    );
  const tooMuch = { rpcCode: -25, message: expect.stringMatching(/^Fee exceeds maximum configured by user/) };

  describe(`${name}: the most a transaction may pay`, () => {
    let rich: KeyCoin[] = [];
    beforeAll(async () => {
      purse = await openPurse(get(), seed);
      rich = [await purse.reward(), await purse.reward(), await purse.reward(), await purse.reward()];
      await purse.mine(100);
    });
    const richCoin = (): KeyCoin => {
      const coin = rich.shift();
      if (coin === undefined) throw new Error('the test has no large coin left');
      return coin;
    };
    /** A transaction that pays this much per vbyte and so many satoshi more. A signature's length depends on what it signs. */
    const paying = (coin: KeyCoin, rate: bigint, more: bigint): Transaction => {
      for (let vsize = 109n; vsize < 112n; vsize++) {
        const tx = purse.keys.give([coin], vsize * rate + more);
        if (BigInt(tx.virtualSize()) === vsize) return tx;
      }
      throw new Error('no transaction of the size that its fee is for');
    };

    test('without maxfeerate it is 10,000 sat/vbyte; our port has no such bound', async () => {
      const coin = richCoin();
      const more = paying(coin, guarded, 1n);
      expect(await refusal(get().call('sendrawtransaction', rawHex(more)))).toMatchObject(tooMuch);
      expect(await refusal(get().call('sendrawtransaction', rawHex(paying(coin, guarded, 0n))))).toBe('taken');
      expect(await purse.answer(paying(coin, 2n * guarded, 0n))).toBe('taken');
    });

    test('with maxfeerate it is that; 0 allows anything, and 1 BTC is no feerate', async () => {
      const coin = await purse.coin();
      const more = paying(coin, 200n, 1n);
      expect(await refusal(get().call('sendrawtransaction', rawHex(more), '0.002'))).toMatchObject(tooMuch);
      expect(await refusal(get().call('sendrawtransaction', rawHex(paying(coin, 200n, 0n)), '0.002'))).toBe('taken');
      const dear = paying(richCoin(), 3n * guarded, 0n);
      expect(await refusal(get().call('sendrawtransaction', rawHex(dear), '1'))).toMatchObject({ rpcCode: -8 });
      expect(await refusal(get().call('sendrawtransaction', rawHex(dear), 0))).toBe('taken');
    });

    test.each([200, 966])('a child pays for a commitment with %i HTLC outputs in a hurry', async (htlcs) => {
      const coin = richCoin();
      const rest = coin.amount - BigInt(htlcs) * 354n;
      const make = (fee: bigint) =>
        purse.keys.spend(
          [coin],
          [
            ...Array.from({ length: htlcs }, () => ({ script: htlcScript, amount: 354n })),
            { script: purse.keys.script, amount: rest - fee },
          ],
        );
      // As little as is relayed by itself.
      const size = BigInt(make(0n).virtualSize());
      const parent = make(size + 1n);
      const held = purse.keys.coinOf(parent, htlcs);
      const all = size + BigInt(purse.keys.give([held], 1_000n).virtualSize());
      const child = purse.keys.give([held], all * urgent);
      expect((all * urgent) / BigInt(child.virtualSize())).toBeGreaterThan(guarded);
      const guardedAnswer = await get().call('submitpackage', [rawHex(parent), rawHex(child)]);
      expect(JSON.stringify(guardedAnswer)).toContain('max feerate exceeded');
      expect(await purse.answerPackage(parent, child)).toBe('taken');
      expect(await purse.spenderOf(held)).toBe(idOf(child));
      await purse.mine();
    });
  });
};
