/** An HTLC of a channel (BOLT 2): while it is in flight, and what is kept of it afterwards for a penalty. */
import type { Msat, PaymentHash, Point, Preimage } from '../../wire/units.ts';

/** The number of the first commitment of each side that contains an update; undefined while none does. */
export interface UpdateMarks {
  readonly local: number | undefined;
  readonly remote: number | undefined;
}

/** How an HTLC is removed by the side that received it. */
export type RemovalReason =
  | { readonly kind: 'fulfill'; readonly preimage: Preimage }
  | { readonly kind: 'fail'; readonly reason: Uint8Array }
  | { readonly kind: 'malformed'; readonly sha256OfOnion: Uint8Array; readonly failureCode: number };

export interface Removal {
  readonly ending: RemovalReason;
  readonly marks: UpdateMarks;
  /** Position among our own updates, for retransmission in order; 0 for the peer's. */
  readonly order: number;
}

/** `in`: offered by the peer. `out`: offered by us. */
export type HtlcDirection = 'in' | 'out';

/** An HTLC from the moment its add is sent or received until it is removed from both commitments and its resolution acknowledged. */
export interface Htlc {
  readonly way: HtlcDirection;
  readonly id: bigint;
  readonly amount: Msat;
  readonly paymentHash: PaymentHash;
  readonly expiry: number;
  readonly onion: Uint8Array;
  readonly pathKey: Point | undefined;
  /** `out` only: the offerer's own bytes; empty for `in`. */
  readonly origin: Uint8Array;
  readonly added: UpdateMarks;
  readonly order: number;
  readonly removal: Removal | undefined;
  /**
   * `out`: learnt from an uncommitted fulfill or from the chain, and kept. `in`: the preimage to claim it with on chain.
   */
  readonly preimage: Preimage | undefined;
  /** `out` only, not saved: its resolution was acknowledged. */
  readonly acknowledged: boolean;
  /** Resolved on chain for good: `out` acknowledged, `in` reported as settled. It is only kept to read the transaction. */
  readonly over: boolean;
}

/** What is kept of a settled HTLC: enough to find and claim its output in a revoked commitment of the peer's. */
export interface PastHtlc {
  readonly way: HtlcDirection;
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
