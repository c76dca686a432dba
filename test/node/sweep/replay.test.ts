/** The claim engine through restarts, power cuts, reorgs, and a chain that does not answer: nothing is lost, nothing done twice. */
import { afterEach, describe, expect, test } from 'vitest';
import { ChainError } from '../../../node/chain/errors.ts';
import { elsewhere } from '../../support/spend.ts';
import { benchesOf, feeOf, idOf } from './bench.ts';

const open = benchesOf(afterEach);

describe('a restart', () => {
  test('changes nothing: the same transaction, the same coins, and replacements that still pay more', async () => {
    const bench = await open();
    await bench.deposit(40_000n, 41_000n);
    const claim = await bench.claim(await bench.output(100_000n), { kind: 'htlc' });
    bench.regtest.demand = 5_000;
    await bench.restart();
    const first = bench.spenderOf(claim);
    expect(bench.wallet.spendable()).toBe(41_000n);
    await bench.restart();
    expect(idOf(bench.spenderOf(claim))).toBe(idOf(first));
    expect(bench.wallet.spendable()).toBe(41_000n);
    bench.regtest.demand = 9_000;
    await bench.mine();
    const better = bench.spenderOf(claim);
    expect(idOf(better)).not.toBe(idOf(first));
    await bench.restart();
    expect(idOf(bench.spenderOf(claim))).toBe(idOf(better));
    await bench.mine();
    await bench.restart();
    expect(bench.engine.claimsWithStatus('channel')).toEqual([]);
    expect(bench.wallet.owners()).toEqual([]);
    expect(bench.balance()).toBe(81_000n - feeOf(better, 100_000n, 40_000n));
  });

  test('at any write: what a power cut leaves is enough to go on, and no coin stays promised', async () => {
    // Each round the disk forgets everything after the n-th record that a claim writes.
    for (let cut = 0; cut < 5; cut++) {
      const bench = await open();
      await bench.deposit(40_000n);
      const coin = await bench.output(100_000n);
      const before = new Map(bench.records);
      await bench.claim(coin, { kind: 'htlc' });
      const changed = [...bench.records].filter(([key, value]) => before.get(key) !== value);
      await bench.engine.settled();
      const order = ['wallet/head', 'claim/script', 'wallet/reserved', 'claim/tx'];
      const kept = order.slice(0, cut);
      for (const [key] of changed) {
        if (kept.some((begin) => key.startsWith(begin))) continue;
        const old = before.get(key);
        if (old === undefined) bench.records.delete(key);
        else bench.records.set(key, old);
      }
      if (cut < 4) bench.regtest.pool.clear();
      await bench.restart();
      await bench.mine();
      expect(bench.engine.claimsWithStatus('channel')).toEqual([]);
      expect(bench.wallet.owners()).toEqual([]);
      expect(bench.wallet.spendable()).toBeGreaterThan(36_000n);
    }
  });
});

describe('a reorg', () => {
  test.each([1, 2, 3, 4, 5, 6])(
    '%i deep puts a claim back, with its coins, and the next branch takes it',
    async (depth) => {
      const bench = await open();
      await bench.deposit(40_000n, 41_000n);
      const claim = await bench.claim(await bench.output(100_000n), { kind: 'htlc' });
      const tx = bench.spenderOf(claim);
      await bench.mine(depth);
      expect(bench.engine.claimsWithStatus('channel')).toEqual([]);
      expect(bench.wallet.owners()).toEqual([]);
      await bench.drop(depth);
      expect(bench.engine.claimsWithStatus('channel')).toMatchObject([
        { status: { state: 'published', txid: tx?.getId() } },
      ]);
      expect(bench.wallet.spendable()).toBe(41_000n);
      await bench.mine(depth);
      expect(bench.engine.claimsWithStatus('channel')).toEqual([]);
      expect(bench.balance()).toBe(81_000n - feeOf(tx, 100_000n, 40_000n));
    },
  );

  test('that takes the coin of a claim away makes it pay with another', async () => {
    const bench = await open();
    const coin = await bench.output(100_000n);
    await bench.deposit(41_000n);
    const claim = await bench.claim(coin, { kind: 'htlc' });
    const first = bench.spenderOf(claim);
    bench.regtest.drop(1);
    bench.regtest.pool.clear();
    bench.regtest.mine(1, elsewhere, { only: [] });
    await bench.caughtUp();
    expect(bench.engine.claimsWithStatus('channel')).toMatchObject([{ status: { state: 'short_of_coins' } }]);
    await bench.deposit(42_000n);
    expect(bench.spenderOf(claim)).toBeDefined();
    expect(idOf(bench.spenderOf(claim))).not.toBe(idOf(first));
  });
});

describe('a chain that does not answer', () => {
  test('is asked again after a while, without a new block', async () => {
    let away = false;
    const bench = await open((chain) => ({
      ...chain,
      broadcast: async (tx) => {
        if (away) {
          throw new ChainError({ code: 'unreachable', where: 'here', reason: 'ECONNREFUSED' });
        }
        return chain.broadcast(tx);
      },
    }));
    away = true;
    const claim = await bench.claim(await bench.output(100_000n), { kind: 'sweep' });
    expect(bench.spenderOf(claim)).toBeUndefined();
    away = false;
    bench.clock.pass(5_000);
    await bench.engine.settled();
    expect(bench.spenderOf(claim)).toBeDefined();
  });
});
