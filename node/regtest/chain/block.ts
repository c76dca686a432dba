/** Builds and parses regtest blocks: coinbase, commitments, proof of work, and checks that do not depend on the chain. */

import { script as codec, Block as ParsedBlock, Transaction } from 'bitcoinjs-lib';
import { concat, equal, unhex, zeros } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto.ts';
import { rejectedError } from '../../chain/errors.ts';
import { isCoinbase } from './coins.ts';
import { checkShape, maximumBlockWeight } from './consensus.ts';

/** Regtest's target, which every second hash meets. */
const regtestBits = 0x207fffff;
const blockVersion = 0x20000000;

/** The first block of regtest: bitcoin's own first coinbase under another header. */
export const genesis = (): ParsedBlock =>
  ParsedBlock.fromHex(
    [
      '01000000',
      '00'.repeat(32),
      '3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a',
      'dae5494dffff7f2002000000',
      '01',
      '0100000001',
      '00'.repeat(32),
      'ffffffff4d04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e20627269',
      '6e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe55',
      '48271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c',
      '702b6bf11d5fac00000000',
    ].join(''),
  );

/** How a coinbase begins since BIP 34: the height, pushed as a number. */
const heightPush = (height: number): Uint8Array => {
  if (height === 0) return Uint8Array.of(0);
  if (height <= 16) return Uint8Array.of(0x50 + height);
  const number = codec.number.encode(height);
  return concat(Uint8Array.of(number.length), number);
};

/** The contents of a new block. */
export interface Draft {
  readonly previous: Uint8Array;
  readonly height: number;
  /** Seconds since 1970. */
  readonly time: number;
  /** The script that `reward` is paid to, in satoshi. */
  readonly script: Uint8Array;
  readonly reward: bigint;
  /** Without the coinbase, parents before children. */
  readonly transactions: readonly Transaction[];
  /** Makes otherwise identical blocks differ. */
  readonly salt: number;
}

const u32le = (n: number): Uint8Array => Uint8Array.of(n, n >>> 8, n >>> 16, n >>> 24);

const coinbaseOf = ({ height, script, reward, salt }: Draft): Transaction => {
  const tx = new Transaction();
  tx.version = 2;
  tx.addInput(zeros(32), 0xffffffff, 0xffffffff, concat(heightPush(height), Uint8Array.of(4), u32le(salt)));
  tx.setWitness(0, [zeros(32)]);
  tx.addOutput(script, reward);
  return tx;
};

/** BIP 141's commitment to all witnesses, in a coinbase that has none yet. */
const commitWitnesses = (coinbase: Transaction, transactions: readonly Transaction[]): void => {
  const root = ParsedBlock.calculateMerkleRoot([coinbase, ...transactions], true);
  coinbase.addOutput(concat(unhex('6a24aa21a9ed'), root), 0n);
};

/** A complete block with valid proof of work. */
export const makeBlock = (draft: Draft): ParsedBlock => {
  const coinbase = coinbaseOf(draft);
  commitWitnesses(coinbase, draft.transactions);
  const block = new ParsedBlock();
  block.version = blockVersion;
  block.prevHash = draft.previous;
  block.timestamp = draft.time;
  block.bits = regtestBits;
  block.transactions = [coinbase, ...draft.transactions];
  block.merkleRoot = ParsedBlock.calculateMerkleRoot(block.transactions);
  while (!block.checkProofOfWork()) block.nonce++;
  return ParsedBlock.fromBuffer(block.toBuffer());
};

/** The checks of a header against what is below it: what `makeBlock` does right by construction. Throws ChainError `rejected`. */
const checkHeader = (block: ParsedBlock): void => {
  if (block.bits !== regtestBits) throw rejectedError('bad-diffbits');
  if (!block.checkProofOfWork()) throw rejectedError('high-hash');
  if (block.transactions?.[0] === undefined) throw rejectedError('bad-cb-missing');
  if (!block.checkTxRoots()) throw rejectedError('bad-txnmrklroot, or bad-witness-merkle-match');
};

/** The checks of a block's transactions that do not depend on the chain. Throws ChainError `rejected`. */
export const checkBlock = (block: ParsedBlock): void => {
  const [coinbase, ...others] = block.transactions ?? [];
  if (coinbase === undefined || !isCoinbase(coinbase) || others.some(isCoinbase)) throw rejectedError('bad-cb-missing');
  if (block.weight() > maximumBlockWeight) throw rejectedError('bad-blk-weight');
  for (const tx of block.transactions ?? []) checkShape(tx);
};

/** BIP 34, so that no two coinbases are the same transaction. Throws ChainError `rejected`. */
export const checkHeight = (block: ParsedBlock, height: number): void => {
  const begin = heightPush(height);
  const script = block.transactions?.[0]?.ins[0]?.script ?? new Uint8Array();
  if (!equal(script.subarray(0, begin.length), begin)) throw rejectedError('bad-cb-height');
};

const parseBlock = (raw: Uint8Array): ParsedBlock => {
  try {
    return ParsedBlock.fromBuffer(raw);
  } catch {
    throw rejectedError('Block decode failed');
  }
};

/** Reads a block that was made elsewhere, and checks its proof of work and its merkle roots. Throws ChainError `rejected`. */
export const readBlock = (raw: Uint8Array): ParsedBlock => {
  const block = parseBlock(raw);
  checkHeader(block);
  return block;
};

/** Reads a transaction to its last byte. Throws ChainError `rejected`. */
export const readTransaction = (raw: Uint8Array): Transaction => {
  try {
    const tx = Transaction.fromBuffer(raw);
    // Trailing bytes, or another encoding of the same transaction, would not be the bytes that were sent.
    if (equal(sha256(tx.toBuffer()), sha256(raw))) return tx;
  } catch {}
  throw rejectedError('TX decode failed. Make sure the tx has at least one input.');
};
