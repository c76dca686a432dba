/**
 * What goes into the two payment machines and what they answer with, as plain values. Receiving is one machine for all sets;
 * sending is one machine per payment. Neither sees a channel: an HTLC is a key, a way out is an outlet. BOLT 4; AMP in EOBs.
 */

import type { Failure } from '../onion/failuremessages.ts';
import type { ReturnedFailure } from '../onion/failureonion.ts';
import type { Change } from '../wire/change.ts';
import type { RawRecord } from '../wire/tlv.ts';
import type { Msat, PaymentHash, Point, Preimage, ShortChannelId } from '../wire/units.ts';
import type { HtlcKey, PaidInvoice, PaymentEvent, ReceiverEvent } from './events.ts';
import type { Composers, HopBlobs } from './extras.ts';
import type { ReceiverLimits } from './limits.ts';
import type { Exclusions, Outlet, Route, RouteQuery } from './route.ts';
import type { Schemes } from './scheme.ts';
import type { ShareBlob } from './shares.ts';
import type { Strategies } from './strategy.ts';

/* ------------------------------------------------------------------------------------------------ receiving: inputs */

/** What a keysend tells its destination beside amount and expiry. */
export interface Keysend {
  /** Record 5482373484: what opens the payment hash. */
  readonly preimage: Preimage;
  /** Further records for the destination, increasing by type. */
  readonly extraTlvs: readonly RawRecord[];
}

/** What the final hop of an onion says, read by onion/ and amp/payload.ts. `amount` and `expiry` are what the payer meant. */
export type FinalPayload =
  | {
      readonly kind: 'eob';
      readonly amount: Msat;
      readonly expiry: number;
      /** By its name in the table of schemes. */
      readonly scheme: string;
      /** 11 bytes; all zero for a spontaneous payment. */
      readonly paymentId: Uint8Array;
      /** One per blob behind the frame, 1 to 16. */
      readonly blobs: readonly ShareBlob[];
    }
  /** Record 14, AMP as lnd deploys it. */
  | {
      readonly kind: 'deployed';
      readonly amount: Msat;
      readonly expiry: number;
      /** 32 bytes, and total_msat, from record 8; undefined without it. */
      readonly paymentSecret: Uint8Array | undefined;
      readonly total: Msat | undefined;
      /** 32 bytes each. */
      readonly setId: Uint8Array;
      readonly share: Uint8Array;
      /** 32 bits. */
      readonly childIndex: number;
    }
  | {
      readonly kind: 'ordinary';
      readonly amount: Msat;
      readonly expiry: number;
      /** 32 bytes; undefined when the payload had no payment_data, as in every plain realm-0 frame. */
      readonly paymentSecret: Uint8Array | undefined;
      /** total_msat; undefined without payment_data. */
      readonly total: Msat | undefined;
      /** Of a keysend, which pays without an invoice. */
      readonly keysend?: Keysend | undefined;
    };

/**
 * The node's record of an invoice as it stands when the input is TAKEN from the queue (not when it was put there): found by
 * payment_id (first 11 bytes of the payment_secret) for an EOB, by payment_secret for record 14, by payment hash for an ordinary
 * payload.
 */
export interface InvoiceTerms {
  /** The node's own name for it; comes back in `paid`. */
  readonly id: string;
  /** `deployed_amp` may be paid any number of times, and stays open. */
  readonly kind: 'eob_amp' | 'ordinary' | 'deployed_amp';
  readonly status: 'open' | 'paid' | 'expired' | 'cancelled';
  /** undefined: the payer chooses. */
  readonly amount: Msat | undefined;
  /** 32 bytes. */
  readonly paymentSecret: Uint8Array;
  /** Of an ordinary invoice; undefined for an AMP's, whose payment hash nobody can claim. */
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
  | {
      readonly type: 'tick';
      /** Invoices that sets are held for and that can be paid no more, by `InvoiceTerms.id`: expired, cancelled. */
      readonly closed: readonly string[];
    };

export interface ReceiverContext {
  /** Unix seconds. */
  readonly now: number;
  /** Best block. */
  readonly height: number;
  readonly schemes: Schemes;
  /** Whether payments without an invoice are taken. */
  readonly spontaneous: boolean;
  /** Blocks until expiry that an HTLC without an invoice must have on arrival. */
  readonly minFinalCltv: number;
  readonly limits: ReceiverLimits;
  /** undefined: preimages are told whatever the wallet holds. */
  readonly claiming?: Claiming | undefined;
}

/** An HTLC that may have to be claimed on chain, and the channels of which one would have to go there. */
export interface AtStake {
  readonly channels: readonly string[];
  readonly amount: Msat;
}

/** What the wallet can pay for claims on chain, and what they would cost. */
export interface Claiming {
  /** Coins that may pay for claims, msat. */
  readonly available: Msat;
  /** What the claim of one HTLC would cost, and the child of its channel's commitment, msat. */
  readonly claim: bigint;
  readonly commitment: bigint;
  /** Channels whose claims are paid from the wallet. */
  readonly channels: ReadonlySet<string>;
  /** HTLCs that were passed on and may have to be claimed too. */
  readonly forwarded: readonly AtStake[];
}

/* ----------------------------------------------------------------------------------------------- receiving: effects */

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

/** What every payment says. */
export interface PaymentTerms {
  /** The node's name for the payment; stands in every report. */
  readonly id: string;
  readonly destination: Point;
  /** What the destination is to receive, in sum. */
  readonly amount: Msat;
  /** What all routes together may cost beyond `amount`. */
  readonly maxFee: Msat;
  /** Wanted number of HTLCs; undefined leaves it to the cut. */
  readonly shards: number | undefined;
  /** How the amount is cut, by its name in the table of strategies; undefined: by what the outlets carry. */
  readonly strategy?: string | undefined;
  /** HTLCs at once, at most; 1..255. */
  readonly maxShards: number;
  /** No shard is cut smaller. */
  readonly minShard: Msat;
  /** Blocks the last HTLC gets above the height of its offer. */
  readonly finalCltv: number;
  /** Blocks the first one gets, at most: so long can the payment lock our money. */
  readonly maxDelay: number;
  /** 32 secret random bytes. Root, shares, set_id and session keys follow from them, so a restart finds them again. */
  readonly entropy: Uint8Array;
  /** Unix seconds; no new attempt is begun afterwards. */
  readonly deadline: number;
  /** EXPERIMENT, for a node started with --dev alone: this many shards are planned and never offered. Otherwise 0. */
  readonly withhold: number;
  /** Blobs of the payer's own for hops of every route. */
  readonly blobs?: readonly HopBlobs[] | undefined;
}

/** An AMP in EOBs. */
export interface AmpRequest extends PaymentTerms {
  /** By its name in the table of schemes. */
  readonly scheme: string;
  /** 11 bytes: of the invoice, or zero. */
  readonly paymentId: Uint8Array;
  /** Shares in all, where that is to be more than there are HTLCs: the last one carries the rest, up to 16 in all. */
  readonly shares?: number | undefined;
  /** Shards beyond those that are needed, for a scheme of which any so many will do. */
  readonly redundancy?: number | undefined;
  /** What the shards may come to beyond `amount`, if the destination claims all of them. */
  readonly maxOverpayment?: Msat | undefined;
}

/** An ordinary payment: `single` is one HTLC, `mpp` basic multi-part (BOLT 4). */
export interface OrdinaryRequest extends PaymentTerms {
  readonly scheme: 'single' | 'mpp';
  readonly paymentHash: PaymentHash;
  /** 32 bytes. */
  readonly paymentSecret: Uint8Array;
  /** payment_metadata of the invoice. */
  readonly metadata: Uint8Array | undefined;
  /** total_msat, where other nodes pay the rest of it: more than `amount`. */
  readonly total?: Msat | undefined;
  /** Pays without an invoice: this is sent in the place of the secret and metadata, which are not used. */
  readonly keysend?: Keysend | undefined;
}

/** AMP as lnd deploys it. */
export interface DeployedRequest extends PaymentTerms {
  readonly scheme: 'deployed';
  /** 32 bytes: of the invoice, or random. */
  readonly paymentSecret: Uint8Array;
  /** payment_metadata of the invoice. */
  readonly metadata: Uint8Array | undefined;
}

/** A payment to make. */
export type PaymentRequest = AmpRequest | DeployedRequest | OrdinaryRequest;

/** How an offered HTLC ended. */
export type Outcome =
  | { readonly kind: 'fulfilled'; readonly preimage: Preimage }
  /** update_fail_htlc's reason, still encrypted. */
  | { readonly kind: 'failed'; readonly reason: Uint8Array }
  /** update_fail_malformed_htlc from the first hop. */
  | { readonly kind: 'malformed'; readonly failureCode: number }
  /** The outlet went on chain with it, and nobody claimed it there. */
  | { readonly kind: 'timed_out' }
  /**
   * It never left: `full` or `offline` (the outlet cannot carry it now, and may soon), `unavailable` (closing, or not for such an
   * HTLC), `lost` (after a restart no channel knows the attempt), or `preimage_known` (we know what opens its hash, and so may
   * others).
   */
  | { readonly kind: 'refused'; readonly why: 'full' | 'offline' | 'unavailable' | 'lost' | 'preimage_known' };

export type PaymentInput =
  | {
      readonly type: 'start';
      readonly request: PaymentRequest;
      readonly outlets: readonly Outlet[];
      /** What the caller wants no part of on any route. */
      readonly exclude?: Exclusions | undefined;
    }
  /** Answers `find_route` with the same `query`. undefined: no route within the bounds. */
  | {
      readonly type: 'route';
      readonly query: number;
      readonly route: Route | undefined;
      /** To a query with `flow`: the routes that carry its amount together, instead of the one, or as many of its units as can be; empty where there are none. */
      readonly routes?: readonly Route[] | undefined;
      /** Milliseconds within which a failure on this route comes back, as far as the node has measured; none is to be expected where there is none. */
      readonly roundTrip?: number;
      /** What the congestion windows leave on the route, where a loss was measured on it. */
      readonly window?: Msat | undefined;
      /** Without a route: the largest amount for which there would be one, if the node knows; 0 where there is none even for one part of LEAST_PART. */
      readonly largest?: Msat;
      /** Without a route: there would be one if no HTLC but the payment's own were in flight in our channels. */
      readonly isFull?: boolean;
    }
  /** Answers `wait_for_room`: something has changed, and these are the outlets now, with those whose peer is away. */
  | { readonly type: 'room'; readonly outlets: readonly Outlet[] }
  /** Comes again after a restart until the step it caused was performed. */
  | { readonly type: 'outcome'; readonly attempt: number; readonly outcome: Outcome }
  | { readonly type: 'tick' }
  /** The payment was loaded from disk: asks again for what is open. Attempts in flight wait for their outcome. */
  | { readonly type: 'restored' }
  /** The caller no longer wants it: no new attempt; what is in flight is waited for. */
  | { readonly type: 'cancel' }
  /** The node has taken note of the result: every record of the payment is deleted. */
  | { readonly type: 'acknowledged' };

/** In the place of all cryptography of onions, for simulations, in which nobody is kept from reading: nodes are only names then. */
export interface PlainOnions {
  /** What a `reason` of the outcome `failed` says. */
  readonly read: (reason: Uint8Array) => ReturnedFailure;
}

export interface PaymentContext {
  /** Unix seconds. */
  readonly now: number;
  /** The same in milliseconds, for what is shorter. */
  readonly millis: number;
  /** Best block. */
  readonly height: number;
  readonly schemes: Schemes;
  readonly strategies: Strategies;
  /** What adds blobs to every payment. */
  readonly composers?: Composers | undefined;
  /** No onions are built: each is empty. */
  readonly plainOnions?: PlainOnions | undefined;
}

/* ------------------------------------------------------------------------------------------------- sending: effects */

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
  /** A `tick` is wanted at this time, Unix milliseconds; in place of any that was wanted before. */
  | { readonly do: 'wake'; readonly at: number }
  /** A `room` is wanted once one of our channels may have more room; the more so where the payment has HTLCs in flight. */
  | { readonly do: 'wait_for_room'; readonly hasInFlight: boolean }
  | { readonly do: 'report'; readonly report: PaymentEvent };

/** An HTLC for us, before its invoice is looked up. */
export type ArrivedHtlc = Omit<Extract<ReceiverInput, { type: 'htlc' }>, 'type' | 'invoice'>;
