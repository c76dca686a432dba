/** Builds and signs a transaction from selected coins: P2WPKH inputs only (BIP 141, 143), inputs and outputs in BIP 69's order. */
import { script, Transaction } from 'bitcoinjs-lib';
import { compare, concat, reversed } from '../../wire/bytes.ts';
import { pointOf, sign } from '../../wire/crypto.ts';
import { type Sat, type Txid, txid } from '../../wire/units.ts';
import type { ChainTx } from '../ports/ports.ts';
import type { KeyPath, NodeKeys } from './keys.ts';

export interface Input {
  readonly txid: Txid;
  readonly vout: number;
  readonly amount: Sat;
  readonly path: KeyPath;
}

export interface Output {
  readonly script: Uint8Array;
  readonly amount: Sat;
}

/** Signals replace-by-fee (BIP 125) and sets no relative lock time. */
export const replaceable = 0xfffffffd;

/** DUP HASH160 <20 bytes> EQUALVERIFY CHECKSIG: what a P2WPKH signature commits to as its script (BIP 143). */
const scriptCode = (keyScript: Uint8Array): Uint8Array =>
  concat(Uint8Array.of(0x76, 0xa9, 0x14), keyScript.subarray(2), Uint8Array.of(0x88, 0xac));

const inputOrder = (a: Input, b: Input): number => compare(reversed(a.txid), reversed(b.txid)) || a.vout - b.vout;
const outputOrder = (a: Output, b: Output): number =>
  a.amount === b.amount ? compare(a.script, b.script) : a.amount < b.amount ? -1 : 1;

/** The witness that spends a P2WPKH coin of the wallet: a SIGHASH_ALL signature of this 32-byte digest, and the public key. */
export const keyWitness = (digest: Uint8Array, path: KeyPath, keys: NodeKeys): readonly Uint8Array[] => {
  const secret = keys.spendingKey(path);
  return [script.signature.encode(sign(digest, secret), Transaction.SIGHASH_ALL), pointOf(secret)];
};

/** Signs an input that spends a P2WPKH coin, with SIGHASH_ALL: all inputs and outputs must have been added before. */
export const signInput = (
  tx: Transaction,
  index: number,
  { amount, path }: Pick<Input, 'amount' | 'path'>,
  keys: NodeKeys,
): void => {
  const digest = tx.hashForWitnessV0(index, scriptCode(keys.script(path)), amount, Transaction.SIGHASH_ALL);
  tx.setWitness(index, [...keyWitness(digest, path, keys)]);
};

/** A signed transaction with these inputs and outputs; the fee is the difference of their sums. */
export const buildSigned = (inputs: readonly Input[], outputs: readonly Output[], keys: NodeKeys): ChainTx => {
  const tx = new Transaction();
  tx.version = 2;
  const ordered = [...inputs].sort(inputOrder);
  for (const input of ordered) tx.addInput(input.txid, input.vout, replaceable);
  for (const output of [...outputs].sort(outputOrder)) tx.addOutput(output.script, output.amount);
  ordered.forEach((input, index) => {
    signInput(tx, index, input, keys);
  });
  return { txid: txid(tx.getHash()), tx };
};
