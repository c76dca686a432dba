import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChainError } from '../../../node/chain/errors.ts';
import { networkOf } from '../../../node/ports/network.ts';
import type { Block, Chain } from '../../../node/ports/ports.ts';
import { memoryStore } from '../../../node/store/memory.ts';
import { emptyWallet, walletEvent } from '../../../node/wallet/coins.ts';
import { addressBook } from '../../../node/wallet/keys.ts';
import { Refusals } from '../../../node/wallet/refusals.ts';
import { dustOf, weightOf } from '../../../node/wallet/select.ts';
import { rebroadcast, sendTo } from '../../../node/wallet/send.ts';
import { Wallet } from '../../../node/wallet/wallet.ts';
import { hex, utf8 } from '../../../wire/bytes.ts';
import { sat } from '../../../wire/units.ts';
import { chainTx, payment, stranger } from '../../support/chain.ts';
import { keptLog } from '../../support/quiet.ts';
import { walletKeys as keys, walletOver } from '../../support/walletover.ts';

const foreign = Uint8Array.of(0, 20, ...new Uint8Array(20).fill(9));
const feerate = 1000;
const network = networkOf('regtest');

describe('finding coins', () => {
  test('what blocks pay to our addresses is ours, with its height', async () => {
    const { wallet, deposit, mine } = await walletOver();
    await deposit(50_000n, 60_000n);
    await mine(payment([stranger(99)], [{ script: foreign, amount: 1n }]));
    expect(wallet.funds().map(({ amount, status, height }) => [amount, status, height])).toEqual([
      [50_000n, 'confirmed', 1],
      [60_000n, 'confirmed', 1],
    ]);
    expect(wallet.spendable()).toBe(110_000n);
  });

  test('an address found in a block is not given out again', async () => {
    const { wallet, mine } = await walletOver();
    await mine(payment([stranger(1)], [{ script: keys.script({ branch: 0, index: 4 }), amount: 1000n }]));
    expect((await wallet.newAddress()).script).toEqual(keys.script({ branch: 0, index: 5 }));
  });

  test('a coinbase matures after a hundred blocks', async () => {
    const { wallet, standing, mine } = await walletOver();
    const { script } = await wallet.newAddress();
    const reward = payment([], [{ script, amount: 1000n }]);
    const block: Block = { height: 1, hash: 'aa', previous: 'bb', time: 0, transactions: [chainTx(reward)] };
    wallet.apply({ event: 'connected', block });
    for (let i = 1; i < 99; i++) await mine();
    expect(standing()).toEqual(['1000 immature']);
    expect(wallet.spendable()).toBe(0n);
    await mine();
    await mine();
    expect(standing()).toEqual(['1000 confirmed']);
  });

  test('a spend by someone who shares the seed is noticed', async () => {
    const { wallet, standing, deposit, mine } = await walletOver();
    await deposit(50_000n);
    const [coin] = wallet.funds();
    if (coin === undefined) throw new Error('no coin');
    await mine(payment([coin], [{ script: foreign, amount: 1n }]));
    expect(standing()).toEqual(['50000 spent']);
  });
});

describe('sending', () => {
  test('coins are spent and change is ours at once; a block settles both', async () => {
    const { wallet, chain, standing, deposit, mine } = await walletOver();
    await deposit(100_000n);
    const { tx } = await sendTo(wallet, chain, { script: foreign, amount: sat(30_000n), feerate });
    const change = tx.outs.find(({ script }) => hex(script) !== hex(foreign))?.value;
    expect(chain.broadcasts).toEqual([tx.toHex()]);
    expect(standing()).toEqual(['100000 spent', `${change} unconfirmed`]);
    await mine(tx);
    expect(standing()).toEqual(['100000 spent', `${change} confirmed`]);
    expect(wallet.pending()).toEqual([]);
  });

  test('the fee is what was asked for, within a signature byte an input', async () => {
    const { wallet, chain, deposit } = await walletOver();
    await deposit(100_000n, 100_000n);
    const { tx } = await sendTo(wallet, chain, { script: foreign, amount: sat(150_000n), feerate });
    const fee = 200_000n - tx.outs.reduce((sum, { value }) => sum + value, 0n);
    expect(fee).toBeGreaterThanOrEqual(tx.weight());
    expect(fee).toBeLessThanOrEqual(tx.weight() + 2 * tx.ins.length);
  });

  test('everything leaves nothing', async () => {
    const { wallet, chain, deposit } = await walletOver();
    await deposit(100_000n, 50_000n);
    const { tx } = await sendTo(wallet, chain, { script: foreign, amount: 'all', feerate });
    expect(tx.outs).toHaveLength(1);
    expect(wallet.spendable()).toBe(0n);
  });

  test('what the network refuses was never sent', async () => {
    const { wallet, chain, standing, deposit } = await walletOver();
    await deposit(100_000n);
    const refusing: Chain = {
      ...chain,
      broadcast: async () => {
        throw new ChainError({ code: 'rejected', refusal: 'fee_too_low', message: 'min relay fee not met' });
      },
    };
    const payment = { script: foreign, amount: sat(30_000n), feerate };
    await expect(sendTo(wallet, refusing, payment)).rejects.toMatchObject({ fault: { refusal: 'fee_too_low' } });
    expect(standing()).toEqual(['100000 confirmed']);
    expect(wallet.spendable()).toBe(100_000n);
  });

  test('while the chain is away a payment waits, survives a restart, and is sent again', async () => {
    const { wallet, chain, records, deposit } = await walletOver();
    await deposit(100_000n);
    chain.fail({ code: 'unreachable', where: 'here', reason: 'ECONNREFUSED' });
    const { tx } = await sendTo(wallet, chain, { script: foreign, amount: sat(30_000n), feerate });
    chain.fail(undefined);
    const again = await walletOver(records, chain);
    await rebroadcast(again.wallet, chain, keptLog(), new Refusals());
    expect(chain.broadcasts).toEqual([tx.toHex()]);
    expect(again.standing()).toEqual(['100000 spent', expect.stringMatching(/unconfirmed$/)]);
  });

  test('a payment built on one that lost to another is lost with it, and its coins are free', async () => {
    const { wallet, chain, standing, deposit, mine, drop } = await walletOver();
    await deposit(100_000n);
    const [coin] = wallet.funds();
    if (coin === undefined) throw new Error('no coin');
    await sendTo(wallet, chain, { script: foreign, amount: sat(30_000n), feerate });
    await sendTo(wallet, chain, { script: foreign, amount: sat(20_000n), feerate });
    expect(wallet.pending()).toHaveLength(2);
    await mine(payment([coin], [{ script: foreign, amount: 1n }]));
    expect(wallet.pending()).toEqual([]);
    expect(standing()).toEqual(['100000 spent']);
    await drop(1);
    expect(wallet.pending()).toHaveLength(2);
  });

  test('a payment that is given to the network again while a block has it stays in that block', async () => {
    const { wallet, chain, deposit, mine, standing } = await walletOver();
    await deposit(100_000n);
    const made = await sendTo(wallet, chain, { script: foreign, amount: sat(30_000n), feerate });
    await mine(made.tx);
    await wallet.sending(made);
    expect(wallet.pending()).toEqual([]);
    expect(wallet.rivalOf(made.txid)).toBeUndefined();
    expect(standing()).toEqual(['100000 spent', expect.stringMatching(/ confirmed$/)]);
  });

  test('unconfirmed change is spent only where confirmed coins do not suffice, and never when depth is asked', async () => {
    const { wallet, chain, deposit } = await walletOver();
    await deposit(100_000n);
    await sendTo(wallet, chain, { script: foreign, amount: sat(30_000n), feerate });
    const payment = { script: foreign, amount: sat(20_000n), feerate };
    await expect(sendTo(wallet, chain, { ...payment, minDepth: 1 })).rejects.toMatchObject({
      fault: { code: 'insufficient_funds', available: 0n },
    });
    await deposit(40_000n);
    const { tx } = await sendTo(wallet, chain, payment);
    expect(tx.ins).toHaveLength(1);
    expect(tx.outs.reduce((sum, { value }) => sum + value, 0n)).toBeLessThan(40_000n);
  });

  test('dust is refused and the coins stay free', async () => {
    const { wallet, chain, deposit } = await walletOver();
    await deposit(100_000n);
    const amount = sat(dustOf(foreign) - 1n);
    await expect(sendTo(wallet, chain, { script: foreign, amount, feerate })).rejects.toMatchObject({
      fault: { code: 'dust', minimum: 294n },
    });
    expect(wallet.owners()).toEqual([]);
  });
});

describe('reserving', () => {
  const want = { amount: sat(60_000n), scriptLength: 34, feerate };
  const funding = Uint8Array.of(0, 32, ...new Uint8Array(32).fill(3));

  test('two openings never get the same coin, however close they come', async () => {
    const { wallet, deposit } = await walletOver();
    await deposit(100_000n, 100_000n);
    const [a, b] = await Promise.all([wallet.reserve('a', want), wallet.reserve('b', want)]);
    expect(a.inputs.map(({ key }) => key)).not.toEqual(b.inputs.map(({ key }) => key));
    expect(a.change?.script).not.toEqual(b.change?.script);
    await expect(wallet.reserve('c', want)).rejects.toMatchObject({ fault: { code: 'insufficient_funds' } });
    await wallet.release('a');
    await expect(wallet.reserve('c', want)).resolves.toMatchObject({ owner: 'c' });
  });

  test('the signed transaction pays the script the plan was made for', async () => {
    const { wallet, deposit, standing } = await walletOver();
    await deposit(100_000n);
    const plan = await wallet.reserve('open/1', want);
    const made = wallet.sign(plan, funding);
    expect(made.tx.outs.filter(({ script }) => hex(script) === hex(funding))).toMatchObject([{ value: 60_000n }]);
    expect(plan.fee).toBeGreaterThanOrEqual(BigInt(made.tx.weight()));
    expect(weightOf.frame + weightOf.input + weightOf.output(34) + weightOf.output(22)).toBeGreaterThanOrEqual(
      made.tx.weight(),
    );
    expect(standing()).toEqual(['100000 confirmed']);
    await wallet.sending(made);
    expect(wallet.owners()).toEqual([]);
    expect(standing()[0]).toBe('100000 spent');
  });

  test('promises outlive a restart, but not those of a payment cut short', async () => {
    const { wallet, records, deposit } = await walletOver();
    await deposit(100_000n, 100_000n);
    await wallet.reserve('open/1', want);
    await wallet.reserve(wallet.passingOwner(), want);
    const again = await walletOver(records);
    expect(again.wallet.owners()).toEqual(['open/1']);
    expect(again.wallet.spendable()).toBe(100_000n);
  });

  test('an owner is promised coins once', async () => {
    const { wallet, deposit } = await walletOver();
    await deposit(100_000n, 100_000n);
    await wallet.reserve('open/1', want);
    await expect(wallet.reserve('open/1', want)).rejects.toMatchObject({ fault: { code: 'already_reserved' } });
  });
});

describe('reorgs and restarts', () => {
  test('what left the chain is gone, unless we sent it: then it waits again', async () => {
    const { wallet, chain, standing, deposit, mine, drop } = await walletOver();
    await deposit(100_000n);
    const { tx } = await sendTo(wallet, chain, { script: foreign, amount: sat(30_000n), feerate });
    await mine(tx);
    await deposit(7_000n);
    await drop(2);
    expect(standing()).toEqual(['100000 spent', expect.stringMatching(/^\d+ unconfirmed$/)]);
    expect(wallet.pending()).toHaveLength(1);
    await drop(1);
    await mine();
    expect(standing().filter((line) => line.endsWith('confirmed') && !line.endsWith('unconfirmed'))).toEqual([]);
  });

  test('a damaged coin is named', async () => {
    const records = new Map([['wallet/coin/x', utf8('?')]]);
    await expect(walletOver(records)).rejects.toMatchObject({ fault: { code: 'corrupt', key: 'wallet/coin/x' } });
  });

  test('after any reorgs the facts are those of a replay of the final chain, and so is what was kept', async () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant('pay' as const), index: fc.nat(9), n: fc.nat(3) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('spend' as const), index: fc.nat(20), n: fc.nat(9) }) },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constant('drop' as const),
          index: fc.integer({ min: 1, max: 6 }),
          n: fc.constant(0),
        }),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const records = new Map<string, Uint8Array>();
        const { wallet, chain, mine, drop } = await walletOver(records);
        let salt = 0;
        for (const { do: what, index, n } of steps) {
          if (what === 'drop') await drop(Math.min(index, chain.blocks.length - 1));
          const output = {
            script: keys.script({ branch: 0, index: what === 'pay' ? index : n }),
            amount: 1000n + BigInt(n),
          };
          if (what === 'pay') await mine(payment([stranger(n)], [output], ++salt));
          const coins = wallet.funds().filter(({ status }) => status === 'confirmed');
          const coin = coins[index % Math.max(1, coins.length)];
          if (what === 'spend' && coin !== undefined) await mine(payment([coin], [output], ++salt));
        }
        const book = addressBook(keys);
        let replayed = emptyWallet;
        for (const block of chain.blocks.slice(1))
          replayed = walletEvent(replayed, { event: 'connected', block }, book);
        const fresh = await Wallet.open({ store: memoryStore(), keys, network });
        for (const block of chain.blocks.slice(1)) fresh.apply({ event: 'connected', block });
        const kept = await Wallet.open({ store: memoryStore(records), keys, network });
        const sorted = (from: Wallet) => [...from.funds()].sort((a, b) => (a.key < b.key ? -1 : 1));
        expect(sorted(wallet)).toEqual(sorted(fresh));
        expect(sorted(kept)).toEqual(sorted(fresh));
        expect(new Set(wallet.funds().map(({ key }) => key))).toEqual(new Set(replayed.coins.keys()));
      }),
      { numRuns: 100 },
    );
  });
});
