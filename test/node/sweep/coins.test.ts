/** Coins of the wallet that pay for claims: which, how often, and what comes back, on the embedded chain. */
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../node/base/entropy.ts';
import { embeddedChain } from '../../../node/regtest/chain/chain.ts';
import { sendTo } from '../../../node/wallet/send.ts';
import { hex } from '../../../wire/bytes.ts';
import { sat } from '../../../wire/units.ts';
import { elsewhere, rawOf } from '../../support/spend.ts';
import { type Bench, benchesOf, feeOf, idOf } from './bench.ts';

const open = benchesOf(afterEach);
const said = (bench: Bench, words: string): number => bench.lines.filter((line) => line.includes(words)).length;

describe('coins that pay', () => {
  test('an HTLC transaction keeps input and output 0; change comes back, the coin is promised until then', async () => {
    const bench = await open();
    await bench.deposit(40_000n);
    const coin = await bench.output(100_000n);
    const claim = await bench.claim(coin, { kind: 'htlc', locktime: 100 });
    const tx = bench.spenderOf(claim);
    expect(hex(tx?.ins[0]?.hash ?? new Uint8Array())).toBe(hex(coin.txid));
    expect(tx?.outs[0]).toMatchObject({ value: 100_000n });
    expect(tx?.locktime).toBe(100);
    expect(bench.wallet.spendable()).toBe(0n);
    await bench.mine();
    expect(bench.wallet.owners()).toEqual([]);
    expect(bench.balance()).toBe(40_000n - feeOf(tx, 100_000n, 40_000n));
  });

  test('one coin never pays twice at once: the second waits for the change of the first', async () => {
    const bench = await open();
    await bench.deposit(40_000n);
    const [late, soon] = [await bench.output(50_000n), await bench.output(20_000n)];
    const { height } = bench.regtest.ledger.tip;
    const second = await bench.claim(late, { kind: 'htlc' }, { deadline: height + 200, from: height + 2 });
    const first = await bench.claim(soon, { kind: 'htlc' }, { deadline: height + 100, from: height + 2 });
    await bench.mine();
    expect(bench.spenderOf(first)).toBeDefined();
    expect(bench.spenderOf(second)).toBeUndefined();
    await bench.mine();
    expect(bench.spenderOf(second)).toBeDefined();
    await bench.mine();
    expect(bench.engine.claimsWithStatus('channel')).toEqual([]);
  });

  test('where there are none the operator is told what to do, and once coins come it goes on', async () => {
    const bench = await open();
    const claim = await bench.claim(await bench.output(100_000n), { kind: 'htlc' });
    await bench.mine(5);
    expect(bench.spenderOf(claim)).toBeUndefined();
    expect(said(bench, 'to an address of this node')).toBe(1);
    await bench.mine(2);
    expect(said(bench, 'to an address of this node')).toBe(2);
    await bench.deposit(40_000n);
    expect(bench.spenderOf(claim)).toBeDefined();
    await bench.mine();
    expect(bench.engine.claimsWithStatus('channel')).toEqual([]);
  });

  test('change that no block holds yet pays where there is nothing else, and is replaced like any', async () => {
    const bench = await open();
    await bench.deposit(100_000n);
    const sent = await sendTo(bench.wallet, embeddedChain(bench.regtest, systemClock), {
      script: elsewhere,
      amount: sat(30_000n),
      feerate: 1_000,
    });
    const { height } = bench.regtest.ledger.tip;
    const claim = await bench.claim(await bench.output(60_000n), { kind: 'htlc' }, { deadline: height + 12 });
    const first = bench.spenderOf(claim);
    expect(first?.ins.slice(1).map(({ hash }) => hex(hash))).toEqual([hex(sent.txid)]);
    expect(said(bench, 'to an address of this node')).toBe(0);
    bench.regtest.demand = 60_000;
    await bench.mine(4);
    expect(idOf(bench.spenderOf(claim))).not.toBe(idOf(first));
    bench.regtest.demand = 0;
    await bench.mine();
    expect(bench.engine.claimsWithStatus('channel')).toEqual([]);
  });

  test('what is no longer claimed keeps its coins while its transaction may be mined', async () => {
    const bench = await open();
    await bench.deposit(40_000n);
    const coin = await bench.output(100_000n);
    const claim = await bench.claim(coin, { kind: 'htlc' });
    expect(bench.wallet.owners()).toHaveLength(1);
    await bench.unclaim(claim);
    await bench.restart();
    bench.regtest.mine(1, elsewhere, { only: [] });
    await bench.caughtUp();
    expect(bench.wallet.spendable()).toBe(0n);
    bench.regtest.mine(1, elsewhere, { only: [rawOf(bench.owner.give([coin], 1_000n))] });
    await bench.caughtUp();
    expect(bench.wallet.owners()).toEqual([]);
    expect(bench.wallet.spendable()).toBe(40_000n);
  });

  test('one coin is enough for many: what comes back is divided among those that have none', async () => {
    const bench = await open();
    await bench.deposit(60_000n);
    const claims = [];
    for (let i = 0; i < 8; i++) claims.push(await bench.output(30_000n));
    const { height } = bench.regtest.ledger.tip;
    for (const coin of claims) await bench.claim(coin, { kind: 'htlc' }, { from: height + 2, deadline: height + 20 });
    await bench.mine();
    expect(bench.regtest.pool.entries()).toHaveLength(1);
    for (let blocks = 0; blocks < 3; blocks++) await bench.mine();
    expect(bench.engine.claimsWithStatus('channel')).toEqual([]);
    expect(bench.balance()).toBeGreaterThan(20_000n);
  });
});
