/** An HTLC of a channel, as it is remembered: while it is in flight, and what is left of it afterwards. */
import type { Msat, PaymentHash, Point, Preimage } from '../../wire/units.ts';

/** The numbers of the first commitment on either side that contains an update; undefined while none does. */
export interface Marks {
  readonly local: number | undefined;
  readonly remote: number | undefined;
}

/** How an HTLC is ended, by the side that received it. */
export type Ending =
  | { readonly kind: 'fulfill'; readonly preimage: Preimage }
  | { readonly kind: 'fail'; readonly reason: Uint8Array }
  | { readonly kind: 'malformed'; readonly sha256OfOnion: Uint8Array; readonly failureCode: number };

export interface Removal {
  readonly ending: Ending;
  readonly marks: Marks;
  /** Place among our own updates, for sending again in order; 0 for the peer's. */
  readonly order: number;
}

export type Way = 'in' | 'out';

/** An HTLC from the moment its add is sent or received until it is gone from both sides and its fate acknowledged. */
export interface Htlc {
  readonly way: Way;
  readonly id: bigint;
  readonly amount: Msat;
  readonly paymentHash: PaymentHash;
  readonly expiry: number;
  readonly onion: Uint8Array;
  readonly pathKey: Point | undefined;
  /** `out` only: the offerer's own bytes; empty for `in`. */
  readonly origin: Uint8Array;
  readonly added: Marks;
  readonly order: number;
  readonly removal: Removal | undefined;
  /**
   * `out`: known from a fulfill that a disconnect undid, or from the chain; the knowledge is not undone. `in`: what it is to
   * be claimed with on chain.
   */
  readonly preimage: Preimage | undefined;
  /** `out` only, not saved: the fate was told and taken. */
  readonly acknowledged: boolean;
  /** Ended on chain and taken note of for good: `out` acknowledged, `in` told as settled. It only stands in a transaction. */
  readonly over: boolean;
}

/** What is left of an HTLC that is over: enough to find and take its output in a revoked commitment of the peer's. */
export interface PastHtlc {
  readonly way: Way;
  readonly id: bigint;
  readonly amount: Msat;
  readonly paymentHash: PaymentHash;
  readonly expiry: number;
  /** The first and the last of the peer's commitments that contained it. */
  readonly first: number;
  readonly last: number;
}

/** The preimage of an HTLC, if it is known. */
export const preimageOf = ({ removal, preimage }: Htlc): Preimage | undefined =>
  removal?.ending.kind === 'fulfill' ? removal.ending.preimage : preimage;
