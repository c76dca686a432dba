/**
 * What a channel wants to take from the chain (BOLT 5), as plain values. A claim says all that a transaction needs but the fee.
 */

import type { Preimage, Sat } from '../../wire/units.ts';
import type { Outpoint } from '../tx/funding.ts';
import type { Output } from '../tx/transaction.ts';

/** What a claim is about, for logs. */
export type ClaimReason =
  | 'to_local'
  | 'to_remote'
  | 'htlc_timeout'
  | 'htlc_success'
  | 'htlc_output'
  | 'penalty to_local'
  | 'penalty htlc'
  | 'penalty htlc_output'
  | 'anchor'
  | 'closing';

export interface ClaimBase {
  readonly outpoint: Outpoint;
  /** Of the output that is taken. */
  readonly value: Sat;
  /** Lowest height of a block that may contain it. */
  readonly from: number;
  /** Height of the first block in which it may be too late: somebody else may have the output. undefined: nobody else can take it. */
  readonly deadline: number | undefined;
  readonly why: ClaimReason;
}

/** What an input commits to, and what its witness takes. */
export interface ClaimInput {
  readonly sequence: number;
  readonly locktime: number;
  /** What BIP 143 calls scriptCode, without its length. */
  readonly scriptCode: Uint8Array;
  /** Most weight of the witness with the count of its items, in weight units. */
  readonly witnessWeight: number;
  readonly unlock: Unlock;
}

/** Which of our keys opens an output and what else stands in its witness. `number` is the commitment's. */
export type Unlock =
  /** Our main output of the peer's commitment. */
  | { readonly by: 'payment' }
  /** A delayed output of our commitment, after to_self_delay blocks. */
  | { readonly by: 'delayed'; readonly number: number }
  /** Delayed outputs of a revoked commitment of the peer's and of its HTLC transactions. */
  | { readonly by: 'revocation'; readonly number: number }
  /** HTLC outputs of a revoked commitment of the peer's. */
  | { readonly by: 'htlc_revocation'; readonly number: number }
  /** An HTLC that we offered, past its expiry, on the peer's commitment. */
  | { readonly by: 'timeout'; readonly number: number }
  /** An HTLC that we received, on the peer's commitment. */
  | { readonly by: 'preimage'; readonly number: number; readonly preimage: Preimage }
  /** Input of our own HTLC transaction; `index` counts the signatures that the peer gave with our commitment. */
  | { readonly by: 'both'; readonly index: number; readonly preimage: Preimage | undefined }
  /** Our anchor. */
  | { readonly by: 'funding' }
  /** Our output of a closing, where it is the wallet's: no key of the channel opens it. */
  | { readonly by: 'wallet'; readonly script: Uint8Array };

export interface Deciding {
  /** Whether an HTLC that we offered is resolved by it: then it is claimed even if fees take all of it. */
  readonly decides?: boolean;
}

/**
 * An output too small for a transaction of its own (our anchor) that another claim's transaction may spend too. Anybody may spend
 * it from the 16th block on: it is left out where somebody else has.
 */
export type AnchorInput = Pick<ClaimBase, 'outpoint' | 'value'> & Omit<ClaimInput, 'locktime'>;

/** One input, outputs of our choice; the fee comes out of the value, or from the wallet where that is too small. */
export type SweepClaim = ClaimBase & { readonly kind: 'sweep'; readonly anchor?: AnchorInput } & ClaimInput & Deciding;

/**
 * Our own HTLC transaction where it pays no fee (anchors). The peer signed SINGLE|ANYONECANPAY: this input stands at index
 * 0, output 0 is `pays`, the locktime is this one. Whatever else is added pays the fee.
 */
export type HtlcClaim = ClaimBase & { readonly kind: 'htlc'; readonly pays: Output } & ClaimInput & Deciding;

/** A whole transaction, fee and witness included: HTLC transactions of channels without anchors. */
export type ReadyClaim = ClaimBase & { readonly kind: 'ready'; readonly tx: Uint8Array };

/**
 * Our anchor on our own commitment, or our output of a closing, which is not confirmed: its child pays for both. The parent is
 * published by a `broadcast` of its own. Before `from` it is left to itself.
 */
export type BumpClaim = ClaimBase & {
  readonly kind: 'bump';
  readonly parent: Uint8Array;
  readonly parentFee: Sat;
  /** Satoshi per 1,000 weight that parent and child together may pay at most; undefined: no limit but the sweeper's own. */
  readonly maxFeerate?: number | undefined;
  /** The HTLCs that set the deadline: the first height at which the commitment is needed for them, and their sum. */
  readonly urgentHtlcs?: { readonly from: number; readonly value: Sat } | undefined;
} & Omit<ClaimInput, 'locktime'>;

export type Claim = SweepClaim | HtlcClaim | ReadyClaim | BumpClaim;

/** Claims whose transaction the sweeper builds. */
export type UnsignedClaim = Exclude<Claim, ReadyClaim>;
