/** The claim engine at work on the embedded chain: what it publishes, from which coins, and when it pays more. */
import { afterEach, describe, expect, test } from 'vitest';
import { outpointKey } from '../../../node/chain/watchrules.ts';
import { hex } from '../../../wire/bytes.ts';
import { elsewhere, rawOf } from '../../support/spend.ts';
import { type Bench, benchesOf, feeOf, idOf } from './bench.ts';

const open = benchesOf(afterEach);
const said = (bench: Bench, words: string): number => bench.lines.filter((line) => line.includes(words)).length;

describe('a sweep', () => {
  test('brings an output to the wallet, every one of a channel to the same script', async () => {
    const bench = await open();
    const scripts: string[] = [];
    for (const amount of [100_000n, 50_000n]) {
      const before = bench.balance();
      const claim = await bench.claim(await bench.output(amount), { kind: 'sweep' });
      const tx = bench.spenderOf(claim);
      scripts.push(hex(tx?.outs[0]?.script ?? new Uint8Array()));
      await bench.mine();
      expect(bench.balance() - before).toBe(amount - feeOf(tx, amount));
      expect(bench.engine.claimsWithStatus('channel')).toEqual([]);
    }
    expect(new Set(scripts).size).toBe(1);
  });

  test('is published as soon as the next block may hold it, and not before', async () => {
    const bench = await open();
    const coin = await bench.output(100_000n);
    const { height } = bench.regtest.ledger.tip;
    const claim = await bench.claim(coin, { kind: 'sweep', sequence: 4 }, { from: height + 4 });
    for (let tip = height; tip < height + 3; tip++) {
      expect(bench.spenderOf(claim)).toBeUndefined();
      await bench.mine();
    }
    expect(bench.spenderOf(claim)).toBeDefined();
    await bench.mine();
    expect(bench.engine.claimsWithStatus('channel')).toEqual([]);
  });

  test('whose fee would exceed its value is not made, and the log says so once', async () => {
    const bench = await open();
    const claim = await bench.claim(await bench.output(400n), { kind: 'sweep' });
    await bench.mine(3);
    expect(bench.spenderOf(claim)).toBeUndefined();
    expect(said(bench, 'the fee would exceed its value')).toBe(1);
  });

  test('of a channel that came to its end while it was looked at keeps nothing else from being claimed', async () => {
    const bench = await open();
    const { height } = bench.regtest.ledger.tip;
    const lost = await bench.claim(
      await bench.output(100_000n),
      { kind: 'sweep' },
      { deadline: height + 9, gone: true },
    );
    const other = await bench.claim(await bench.output(50_000n), { kind: 'sweep' });
    expect(bench.spenderOf(lost)).toBeUndefined();
    expect(bench.spenderOf(other)).toBeDefined();
  });

  test('a whole transaction is published as it is', async () => {
    const bench = await open();
    const coin = await bench.output(100_000n);
    const tx = bench.owner.give([coin], 5_000n);
    const claim = await bench.claim(coin, { kind: 'ready', tx });
    expect(idOf(bench.spenderOf(claim))).toBe(tx.getId());
  });
});

describe('a claim that the mempool dropped', () => {
  test('is broadcast again before the next block where it has a deadline', async () => {
    const bench = await open();
    const { height } = bench.regtest.ledger.tip;
    const hurried = await bench.claim(await bench.output(100_000n), { kind: 'sweep' }, { deadline: height + 50 });
    const unhurried = await bench.claim(await bench.output(100_000n), { kind: 'sweep' });
    const before = bench.spenderOf(hurried)?.getId();
    bench.regtest.pool.clear();
    bench.engine.checkUrgentSoon();
    await bench.engine.settled();
    expect(bench.spenderOf(hurried)?.getId()).toBe(before);
    expect(bench.spenderOf(unhurried)).toBeUndefined();
    await bench.mine();
    expect(bench.spenderOf(unhurried)).toBeDefined();
  });
});

describe('a commitment that does not confirm', () => {
  /** A parent with an output to be claimed, which pays less than miners want, in the mempool. */
  const stuck = async (bench: Bench, fee: bigint, send = true) => {
    const outputs = [
      { script: bench.owner.script, amount: 330n },
      { script: elsewhere, amount: 99_670n - fee },
    ];
    const parent = bench.owner.spend([await bench.output(100_000n)], outputs);
    if (send) bench.regtest.send(rawOf(parent));
    return { parent, anchor: bench.owner.coinOf(parent, 0) };
  };

  test('gets a child that pays for both', async () => {
    const bench = await open();
    await bench.deposit(40_000n);
    const { parent, anchor } = await stuck(bench, 200n);
    bench.regtest.demand = 5_000;
    await bench.mine();
    expect(bench.regtest.coin(anchor)).toBeUndefined();
    await bench.claim(anchor, { kind: 'bump', parent, parentFee: 200n });
    await bench.mine();
    expect(bench.engine.claimsWithStatus('channel')).toEqual([]);
  });

  test('is left alone while it pays enough', async () => {
    const bench = await open();
    await bench.deposit(40_000n);
    const { parent, anchor } = await stuck(bench, 5_000n);
    const claim = await bench.claim(anchor, { kind: 'bump', parent, parentFee: 5_000n });
    expect(bench.spenderOf(claim)).toBeUndefined();
    bench.regtest.demand = 20_000;
    await bench.mine();
    expect(bench.spenderOf(claim)).toBeDefined();
    await bench.mine();
    expect(bench.engine.claimsWithStatus('channel')).toEqual([]);
  });

  test('leaves the coin of its child promised when a block takes it without the child', async () => {
    const bench = await open();
    await bench.deposit(40_000n);
    const { parent, anchor } = await stuck(bench, 200n);
    bench.regtest.demand = 5_000;
    const claim = await bench.claim(anchor, { kind: 'bump', parent, parentFee: 200n });
    const child = bench.spenderOf(claim);
    bench.regtest.mine(1, elsewhere, { only: [rawOf(parent)] });
    await bench.unclaim(claim);
    await bench.caughtUp();
    expect(bench.wallet.spendable()).toBe(0n);
    expect(idOf(bench.spenderOf(claim))).toBe(idOf(child));
    await bench.restart();
    expect(bench.wallet.spendable()).toBe(0n);
    await bench.mine();
    expect(bench.wallet.owners()).toEqual([]);
    expect(bench.balance()).toBe(40_330n - feeOf(child, 40_000n, 330n));
  });

  test('gets no child while another commitment pays enough, and gets one where the other pays too little', async () => {
    const bench = await open();
    await bench.deposit(100_000n);
    const coin = await bench.output(100_000n);
    const parent = bench.owner.give([coin], 200n, bench.owner.script);
    const rival = bench.owner.give([coin], 4_000n);
    bench.regtest.send(rawOf(rival));
    const claim = await bench.claim(bench.owner.coinOf(parent, 0), { kind: 'bump', parent, parentFee: 200n });
    expect(bench.engine.claimsWithStatus('channel')).toMatchObject([{ status: { state: 'parent_suffices' } }]);
    bench.regtest.demand = 20_000;
    await bench.mine();
    expect(bench.spenderOf(claim)).toBeDefined();
    expect(idOf(bench.regtest.spender(coin)?.tx)).toBe(parent.getId());
    await bench.mine();
    expect(bench.engine.claimsWithStatus('channel')).toEqual([]);
  });

  test('whose output somebody was promised already, as after a reorg, is left to them and stops nothing', async () => {
    const bench = await open();
    const parent = bench.owner.give([await bench.output(100_000n)], 200n, bench.owner.script);
    bench.regtest.send(rawOf(parent));
    const coin = bench.owner.coinOf(parent, 0);
    await bench.wallet.promise('channel/another', [outpointKey(coin.txid, coin.vout)]);
    const claim = await bench.claim(coin, { kind: 'bump', parent, parentFee: 200n, wallets: true });
    await bench.caughtUp();
    expect(bench.engine.claimsWithStatus('channel')[0]?.status).toMatchObject({ state: 'refused' });
    await bench.wallet.release('channel/another');
    await bench.mine();
    expect(bench.spenderOf(claim)).toBeDefined();
  });

  test('is submitted as a package with its child where a full mempool rejects it alone', async () => {
    const bench = await open();
    await bench.deposit(40_000n);
    const { parent, anchor } = await stuck(bench, 200n, false);
    bench.regtest.minimum = 3_000;
    bench.regtest.demand = 3_000;
    expect(() => bench.regtest.send(rawOf(parent))).toThrow(/fee not met/);
    await bench.claim(anchor, { kind: 'bump', parent, parentFee: 200n });
    expect(bench.regtest.pool.entries()).toHaveLength(2);
    await bench.mine();
    expect(bench.engine.claimsWithStatus('channel')).toEqual([]);
  });
});

describe('paying more', () => {
  test('each version pays more than the last, until miners take one', async () => {
    const bench = await open();
    await bench.deposit(100_000n, 100_000n);
    const sweep = await bench.claim(await bench.output(200_000n), { kind: 'sweep' });
    const htlc = await bench.claim(await bench.output(300_000n), { kind: 'htlc' });
    const versions = new Set<string>();
    for (const demand of [4_000, 6_000, 9_000, 13_000]) {
      const before = [bench.spenderOf(sweep), bench.spenderOf(htlc)];
      // Above what was just estimated, so this block leaves both.
      bench.regtest.demand = demand;
      await bench.mine();
      for (const [i, claim] of [sweep, htlc].entries()) {
        const [old, better] = [before[i], bench.spenderOf(claim)];
        versions.add(idOf(better) ?? '');
        expect(idOf(better)).not.toBe(idOf(old));
      }
    }
    expect(versions.size).toBe(8);
    await bench.mine();
    expect(bench.engine.claimsWithStatus('channel')).toEqual([]);
    expect(bench.wallet.owners()).toEqual([]);
  });

  test('blocks that are only read late are no time in which it hung', async () => {
    const bench = await open((chain) => ({
      ...chain,
      feerate: async () => 1_000,
      block: async (hash) => {
        await new Promise((resolve) => setTimeout(resolve, 2));
        return chain.block(hash);
      },
    }));
    const coin = await bench.output(1_000_000n);
    bench.regtest.mine(60, elsewhere);
    const claim = await bench.claim(coin, { kind: 'sweep' });
    const [first, height] = [bench.spenderOf(claim), bench.regtest.ledger.tip.height];
    await bench.caughtUp();
    expect(idOf(bench.spenderOf(claim))).toBe(idOf(first));
    expect(feeOf(first, 1_000_000n)).toBeLessThan(1_000n);
    expect(bench.regtest.ledger.tip.height).toBe(height);
  });

  test('as its deadline nears a claim outgrows any wrong estimate', async () => {
    const bench = await open((chain) => ({ ...chain, feerate: async () => 1_000 }));
    const coin = await bench.output(1_000_000n);
    const { height } = bench.regtest.ledger.tip;
    bench.regtest.demand = 30_000;
    const deadline = height + 40;
    await bench.claim(coin, { kind: 'sweep' }, { deadline });
    while (bench.engine.claimsWithStatus('channel').length > 0 && bench.regtest.ledger.tip.height < deadline)
      await bench.mine();
    expect(bench.regtest.ledger.tip.height).toBeLessThan(deadline);
    expect(bench.regtest.ledger.tip.height).toBeGreaterThan(deadline - 18);
    expect(bench.balance()).toBeGreaterThan(950_000n);
  });

  test('a competing spend in the mempool is outbid', async () => {
    const bench = await open();
    const coin = await bench.output(100_000n);
    const rival = bench.owner.give([coin], 9_000n);
    bench.regtest.send(rawOf(rival));
    const claim = await bench.claim(coin, { kind: 'sweep' });
    const ours = bench.spenderOf(claim);
    expect(idOf(ours)).not.toBe(rival.getId());
    expect(feeOf(ours, 100_000n)).toBeGreaterThan(9_000n);
    expect(feeOf(ours, 100_000n)).toBeLessThan(20_000n);
  });

  test('a competing spend that costs more than half of the value to outbid stays while no deadline is near', async () => {
    const bench = await open();
    const coin = await bench.output(100_000n);
    const rival = bench.owner.give([coin], 60_000n);
    bench.regtest.send(rawOf(rival));
    const claim = await bench.claim(coin, { kind: 'sweep' });
    expect(idOf(bench.spenderOf(claim))).toBe(rival.getId());
    expect(said(bench, 'the network rejected a claim')).toBe(1);
  });

  test('a preimage claim of an HTLC that we offered is not outbid', async () => {
    const bench = await open();
    const coin = await bench.output(100_000n);
    const theirs = bench.owner.give([coin], 5_000n);
    bench.regtest.send(rawOf(theirs));
    const claim = await bench.claim(coin, { kind: 'sweep' }, { why: 'htlc_timeout' });
    expect(idOf(bench.spenderOf(claim))).toBe(theirs.getId());
  });

  test('a claim that was evicted from the mempool is published again', async () => {
    const bench = await open();
    const claim = await bench.claim(await bench.output(100_000n), { kind: 'sweep' });
    const first = bench.spenderOf(claim);
    bench.regtest.pool.clear();
    bench.regtest.mine(1, elsewhere, { only: [] });
    await bench.caughtUp();
    expect(idOf(bench.spenderOf(claim))).toBe(idOf(first));
  });
});
