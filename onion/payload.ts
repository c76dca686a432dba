/**
 * BOLT 4, "payload format": the TLV streams hops read. A forwarder's and a final hop's payload are types of their own, so
 * whoever holds one has every field that must be there. Record 14 is lnd's AMP, 5482373484 keysend; neither is in the BOLTs.
 */
import type { RawRecord } from '../wire/tlv.ts';
import type { Msat, Preimage, ShortChannelId } from '../wire/units.ts';

/** Where to send an HTLC on, and what it must carry. */
export interface ForwardPayload {
  readonly shortChannelId: ShortChannelId;
  readonly amtToForward: Msat;
  readonly outgoingCltvValue: number;
  /** Odd records nobody here knows, increasing by type. */
  readonly custom?: readonly RawRecord[] | undefined;
}

/** Record 8. */
export interface PaymentData {
  /** 32 bytes, from the invoice. */
  readonly paymentSecret: Uint8Array;
  /** What all HTLCs of the payment will add up to. */
  readonly totalMsat: Msat;
}

/** Record 14, lnd's AMP. */
export interface AmpRecord {
  /** The share of this HTLC (the record calls it root_share), 32 bytes. */
  readonly share: Uint8Array;
  /** 32 bytes, the same in every HTLC of a set. */
  readonly setId: Uint8Array;
  /** u32. */
  readonly childIndex: number;
}

/** What a final hop is told about an HTLC. */
export interface FinalPayload {
  readonly amtToForward: Msat;
  readonly outgoingCltvValue: number;
  readonly paymentData?: PaymentData | undefined;
  readonly paymentMetadata?: Uint8Array | undefined;
  readonly amp?: AmpRecord | undefined;
  /** Record 5482373484: the preimage of a spontaneous payment. */
  readonly keysend?: Preimage | undefined;
  /** Odd records nobody here knows, increasing by type. */
  readonly custom?: readonly RawRecord[] | undefined;
}
