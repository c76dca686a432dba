/**
 * BOLT 3, "Commitment Transaction", with the obscured commitment number: builds the transaction with its outputs in order.
 * Holder: the side that may publish it (BOLT 3's local node). Both sides build the same bytes from the same content.
 */

import { compare } from '../../wire/bytes.ts';
import { type Msat, type PaymentHash, type Sat, sat, type Txid } from '../../wire/units.ts';
import { type CommitmentFormat, type Direction, openerCost } from './commitmentformats.ts';
import { fundingScript, type Outpoint } from './funding.ts';
import type { CommitmentKeys } from './keys.ts';
import {
  anchorScript,
  delayedScript,
  offeredHtlcScript,
  p2wpkh,
  p2wsh,
  receivedHtlcScript,
  toRemoteScript,
} from './script.ts';
import { type OneInput, type Spent, txidOf } from './transaction.ts';
import { isTrimmed } from './trimming.ts';

/** An HTLC that stands in a commitment. `id` counts within its direction (BOLT 2). */
export interface CommitmentHtlc {
  readonly id: bigint;
  readonly direction: Direction;
  readonly amount: Msat;
  readonly paymentHash: PaymentHash;
  readonly cltvExpiry: number;
}

/** All that determines one commitment transaction. */
export interface CommitmentContent {
  readonly format: CommitmentFormat;
  readonly funding: Outpoint;
  readonly fundingAmount: Sat;
  /** From `obscuringFactor`; constant over the channel's life. */
  readonly obscuring: bigint;
  /** 0 for the first, 48 bits. */
  readonly number: number;
  readonly keys: CommitmentKeys;
  /** How many blocks the holder waits for its own: chosen by the counterparty. */
  readonly toSelfDelay: number;
  /** The holder's dust_limit_satoshis. */
  readonly dustLimit: Sat;
  readonly opener: 'holder' | 'counterparty';
  /** Satoshi per 1000 weight units. */
  readonly feerate: number;
  /** Balances without HTLCs in flight, before the opener pays the fee and the anchors. */
  readonly toHolder: Msat;
  readonly toCounterparty: Msat;
  readonly htlcs: readonly CommitmentHtlc[];
}

/** An output, and what it is. `witnessScript` is undefined for the one P2WPKH there can be. */
export type CommitmentOutput =
  | {
      readonly kind: 'to_local' | 'to_local_anchor' | 'to_remote_anchor';
      readonly value: Sat;
      readonly script: Uint8Array;
      readonly witnessScript: Uint8Array;
    }
  | {
      readonly kind: 'to_remote';
      readonly value: Sat;
      readonly script: Uint8Array;
      readonly witnessScript: Uint8Array | undefined;
    }
  | {
      readonly kind: 'htlc';
      readonly value: Sat;
      readonly script: Uint8Array;
      readonly witnessScript: Uint8Array;
      readonly htlc: CommitmentHtlc;
    };

/** An HTLC that has an output, with the index of that output. */
export type HtlcOutput = Extract<CommitmentOutput, { kind: 'htlc' }> & { readonly index: number };

export interface Commitment {
  readonly content: CommitmentContent;
  readonly transaction: OneInput<CommitmentOutput>;
  readonly txid: Txid;
  /** The funding output, as the signatures commit to it. */
  readonly spent: Spent;
  /** The untrimmed HTLCs in output order, which is the order of their signatures in commitment_signed. */
  readonly htlcs: readonly HtlcOutput[];
  /** Witness script of everything that the holder must wait for: to_local and the outputs of HTLC transactions. */
  readonly delayed: Uint8Array;
  /** What miners get: the base fee, trimmed outputs and dropped millisatoshis. */
  readonly fee: Sat;
}

const LOW_24 = 0xffffffn;

/** The sequence and locktime that carry a commitment's number, obscured. Throws RangeError when it exceeds 48 bits. */
export const obscuredNumber = (obscuring: bigint, number: number): { sequence: number; locktime: number } => {
  if (!Number.isInteger(number) || number < 0 || number >= 2 ** 48)
    throw new RangeError(`commitment number out of range: ${number}`);
  const hidden = obscuring ^ BigInt(number);
  return { sequence: 0x80000000 + Number(hidden >> 24n), locktime: 0x20000000 + Number(hidden & LOW_24) };
};

/** The commitment number of a transaction that spends the funding output; undefined when it is not a commitment. */
export const commitmentNumber = (obscuring: bigint, tx: { sequence: number; locktime: number }): number | undefined =>
  tx.sequence >>> 24 === 0x80 && tx.locktime >>> 24 === 0x20
    ? Number(obscuring ^ ((BigInt(tx.sequence & 0xffffff) << 24n) | BigInt(tx.locktime & 0xffffff)))
    : undefined;

/** BOLT 3, "Transaction Output Ordering": value, then script, then, for HTLCs that are otherwise the same, expiry. */
const inOrder = (a: CommitmentOutput, b: CommitmentOutput): number => {
  if (a.value !== b.value) return a.value < b.value ? -1 : 1;
  const byScript = compare(a.script, b.script);
  if (byScript !== 0 || a.kind !== 'htlc' || b.kind !== 'htlc') return byScript;
  return a.htlc.cltvExpiry - b.htlc.cltvExpiry;
};

const htlcOutputs = ({ format, keys }: CommitmentContent, htlcs: readonly CommitmentHtlc[]): CommitmentOutput[] => {
  if (htlcs.length === 0) return [];
  const offered = offeredHtlcScript(format, keys);
  const received = receivedHtlcScript(format, keys);
  return htlcs.map((htlc) => {
    const witnessScript =
      htlc.direction === 'offered' ? offered(htlc.paymentHash) : received(htlc.paymentHash, htlc.cltvExpiry);
    return { kind: 'htlc', value: sat(htlc.amount / 1000n), script: p2wsh(witnessScript), witnessScript, htlc };
  });
};

const anchor = (kind: 'to_local_anchor' | 'to_remote_anchor', value: Sat, witnessScript: Uint8Array) =>
  ({ kind, value, script: p2wsh(witnessScript), witnessScript }) as const;

/**
 * BOLT 3, "Commitment Transaction Construction". Where the opener's balance is less than the fee, it has no output and
 * miners get what there is. Throws RangeError when outputs exceed the funding amount: it does not even cover the anchors,
 * or balances and HTLCs do not add up. That neither happens is for the limits of BOLT 2 to see to.
 */
export const buildCommitment = (content: CommitmentContent): Commitment => {
  const { format, keys, dustLimit, feerate, opener } = content;
  const untrimmed = content.htlcs.filter((htlc) => !isTrimmed(format, feerate, dustLimit, htlc));
  const cost = openerCost(format, feerate, untrimmed.length);
  const toHolder = content.toHolder / 1000n - (opener === 'holder' ? cost : 0n);
  const toCounterparty = content.toCounterparty / 1000n - (opener === 'counterparty' ? cost : 0n);
  const delayed = delayedScript(keys, content.toSelfDelay);

  const outputs = htlcOutputs(content, untrimmed);
  const holderHasOutput = toHolder >= dustLimit;
  const counterpartyHasOutput = toCounterparty >= dustLimit;
  if (holderHasOutput)
    outputs.push({ kind: 'to_local', value: sat(toHolder), script: p2wsh(delayed), witnessScript: delayed });
  if (counterpartyHasOutput) {
    const witnessScript = format.confirmedSpendsOnly ? toRemoteScript(keys.counterpartyPayment) : undefined;
    const script = witnessScript === undefined ? p2wpkh(keys.counterpartyPayment) : p2wsh(witnessScript);
    outputs.push({ kind: 'to_remote', value: sat(toCounterparty), script, witnessScript });
  }
  if (format.anchor !== undefined) {
    if (holderHasOutput || untrimmed.length > 0)
      outputs.push(anchor('to_local_anchor', format.anchor, anchorScript(keys.holderFunding)));
    if (counterpartyHasOutput || untrimmed.length > 0)
      outputs.push(anchor('to_remote_anchor', format.anchor, anchorScript(keys.counterpartyFunding)));
  }
  outputs.sort(inOrder);

  const transaction = { spends: content.funding, ...obscuredNumber(content.obscuring, content.number), outputs };
  return {
    content,
    transaction,
    txid: txidOf(transaction),
    spent: { value: content.fundingAmount, witnessScript: fundingScript(keys.holderFunding, keys.counterpartyFunding) },
    htlcs: outputs.flatMap((output, index) => (output.kind === 'htlc' ? [{ ...output, index }] : [])),
    delayed,
    fee: sat(outputs.reduce((left, output) => left - output.value, content.fundingAmount as bigint)),
  };
};
