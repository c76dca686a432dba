/**
 * The UTXO set of a chain: applies transactions and undoes them. Invariant: undoing transactions in reverse order restores the same set.
 */
import type { Transaction } from 'bitcoinjs-lib';
import { type Txid, txid } from '../../../wire/units.ts';
import { outpointKey } from '../../chain/watchrules.ts';

export interface Coin {
  readonly script: Uint8Array;
  /** Satoshi. */
  readonly value: bigint;
  /** Height of its block; for an output of the mempool, that of the next block. */
  readonly height: number;
  readonly coinbase: boolean;
}

/** By outpoint, as `outpointKey` writes it. */
export type Coins = Map<string, Coin>;

const opReturn = 0x6a;
const maximumScript = 10_000;

/** An unspendable output is dropped at once, as in bitcoind. */
const isUnspendable = (script: Uint8Array): boolean => script[0] === opReturn || script.length > maximumScript;

/** True for the first transaction of a block: one input that spends nothing. */
export const isCoinbase = (tx: Transaction): boolean =>
  tx.ins.length === 1 && tx.ins[0]?.index === 0xffffffff && tx.ins[0].hash.every((byte) => byte === 0);

const ids = new WeakMap<Transaction, Txid>();

/** The id of a transaction of this chain, hashed once: none of them is ever changed. */
export const idOf = (tx: Transaction): Txid => {
  let id = ids.get(tx);
  if (id === undefined) {
    id = txid(tx.getHash());
    ids.set(tx, id);
  }
  return id;
};

/** The outpoints a transaction spends, in the order of its inputs; none for a coinbase. */
export const spentKeys = (tx: Transaction): readonly string[] =>
  isCoinbase(tx) ? [] : tx.ins.map(({ hash, index }) => outpointKey(hash, index));

/** The coins a transaction makes in a block of this height. */
export const coinsMade = (tx: Transaction, height: number): readonly (readonly [key: string, coin: Coin])[] => {
  const id = idOf(tx);
  const coinbase = isCoinbase(tx);
  return tx.outs.flatMap(({ script, value }, vout) =>
    isUnspendable(script) ? [] : [[outpointKey(id, vout), { script, value, height, coinbase }] as const],
  );
};

/** Applies a transaction whose inputs are in the set, and returns the spent coins, which `undo` needs. */
export const apply = (coins: Coins, tx: Transaction, height: number): readonly Coin[] => {
  const spent = spentKeys(tx).map((key) => {
    const coin = coins.get(key);
    if (coin === undefined) throw new RangeError(`there is no coin ${key}`);
    coins.delete(key);
    return coin;
  });
  for (const [key, coin] of coinsMade(tx, height)) coins.set(key, coin);
  return spent;
};

/** Undoes a transaction. */
export const undo = (coins: Coins, tx: Transaction, height: number, spent: readonly Coin[]): void => {
  for (const [key] of coinsMade(tx, height)) coins.delete(key);
  spentKeys(tx).forEach((key, i) => {
    const coin = spent[i];
    if (coin !== undefined) coins.set(key, coin);
  });
};
