/** Consensus rules of transactions, without scripts, with bitcoind's order and reject reasons. */

import type { Transaction } from 'bitcoinjs-lib';
import { rejectedError } from '../../chain/errors.ts';
import { type Coin, isCoinbase, spentKeys } from './coins.ts';
import { isFinal, type Next, relativeLocksPassed } from './locks.ts';

/** 21 million bitcoin, in satoshi. */
const maximumMoney = 2_100_000_000_000_000n;
export const maximumBlockWeight = 4_000_000;
/** Coinbase maturity, blocks. */
export const coinbaseMaturity = 100;
const halvingInterval = 150;
const firstSubsidy = 5_000_000_000n;

/** The block subsidy of regtest at this height, satoshi. */
export const subsidy = (height: number): bigint => firstSubsidy >> BigInt(Math.floor(height / halvingInterval));

/** The checks of a transaction that do not depend on the chain. Throws ChainError `rejected`. */
export const checkShape = (tx: Transaction): void => {
  if (tx.ins.length === 0) throw rejectedError('bad-txns-vin-empty');
  if (tx.outs.length === 0) throw rejectedError('bad-txns-vout-empty');
  if (tx.byteLength(false) * 4 > maximumBlockWeight) throw rejectedError('bad-txns-oversize');
  let total = 0n;
  for (const { value } of tx.outs) {
    if (value < 0n) throw rejectedError('bad-txns-vout-negative');
    if (value > maximumMoney) throw rejectedError('bad-txns-vout-toolarge');
    total += value;
  }
  if (total > maximumMoney) throw rejectedError('bad-txns-txouttotal-toolarge');
  const keys = spentKeys(tx);
  if (new Set(keys).size !== keys.length) throw rejectedError('bad-txns-inputs-duplicate');
};

/** The coins of a transaction's inputs. Throws ChainError `rejected` where one is missing or spent. */
export const coinsOf = (tx: Transaction, lookUp: (key: string) => Coin | undefined): readonly Coin[] =>
  spentKeys(tx).map((key) => {
    const coin = lookUp(key);
    if (coin === undefined) throw rejectedError('bad-txns-inputs-missingorspent');
    return coin;
  });

/** Checks lock times, maturity and amounts of a transaction in this block, and returns its fee. Throws ChainError `rejected`. */
export const checkSpending = (
  tx: Transaction,
  spent: readonly Coin[],
  next: Next,
  medianTimeAt: (height: number) => number,
): bigint => {
  if (!isFinal(tx, next)) throw rejectedError('bad-txns-nonfinal, non-final transaction');
  if (isCoinbase(tx)) return 0n;
  if (!relativeLocksPassed(tx, spent, next, medianTimeAt)) throw rejectedError('non-BIP68-final');
  for (const coin of spent)
    if (coin.coinbase && next.height - coin.height < coinbaseMaturity) {
      const depth = next.height - coin.height;
      throw rejectedError(`bad-txns-premature-spend-of-coinbase, tried to spend coinbase at depth ${depth}`);
    }
  const taken = spent.reduce((sum, { value }) => sum + value, 0n);
  const given = tx.outs.reduce((sum, { value }) => sum + value, 0n);
  if (taken < given) throw rejectedError(`bad-txns-in-belowout, value in (${taken}) < value out (${given})`);
  return taken - given;
};
