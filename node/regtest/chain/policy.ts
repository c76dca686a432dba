/**
 * Relay policy: standard scripts, no dust, a minimum fee. The values are bitcoind's defaults up to version 29; later versions accept lower
 * fees, so what passes here passes there.
 */

import type { Transaction } from 'bitcoinjs-lib';
import { rejectedError } from '../../chain/errors.ts';
import type { Coin } from './coins.ts';

/** Satoshi per 1,000 vbytes: least fee to be relayed, least fee a replacement adds for its own size, price of dust. */
export const relayFee = 1_000n;
export const incrementalFee = 1_000n;
const dustFee = 3_000n;
/** Default maxfeerate, satoshi per 1,000 vbytes: more is taken for a mistake. */
export const defaultMaxFee = 10_000_000n;

const maximumWeight = 400_000;
const minimumBaseSize = 65;
const maximumScriptSig = 1_650;
const maximumData = 83;
const witness = { script: 3_600, items: 100, itemSize: 80 } as const;

type Kind = 'p2pkh' | 'p2sh' | 'p2wpkh' | 'p2wsh' | 'p2tr' | 'anchor' | 'future' | 'data' | 'pubkey';

const starts = (script: Uint8Array, ...bytes: readonly number[]): boolean =>
  bytes.every((byte, i) => script[i] === byte);

/** A key: 33 bytes beginning with 2 or 3. */
const isKey = (bytes: Uint8Array): boolean => bytes.length === 33 && (bytes[0] === 2 || bytes[0] === 3);

/** The standard type of an output script; undefined for any other. */
export const kindOf = (script: Uint8Array): Kind | undefined => {
  const { length } = script;
  const [first = 0, second = 0] = script;
  if (length === 25 && starts(script, 0x76, 0xa9, 0x14) && script[23] === 0x88 && script[24] === 0xac) return 'p2pkh';
  if (length === 23 && starts(script, 0xa9, 0x14) && script[22] === 0x87) return 'p2sh';
  if (length === 35 && first === 33 && script[34] === 0xac && isKey(script.subarray(1, 34))) return 'pubkey';
  if (first === 0x6a) return 'data';
  if (length < 4 || length > 42 || second !== length - 2) return undefined;
  if (first === 0) return length === 22 ? 'p2wpkh' : length === 34 ? 'p2wsh' : undefined;
  if (first < 0x51 || first > 0x60) return undefined;
  if (first === 0x51 && length === 34) return 'p2tr';
  return starts(script, 0x51, 0x02, 0x4e, 0x73) && length === 4 ? 'anchor' : 'future';
};

/** Bytes of a script's length prefix (CompactSize). */
const lengthBytes = (n: number): number => (n < 0xfd ? 1 : n <= 0xffff ? 3 : 5);

/** Dust limit of an output, satoshi; 0 for an unspendable one. */
export const dustThreshold = (script: Uint8Array): bigint => {
  const kind = kindOf(script);
  if (kind === 'data') return 0n;
  const isWitness = kind !== undefined && ['p2wpkh', 'p2wsh', 'p2tr', 'anchor', 'future'].includes(kind);
  const size = 8 + lengthBytes(script.length) + script.length + (isWitness ? 67 : 148);
  return (BigInt(size) * dustFee) / 1000n;
};

/** The fee of this many vbytes at a rate per 1,000 of them, rounded up. */
export const feeFor = (rate: bigint, vsize: number): bigint => (rate * BigInt(vsize) + 999n) / 1000n;

/** True when a script only pushes data. */
const pushesOnly = (script: Uint8Array): boolean => {
  for (let at = 0; at < script.length; ) {
    const code = script[at++] ?? 0;
    if (code > 0x60) return false;
    const width = code === 0x4c ? 1 : code === 0x4d ? 2 : code === 0x4e ? 4 : 0;
    let length = code < 0x4c ? code : 0;
    for (let i = 0; i < width; i++) length += (script[at + i] ?? 0) * 256 ** i;
    at += width + length;
  }
  return true;
};

/** Checks that a transaction is standard. Throws ChainError `rejected`. */
export const checkStandard = (tx: Transaction): void => {
  const version = tx.version >>> 0;
  // Version 3 is relayed too, under rules of its own (BIP 431) that belong to packages.
  if (version < 1 || version > 2) throw rejectedError('version');
  if (tx.weight() > maximumWeight) throw rejectedError('tx-size');
  for (const { script } of tx.ins) {
    if (script.length > maximumScriptSig) throw rejectedError('scriptsig-size, bad-txns');
    if (!pushesOnly(script)) throw rejectedError('scriptsig-not-pushonly, bad-txns');
  }
  let data = 0;
  for (const { script, value } of tx.outs) {
    const kind = kindOf(script);
    if (kind === undefined) throw rejectedError('scriptpubkey');
    if (kind === 'data' && (++data > 1 || script.length > maximumData))
      throw rejectedError('scriptpubkey, too much data');
    if (value < dustThreshold(script)) throw rejectedError('dust');
  }
  if (tx.byteLength(false) < minimumBaseSize) throw rejectedError('tx-size-small');
};

/** Checks that its inputs and witnesses are standard. Throws ChainError `rejected`. */
export const checkStandardInputs = (tx: Transaction, spent: readonly Coin[]): void => {
  tx.ins.forEach((input, index) => {
    const script = spent[index]?.script ?? new Uint8Array();
    const kind = kindOf(script);
    if (kind === undefined || kind === 'data' || kind === 'future')
      throw rejectedError(`bad-txns-nonstandard-inputs, input ${index}`);
    if (kind !== 'p2wsh') return;
    const stack = input.witness.slice(0, -1);
    const last = input.witness.at(-1)?.length ?? 0;
    const fits =
      last <= witness.script &&
      stack.length <= witness.items &&
      stack.every(({ length }) => length <= witness.itemSize);
    if (!fits) throw rejectedError(`bad-witness-nonstandard, input ${index}`);
  });
};

/** Checks a fee against the mempool's minimum, satoshi per 1,000 weight. Throws ChainError `rejected`. */
export const checkPoolFee = (fee: bigint, vsize: number, minimum: number): void => {
  const least = feeFor(BigInt(minimum) * 4n, vsize);
  if (fee < least) throw rejectedError(`mempool min fee not met, ${fee} < ${least}`);
};

/** Checks a fee against the relay minimum. Throws ChainError `rejected`. */
export const checkFee = (fee: bigint, vsize: number): void => {
  const least = feeFor(relayFee, vsize);
  if (fee < least) throw rejectedError(`min relay fee not met, ${fee} < ${least}`);
};

/** Checks a fee against the caller's maximum, satoshi per 1,000 vbytes; 0: any. Throws ChainError `rejected`. */
export const checkMaxFee = (fee: bigint, vsize: number, most: bigint): void => {
  if (most > 0n && fee > (most * BigInt(vsize)) / 1000n) throw rejectedError('max feerate exceeded');
};
