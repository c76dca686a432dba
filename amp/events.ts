/**
 * What the two payment machines tell the world about themselves: sets being received, payments being made, and why either
 * ended. Reports are for people, APIs and the node's records; nothing in amp/ depends on who listens.
 */

import type { Failure } from '../onion/failuremessages.ts';
import type { RawRecord } from '../wire/tlv.ts';
import type { Msat, PaymentHash, Point, Preimage } from '../wire/units.ts';
import type { Outlet, Route } from './route.ts';

/** Why a set, or one HTLC, was failed. */
export type Refusal =
  | 'amount_below_onion'
  | 'expiry_below_onion'
  | 'expiry_too_near'
  | 'mixed_blobs'
  | 'bad_marker'
  | 'no_payment_secret'
  | 'wrong_payment_secret'
  | 'no_open_invoice'
  | 'spontaneous_refused'
  | 'duplicate_hash'
  | 'already_settled'
  | 'not_needed'
  | 'set_mismatch'
  | 'count_mismatch'
  | 'total_mismatch'
  | 'wrong_hash'
  | 'wrong_root'
  | 'below_amount_asked'
  | 'above_twice_amount_asked'
  | 'timeout'
  | 'htlc_lost'
  | 'too_many_shares'
  | 'too_many_sets'
  | 'too_many_sets_of_peer'
  | 'unclaimable'
  | 'too_many_sets_of_invoice'
  | 'gave_way'
  | 'share_below_minimum'
  | 'expiry_too_far'
  | 'already_failed'
  | 'duplicate_index'
  | 'too_many_blobs'
  | 'bad_set_id';

/** One set as `listsets` and the reports show it. */
export interface SetView {
  /** 32 bytes: the set_id of an AMP, the payment hash of an ordinary payment. */
  readonly id: Uint8Array;
  /** The scheme's name; `deployed` for lnd's AMP, `ordinary` for a payment without shares. */
  readonly scheme: string;
  readonly phase: 'incomplete' | 'settled' | 'failed';
  /** Shares held; HTLCs for an ordinary payment. */
  readonly shares: number;
  /** Shares the set will have; undefined while unknown. */
  readonly expected: number | undefined;
  /** Sum of the HTLCs held. */
  readonly total: Msat;
  /** Asked by the invoice or announced by total_msat. */
  readonly asked: Msat | undefined;
  readonly invoice: string | undefined;
  /** Unix seconds. */
  readonly firstSeen: number;
  readonly htlcs: readonly {
    readonly key: HtlcKey;
    readonly peer: Point;
    readonly amount: Msat;
    readonly expiry: number;
    readonly paymentHash: PaymentHash;
    /** Known once settled. */
    readonly preimage: Preimage | undefined;
  }[];
}

export type ReceiverEvent =
  /** One more HTLC is held; how many shares there are now, and what they come to. */
  | { readonly event: 'set_updated'; readonly id: Uint8Array; readonly shares: number; readonly total: Msat }
  /** Complete and enough: all of it is being claimed. */
  | { readonly event: 'set_settled'; readonly set: SetView; readonly at: number }
  | { readonly event: 'set_failed'; readonly set: SetView; readonly why: Refusal }
  /** One HTLC refused that never joined a set, or a surplus one. */
  | { readonly event: 'htlc_refused'; readonly key: HtlcKey; readonly paymentHash: PaymentHash; readonly why: Refusal }
  | ({ readonly event: 'invoice_paid' } & PaidInvoice);

/** What the node writes into its invoice record. */
export interface PaidInvoice {
  /** `InvoiceTerms.id`. */
  readonly invoice: string;
  /** Sum of the HTLCs claimed. */
  readonly received: Msat;
  /** Unix seconds. */
  readonly at: number;
  /** 32 bytes: the set_id, or the payment hash of an ordinary payment. */
  readonly set: Uint8Array;
  /** One per HTLC, in order of arrival; one alone for an ordinary payment. */
  readonly preimages: readonly Preimage[];
  /** Of a keysend, for which there is no invoice yet: the further records that came with it, increasing by type. */
  readonly keysend?: { readonly extraTlvs: readonly RawRecord[] } | undefined;
}

/** Why a payment failed, for people and programs. */
export type PaymentFailure =
  | { readonly code: 'no_route'; readonly amount: Msat }
  | { readonly code: 'amount_too_large'; readonly spendable: Msat }
  | { readonly code: 'bad_request'; readonly field: string; readonly expected: string }
  /** The destination itself failed a shard. */
  | { readonly code: 'refused_by_destination'; readonly failure: string }
  | { readonly code: 'too_many_attempts'; readonly attempts: number }
  | { readonly code: 'deadline' }
  /** Until its deadline, for our channels to have room. */
  | { readonly code: 'channels_full' }
  | { readonly code: 'cancelled' }
  /** Only why it stops: a shard was claimed and another failed. Such a payment ends as a success, with less than was meant. */
  | { readonly code: 'partially_claimed'; readonly claimed: Msat }
  /** What cuts its amount threw or gave what cannot be: a mistake in the strategy, most likely a program's own. */
  | { readonly code: 'strategy_failed'; readonly strategy: string; readonly detail: string }
  /** What opens its payment hash is known already: whoever forwards such an HTLC might keep it. */
  | { readonly code: 'preimage_known' };

/** How one attempt failed, as seen by the payer. */
export interface ShardFailure {
  /** Index into the route of the node that failed it; undefined when nobody can be named; −1 for ourselves. */
  readonly hop: number | undefined;
  /** BOLT 4's name of the failure, or `unreadable`, `malformed`, or why it was refused here. */
  readonly failure: string;
  /** The failure as decrypted, for the node to take a channel_update from. */
  readonly detail: Failure | undefined;
}

export type PaymentEvent = { readonly payment: string } & (
  | {
      readonly event: 'shard_offered';
      readonly shard: number;
      readonly attempt: number;
      readonly route: Route;
      readonly paymentHash: PaymentHash;
      /** Child index of an AMP shard. */
      readonly index: number | undefined;
      /** What the destination will read: a frame of 65 bytes (its HMAC zero) and its blobs; or a TLV stream. */
      readonly frame: Uint8Array;
      readonly blobs: readonly Uint8Array[];
    }
  | {
      readonly event: 'shard_fulfilled';
      readonly shard: number;
      readonly attempt: number;
      readonly paymentHash: PaymentHash;
      readonly route: Route;
      readonly preimage: Preimage;
    }
  | ({
      readonly event: 'shard_failed';
      readonly shard: number;
      readonly attempt: number;
      readonly paymentHash: PaymentHash;
      readonly route: Route;
    } & ShardFailure)
  | {
      readonly event: 'shard_split';
      readonly shard: number;
      readonly into: number;
      readonly amounts: readonly [Msat, Msat];
    }
  /** What waited was planned together and is in these pieces now, which are the shards of these numbers. */
  | { readonly event: 'payment_recut'; readonly shards: readonly number[]; readonly amounts: readonly Msat[] }
  /** How the amount is cut at first, and what it was cut for: our channels as they were then. */
  | {
      readonly event: 'payment_planned';
      readonly strategy: string;
      readonly pieces: readonly Msat[];
      readonly outlets: readonly Outlet[];
    }
  | { readonly event: 'shard_withheld'; readonly shard: number; readonly amount: Msat }
  /** Our channels are full of other HTLCs, or their peers are away: it goes on once they have room. */
  | { readonly event: 'payment_waiting' }
  /** No new attempts; `inFlight` HTLCs are waited for. */
  | { readonly event: 'payment_stopping'; readonly reason: PaymentFailure; readonly inFlight: number }
  /** Claimed, all of it or a part, and every HTLC is resolved. Repeated after a restart until acknowledged. */
  | ({ readonly event: 'payment_succeeded' } & PaymentTotals)
  /** Nothing was claimed, and every HTLC is resolved. Repeated after a restart until acknowledged. */
  | ({ readonly event: 'payment_failed'; readonly reason: PaymentFailure } & PaymentTotals)
);

export interface PaymentTotals {
  /** Arrived at the destination. */
  readonly amount: Msat;
  /** Left our channels. */
  readonly amountSent: Msat;
  /** HTLCs that were claimed. */
  readonly parts: number;
  /**
   * One alone for an ordinary payment, whose payee made it: who has it paid that invoice. One per claimed HTLC of an AMP: they
   * prove to the payer that the payee had the whole set, and nothing to anybody else, since the payer chose them. No receipt.
   */
  readonly preimages: readonly Preimage[];
}

/** Names one received HTLC for as long as its channel lives; opaque here. */
export interface HtlcKey {
  readonly channel: string;
  readonly id: bigint;
}
