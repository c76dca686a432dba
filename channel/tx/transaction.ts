/**
 * One-input transactions, as BOLT 3 has them, and their BIP 143 digests. Every transaction of a channel has one input, so they are
 * put together here directly; bitcoinjs-lib's Transaction is made only of what is about to be published. Integers are little-endian.
 */
import { Transaction } from 'bitcoinjs-lib';
import { hash256 } from '../../wire/crypto.ts';
import { type Sat, type Txid, txid } from '../../wire/units.ts';
import type { Outpoint } from './funding.ts';

export interface Output {
  readonly value: Sat;
  /** The scriptpubkey. */
  readonly script: Uint8Array;
}

/** A version 2 transaction with one segwit input. */
export interface OneInput<O extends Output = Output> {
  readonly spends: Outpoint;
  readonly sequence: number;
  readonly outputs: readonly O[];
  readonly locktime: number;
}

/** The output that an input spends, as far as a digest commits to it. */
export interface Spent {
  readonly value: Sat;
  readonly witnessScript: Uint8Array;
}

/** The id of a transaction. */
export const transactionId = (tx: Transaction): Txid => txid(Uint8Array.from(tx.getHash()));

/** `n` in four bytes, least significant first. */
export const u32le = (n: number): Uint8Array => Uint8Array.of(n, n >>> 8, n >>> 16, n >>> 24);

/** The 36 bytes that name an output in an input. */
export const outpointBytes = ({ txid, index }: Outpoint): Uint8Array => {
  const out = new Uint8Array(36);
  out.set(txid);
  out.set(u32le(index), 32);
  return out;
};

/** A CompactSize; scripts and output counts here stay below 65,536. */
const compactSize = (n: number): Uint8Array => (n < 0xfd ? Uint8Array.of(n) : Uint8Array.of(0xfd, n, n >>> 8));

/** The outputs one after another: value, script length, script. Throws RangeError when a script exceeds 65,535 bytes. */
export const outputBytes = (outputs: readonly Output[]): Uint8Array => {
  let length = 0;
  for (const { script } of outputs) {
    if (script.length > 0xffff) throw new RangeError(`output script of ${script.length} bytes`);
    length += 8 + (script.length < 0xfd ? 1 : 3) + script.length;
  }
  const out = new Uint8Array(length);
  const view = new DataView(out.buffer);
  let at = 0;
  for (const { value, script } of outputs) {
    view.setBigUint64(at, value, true);
    at += 8;
    const size = compactSize(script.length);
    out.set(size, at);
    at += size.length;
    out.set(script, at);
    at += script.length;
  }
  return out;
};

const version = u32le(2);

/** The transaction id, which leaves witnesses out. */
export const txidOf = (tx: OneInput): Txid =>
  txid(
    hash256(
      version,
      Uint8Array.of(1),
      outpointBytes(tx.spends),
      Uint8Array.of(0),
      u32le(tx.sequence),
      compactSize(tx.outputs.length),
      outputBytes(tx.outputs),
      u32le(tx.locktime),
    ),
  );

/** BIP 143: what a SIGHASH_ALL signature of the input signs, 32 bytes. */
export const digestAll = (tx: OneInput, spent: Spent): Uint8Array => {
  const outpoint = outpointBytes(tx.spends);
  const sequence = u32le(tx.sequence);
  const value = new Uint8Array(8);
  new DataView(value.buffer).setBigUint64(0, spent.value, true);
  return hash256(
    version,
    hash256(outpoint),
    hash256(sequence),
    outpoint,
    compactSize(spent.witnessScript.length),
    spent.witnessScript,
    value,
    sequence,
    hash256(outputBytes(tx.outputs)),
    u32le(tx.locktime),
    u32le(1),
  );
};

/** The transaction without its witness: what both sides of a channel must come to alike, whoever signs. */
export const unsigned = (tx: OneInput): Uint8Array => new Uint8Array(toTransaction(tx, []).toBuffer());

/** The transaction as bitcoinjs-lib knows it, ready to publish once the witness is complete. */
export const toTransaction = (tx: OneInput, witness: readonly Uint8Array[]): Transaction => {
  const out = new Transaction();
  out.version = 2;
  out.locktime = tx.locktime;
  out.addInput(tx.spends.txid, tx.spends.index, tx.sequence);
  for (const { script, value } of tx.outputs) out.addOutput(script, value);
  out.setWitness(0, [...witness]);
  return out;
};
