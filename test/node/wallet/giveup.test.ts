/** Giving up a transaction of ours: another takes its coins back, and the chain decides which of the two counts. */
import { expect, test } from 'vitest';
import { ChainError } from '../../../node/chain/errors.ts';
import type { Chain } from '../../../node/ports/ports.ts';
import { sendTo, takeBack } from '../../../node/wallet/send.ts';
import type { Wallet } from '../../../node/wallet/wallet.ts';
import { hex } from '../../../wire/bytes.ts';
import { sat } from '../../../wire/units.ts';
import { walletOver } from '../../support/walletover.ts';

const foreign = Uint8Array.of(0, 20, ...new Uint8Array(20).fill(9));
const feerate = 1000;

test('a payment given up waits no more, nor what hung on it; after a restart too, and the chain decides', async () => {
  const { wallet, chain, records, deposit, mine, drop } = await walletOver();
  await deposit(100_000n);
  const made = await sendTo(wallet, chain, { script: foreign, amount: sat(30_000n), feerate });
  const ids = (of: Wallet) => of.pending().map(({ txid }) => hex(txid));
  const back = await takeBack(wallet, chain, made.txid, 253);
  // Whoever replaces pays what the other paid, and the relay of its own.
  expect(back.fee).toBeGreaterThan(made.tx.outs.reduce((left, { value }) => left - value, 100_000n));
  expect(ids(wallet)).toEqual([hex(back.txid)]);
  const again = await walletOver(records, chain);
  expect(ids(again.wallet)).toEqual([hex(back.txid)]);
  expect(again.wallet.takenBackBy(made.txid)).toEqual(back.txid);
  await mine(back.tx);
  expect(wallet.rivalOf(made.txid)).toEqual({ txid: back.txid, height: 2 });
  await drop(1);
  expect(wallet.rivalOf(made.txid)).toBeUndefined();
  await mine(made.tx);
  expect([ids(wallet), wallet.isMined(made.txid)]).toEqual([[], true]);
  // What is made of its change is none the worse for what was given up once.
  const next = await sendTo(wallet, chain, { script: foreign, amount: sat(20_000n), feerate });
  expect(ids(wallet)).toEqual([hex(next.txid)]);
});

test('what the network refuses does not take anything back', async () => {
  const { wallet, chain, deposit } = await walletOver();
  await deposit(100_000n);
  const made = await sendTo(wallet, chain, { script: foreign, amount: sat(30_000n), feerate });
  const refusing: Chain = {
    ...chain,
    broadcast: async () => {
      throw new ChainError({ code: 'rejected', refusal: 'fee_too_low', message: 'min relay fee not met' });
    },
  };
  await expect(takeBack(wallet, refusing, made.txid, 253)).rejects.toMatchObject({ fault: { code: 'rejected' } });
  expect(wallet.takenBackBy(made.txid)).toBeUndefined();
  expect(wallet.pending().map(({ txid }) => txid)).toEqual([made.txid]);
});
