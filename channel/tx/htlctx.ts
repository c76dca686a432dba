/**
 * BOLT 3, "HTLC-Timeout and HTLC-Success Transactions": the second stage, by which the holder of a commitment ends its
 * HTLCs. They differ so little within one commitment that their digests are made in one buffer, part by part.
 */
import type { Transaction } from 'bitcoinjs-lib';
import { hash256 } from '../../wire/crypto.ts';
import { type Preimage, type Sat, sat } from '../../wire/units.ts';
import type { Commitment, HtlcOutput } from './commitment.ts';
import {
  type CommitmentFormat,
  htlcTransactionFee,
  SIGHASH_ALL,
  SIGHASH_SINGLE_ANYONECANPAY,
} from './commitmentformats.ts';
import { p2wsh } from './script.ts';
import { type OneInput, outpointBytes, toTransaction, u32le } from './transaction.ts';

/** What the HTLC transaction pays to the holder: the HTLC in whole satoshis, less the fee where the format has one. */
const payout = (format: CommitmentFormat, feerate: number, { htlc, value }: HtlcOutput): Sat =>
  sat(value - htlcTransactionFee(format, feerate, htlc.direction));

const locktimeOf = ({ htlc }: HtlcOutput): number => (htlc.direction === 'offered' ? htlc.cltvExpiry : 0);

/** The HTLC-timeout (offered) or HTLC-success (received) transaction that spends this output of the commitment. */
export const htlcTransaction = ({ content, txid, delayed }: Commitment, output: HtlcOutput): OneInput => ({
  spends: { txid, index: output.index },
  sequence: content.format.htlcSequence,
  outputs: [{ value: payout(content.format, content.feerate, output), script: p2wsh(delayed) }],
  locktime: locktimeOf(output),
});

/**
 * BIP 143 digests of all HTLC transactions of a commitment, in output order, 32 bytes each: what `sighash` signatures of
 * them sign. With SINGLE|ANYONECANPAY other inputs may be added, so nothing about inputs but this one is committed to.
 */
export const htlcDigests = (commitment: Commitment, sighash: number): readonly Uint8Array[] => {
  const { content, htlcs, txid, delayed } = commitment;
  if (htlcs.length === 0) return [];
  const { format, feerate } = content;
  const sequence = u32le(format.htlcSequence);

  const output = new Uint8Array(8 + 1 + 34);
  const outputView = new DataView(output.buffer);
  output[8] = 34;
  output.set(p2wsh(delayed), 9);

  const outpoint = outpointBytes({ txid, index: 0 });
  const outpointView = new DataView(outpoint.buffer);
  const commitsToInputs = sighash !== SIGHASH_SINGLE_ANYONECANPAY;

  // version 4, hash of outpoints 32, hash of sequences 32, outpoint 36, then script and what follows it
  const buffer = new Uint8Array(104 + 1 + LONGEST_SCRIPT + 56);
  const view = new DataView(buffer.buffer);
  view.setUint32(0, 2, true);
  if (commitsToInputs) buffer.set(hash256(sequence), 36);

  return htlcs.map((htlcOutput) => {
    const { witnessScript, value, index } = htlcOutput;
    outpointView.setUint32(32, index, true);
    outputView.setBigUint64(0, payout(format, feerate, htlcOutput), true);
    if (commitsToInputs) buffer.set(hash256(outpoint), 4);
    buffer.set(outpoint, 68);
    buffer[104] = witnessScript.length;
    buffer.set(witnessScript, 105);
    const at = 105 + witnessScript.length;
    view.setBigUint64(at, value, true);
    view.setUint32(at + 8, format.htlcSequence, true);
    buffer.set(hash256(output), at + 12);
    view.setUint32(at + 44, locktimeOf(htlcOutput), true);
    view.setUint32(at + 48, sighash, true);
    return hash256(buffer.subarray(0, at + 52));
  });
};

/** Bound on HTLC witness scripts (they have 133 to 144 bytes); below 253, so that their length is one byte. */
const LONGEST_SCRIPT = 252;

/** BIP 143 digest of one HTLC transaction. */
export const htlcDigest = (commitment: Commitment, output: HtlcOutput, sighash: number = SIGHASH_ALL): Uint8Array =>
  htlcDigests({ ...commitment, htlcs: [output] }, sighash)[0] ?? new Uint8Array();

/**
 * The HTLC transaction with its witness, ready to publish: signatures in DER with their hash type, the preimage for
 * HTLC-success and nothing in its place for HTLC-timeout.
 */
export const completeHtlcTransaction = (
  commitment: Commitment,
  output: HtlcOutput,
  signatures: { readonly counterparty: Uint8Array; readonly holder: Uint8Array },
  preimage: Preimage | undefined,
): Transaction =>
  toTransaction(htlcTransaction(commitment, output), [
    new Uint8Array(),
    signatures.counterparty,
    signatures.holder,
    preimage ?? new Uint8Array(),
    output.witnessScript,
  ]);
