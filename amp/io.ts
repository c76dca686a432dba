/**
 * What goes into the two payment machines and what they answer with, as plain values. Receiving is one machine for all sets;
 * sending is one machine per payment. Neither sees a channel: an HTLC is a key, a way out is an outlet. BOLT 4; AMP in EOBs.
 */
import type { Failure } from '../onion/failures.ts';
import type { Change } from '../wire/change.ts';
import type { Msat, PaymentHash, Point, Preimage, ShortChannelId } from '../wire/units.ts';

/** Names one received HTLC for as long as its channel lives; opaque here. */
export interface HtlcKey {
  readonly channel: string;
  readonly id: bigint;
}

/** How shares are made and joined; see schemes.ts. */
export type SchemeName = 'fixed' | 'dynamic';

/* ------------------------------------------------------------------------------------------------ receiving: inputs */

/** What the final hop of an onion says, read by onion/ and amp/payload.ts. `amount` and `expiry` are what the payer meant. */
export type FinalPayload =
  | {
      readonly kind: 'eob';
      readonly amount: Msat;
      readonly expiry: number;
      readonly protocol: number;
      /** 11 bytes; all zero for a spontaneous payment. */
      readonly paymentId: Uint8Array;
      /** The blobs of 65 bytes behind the frame, 1 to 16. */
      readonly blobs: readonly Uint8Array[];
    }
  | {
      readonly kind: 'ordinary';
      readonly amount: Msat;
      readonly expiry: number;
      /** 32 bytes; undefined when the payload had no payment_data, as in every plain realm-0 frame. */
      readonly paymentSecret: Uint8Array | undefined;
      /** total_msat; undefined without payment_data. */
      readonly total: Msat | undefined;
    };

/**
 * The node's record of an invoice as it stands when the input is TAKEN from the queue (not when it was put there): found by
 * payment_id (first 11 bytes of the payment_secret) for an EOB, by payment hash for an ordinary payload.
 */
export interface InvoiceTerms {
  /** The node's own name for it; comes back in `paid`. */
  readonly id: string;
  readonly kind: 'eob_amp' | 'ordinary';
  readonly status: 'open' | 'paid' | 'expired' | 'cancelled';
  /** undefined: the payer chooses. */
  readonly amount: Msat | undefined;
  /** 32 bytes. */
  readonly paymentSecret: Uint8Array;
  /** Of an ordinary invoice; undefined for `eob_amp`, whose payment hash nobody can claim. */
  readonly preimage: Preimage | undefined;
  /** min_final_cltv_expiry_delta, blocks. */
  readonly minFinalCltv: number;
}

export type ReceiverInput =
  /** An HTLC irrevocably committed to us as the final hop. May come again after a restart: the same key, the same answer. */
  | {
      readonly type: 'htlc';
      readonly key: HtlcKey;
      readonly peer: Point;
      readonly amount: Msat;
      /** cltv_expiry of the HTLC, a block height. */
      readonly expiry: number;
      readonly paymentHash: PaymentHash;
      readonly payload: FinalPayload;
      readonly invoice: InvoiceTerms | undefined;
    }
  /** The HTLC is gone from its channel for good, whichever way it ended. */
  | { readonly type: 'resolved'; readonly key: HtlcKey }
  /** Time or the chain moved on: once a second and once a block are enough. */
  | { readonly type: 'tick' };

export interface ReceiverLimits {
  /** Shares one set may have, 1..255. */
  readonly shares: number;
  /** Incomplete sets held at once. */
  readonly sets: number;
  /** Incomplete sets held at once that the same peer began. */
  readonly setsPerPeer: number;
  /** Seconds an incomplete set is held. */
  readonly timeout: number;
  /** Blocks before an HTLC's expiry at which its set is given up. */
  readonly expiryMargin: number;
  /** Settled set_ids remembered, so that a late share is failed at once. */
  readonly remembered: number;
}

export const defaultLimits: ReceiverLimits = {
  shares: 255,
  sets: 1000,
  setsPerPeer: 200,
  timeout: 60,
  expiryMargin: 9,
  remembered: 4096,
};

export interface ReceiverContext {
  /** Unix seconds. */
  readonly now: number;
  /** Best block. */
  readonly height: number;
  /** Whether payments without an invoice are taken. */
  readonly spontaneous: boolean;
  /** Blocks until expiry that an HTLC without an invoice must have on arrival. */
  readonly minFinalCltv: number;
  readonly limits: ReceiverLimits;
}

/* ----------------------------------------------------------------------------------------------- receiving: effects */

/** Why a set, or one HTLC, was failed. */
export type Refusal =
  | 'amount_below_onion'
  | 'expiry_below_onion'
  | 'expiry_too_near'
  | 'unknown_protocol'
  | 'malformed_blob'
  | 'no_payment_secret'
  | 'wrong_payment_secret'
  | 'no_open_invoice'
  | 'spontaneous_refused'
  | 'duplicate_hash'
  | 'already_settled'
  | 'already_failed'
  | 'not_needed'
  | 'set_mismatch'
  | 'count_mismatch'
  | 'total_mismatch'
  | 'wrong_hash'
  | 'wrong_root'
  | 'below_amount_asked'
  | 'above_twice_amount_asked'
  | 'timeout'
  | 'too_many_shares'
  | 'too_many_sets'
  | 'too_many_sets_of_peer';

/** One set as `listsets` and the reports show it. */
export interface SetView {
  /** 32 bytes: the set_id of an AMP, the payment hash of an ordinary payment. */
  readonly id: Uint8Array;
  readonly scheme: SchemeName | 'ordinary';
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
  | { readonly event: 'set_updated'; readonly set: SetView }
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
}

export type ReceiverEffect =
  /**
   * Stands before everything that relies on it. With `paid`, the node puts the invoice's record with status `paid` into the
   * SAME atomic batch as `changes`.
   */
  | { readonly do: 'save'; readonly changes: readonly Change[]; readonly paid: PaidInvoice | undefined }
  | { readonly do: 'fulfill'; readonly key: HtlcKey; readonly preimage: Preimage }
  | { readonly do: 'fail'; readonly key: HtlcKey; readonly failure: Failure }
  | { readonly do: 'report'; readonly report: ReceiverEvent };

/* -------------------------------------------------------------------------------------------------- sending: inputs */

/** A channel of ours that an HTLC can leave by. */
export interface Outlet {
  readonly scid: ShortChannelId;
  readonly peer: Point;
  /** The largest single HTLC the channel would take now. */
  readonly spendable: Msat;
  /** HTLCs it would still take. */
  readonly slots: number;
}

/** One HTLC of a route: the one that arrives at `node` over channel `scid`. */
export interface Hop {
  readonly node: Point;
  readonly scid: ShortChannelId;
  readonly amount: Msat;
  /** cltv_expiry, a block height. */
  readonly expiry: number;
  /** The node reads TLV payloads only; otherwise a forwarder of an EOB payment gets a 65-byte frame. */
  readonly tlvOnly: boolean;
}

/** From our outlet (first) to the destination (last). The fee is the first amount less the last. */
export type Route = readonly [Hop, ...Hop[]];

interface PaymentTerms {
  /** The node's name for the payment; stands in every report. */
  readonly id: string;
  readonly destination: Point;
  /** What the destination is to receive, in sum. */
  readonly amount: Msat;
  /** What all routes together may cost beyond `amount`. */
  readonly maxFee: Msat;
  /** Wanted number of HTLCs; undefined leaves it to the cut. */
  readonly shards: number | undefined;
  /** HTLCs at once, at most; 1..255. */
  readonly maxShards: number;
  /** No shard is cut smaller. */
  readonly minShard: Msat;
  /** Blocks the last HTLC gets above the height of its offer. */
  readonly finalCltv: number;
  /** 32 secret random bytes. Root, shares, set_id and session keys follow from them, so a restart finds them again. */
  readonly entropy: Uint8Array;
  /** Unix seconds; no new attempt is begun afterwards. */
  readonly deadline: number;
  /** Seconds a `dynamic` payment keeps its last share back so that a shard that fails in between can still be split. */
  readonly patience: number;
  /** EXPERIMENT, for a node started with --dev alone: this many shards are planned and never offered. Otherwise 0. */
  readonly withhold: number;
}

/** A payment to make. `single` is one HTLC, `mpp` basic multi-part (BOLT 4), the others AMP in EOBs. */
export type PaymentRequest = PaymentTerms &
  (
    | {
        readonly scheme: SchemeName;
        /** 11 bytes: of the invoice, or zero. */
        readonly paymentId: Uint8Array;
      }
    | {
        readonly scheme: 'single' | 'mpp';
        readonly paymentHash: PaymentHash;
        /** 32 bytes. */
        readonly paymentSecret: Uint8Array;
        /** payment_metadata of the invoice. */
        readonly metadata: Uint8Array | undefined;
      }
  );

/** How an offered HTLC ended. */
export type Outcome =
  | { readonly kind: 'fulfilled'; readonly preimage: Preimage }
  /** update_fail_htlc's reason, still encrypted. */
  | { readonly kind: 'failed'; readonly reason: Uint8Array }
  /** update_fail_malformed_htlc from the first hop. */
  | { readonly kind: 'malformed'; readonly failureCode: number }
  /**
   * It never left: `insufficient` (the outlet cannot carry the amount now), `unavailable` (offline, closing, full), or
   * `lost` (after a restart no channel knows the attempt).
   */
  | { readonly kind: 'refused'; readonly why: 'insufficient' | 'unavailable' | 'lost' };

export type PaymentInput =
  | { readonly type: 'start'; readonly request: PaymentRequest; readonly outlets: readonly Outlet[] }
  /** Answers `find_route` with the same `query`. undefined: no route within the bounds. */
  | {
      readonly type: 'route';
      readonly query: number;
      readonly route: Route | undefined;
      /** Without a route: the largest amount for which there would be one, if the node knows. */
      readonly largest?: Msat;
    }
  /** Comes again after a restart until the step it caused was performed. */
  | { readonly type: 'outcome'; readonly attempt: number; readonly outcome: Outcome }
  | { readonly type: 'tick' }
  /** The payment was loaded from disk: asks again for what is open. Attempts in flight wait for their outcome. */
  | { readonly type: 'restored' }
  /** The caller no longer wants it: no new attempt; what is in flight is waited for. */
  | { readonly type: 'cancel' }
  /** The node has taken note of the result: every record of the payment is deleted. */
  | { readonly type: 'acknowledged' };

export interface PaymentContext {
  /** Unix seconds. */
  readonly now: number;
  /** Best block. */
  readonly height: number;
}

/* ------------------------------------------------------------------------------------------------- sending: effects */

/** A channel in one direction: away from node `from`. */
export interface Direction {
  readonly scid: ShortChannelId;
  readonly from: Point | undefined;
}

/** What the payment's own shards take or will take of a channel. `from` undefined: an outlet, away from us. */
export interface Reserved extends Direction {
  readonly amount: Msat;
  /** HTLCs. */
  readonly count: number;
  /** True once offered: our own channel counts such HTLCs itself, channels farther away are not known to. */
  readonly offered: boolean;
}

/** Learnt from failures: this direction does not carry `atLeast` or more. */
export interface Excluded extends Direction {
  readonly atLeast: Msat;
}

export interface RouteQuery {
  /** Comes back in the answer; an answer to an older one is ignored. */
  readonly query: number;
  readonly shard: number;
  readonly destination: Point;
  /** To arrive at the destination. */
  readonly amount: Msat;
  readonly maxFee: Msat;
  /** cltv_expiry of the last HTLC. */
  readonly finalExpiry: number;
  /** Hops at most: what still fits into the onion beside the blobs. */
  readonly maxHops: number;
  readonly excludedNodes: readonly Point[];
  readonly excluded: readonly Excluded[];
  readonly reserved: readonly Reserved[];
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
  | { readonly code: 'cancelled' }
  /** The destination took some HTLCs and not the others; the preimages it gave are in the report. */
  | { readonly code: 'partially_claimed'; readonly claimed: Msat };

/** The fate of one attempt, as seen by the payer. */
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
  | { readonly event: 'shard_withheld'; readonly shard: number; readonly amount: Msat }
  /** No new attempts; `inFlight` HTLCs are waited for. */
  | { readonly event: 'payment_stopping'; readonly reason: PaymentFailure; readonly inFlight: number }
  /** Repeated after a restart until acknowledged. */
  | ({ readonly event: 'payment_succeeded' } & PaymentTotals)
  /** Every HTLC is resolved. Repeated after a restart until acknowledged. */
  | ({ readonly event: 'payment_failed'; readonly reason: PaymentFailure } & PaymentTotals)
);

export interface PaymentTotals {
  /** Arrived at the destination. */
  readonly amount: Msat;
  /** Left our channels. */
  readonly amountSent: Msat;
  /** HTLCs that were claimed. */
  readonly parts: number;
  /** The proof of payment: one per claimed HTLC of an AMP, one alone for an ordinary payment. */
  readonly preimages: readonly Preimage[];
}

export type PaymentEffect =
  | { readonly do: 'save'; readonly changes: readonly Change[] }
  | ({ readonly do: 'find_route' } & RouteQuery)
  | {
      readonly do: 'offer';
      readonly attempt: number;
      /** The outlet. */
      readonly scid: ShortChannelId;
      readonly peer: Point;
      readonly amount: Msat;
      readonly expiry: number;
      readonly paymentHash: PaymentHash;
      /** 1366 bytes. */
      readonly onion: Uint8Array;
    }
  | { readonly do: 'report'; readonly report: PaymentEvent };
