/**
 * The 65-byte realm-0 frame of BOLT 4 as of 2018, and the extra onion blobs (EOBs) that may lie behind it. A hop with k
 * blobs takes 65·(1+k) bytes; the frame's signal byte says how many there are and which protocol reads them.
 */
import { zeros } from '../wire/bytes.ts';
import { bytes, decode, encode, struct, u8, u32 } from '../wire/codec.ts';
import { msat, shortChannelId } from '../wire/fields.ts';
import type { Msat, ShortChannelId } from '../wire/units.ts';
import { OnionError } from './errors.ts';

/** Bytes of a frame, and of a blob. */
export const FRAME_LENGTH = 65;
/** Bytes of the HMAC that ends every hop's data. */
export const HMAC_LENGTH = 32;
/** Bytes of the id that says which invoice a frame pays; all zero for a spontaneous payment. */
export const PAYMENT_ID_LENGTH = 11;
/** The most blobs one signal byte can announce. */
export const MAX_BLOBS = 16;

/** The extra onion blobs behind a frame. */
export interface Extra {
  /** 1..15; 14 and 15 are set aside for experiments. */
  readonly protocol: number;
  /** 11 bytes. */
  readonly paymentId: Uint8Array;
  /** 1..16 blobs of 65 bytes. */
  readonly blobs: readonly Uint8Array[];
}

/** The fields of a realm-0 hop. Its HMAC belongs to the packet and is handled there. */
export interface Frame {
  readonly shortChannelId: ShortChannelId;
  readonly amtToForward: Msat;
  readonly outgoingCltvValue: number;
  /** undefined: signal 0, nothing follows. */
  readonly extra: Extra | undefined;
}

/** The parts of the signal byte. */
export type Signal =
  | { readonly kind: 'none' }
  | { readonly kind: 'blobs'; readonly protocol: number; readonly count: number }
  | { readonly kind: 'malformed' };

/** Low nibble: protocol; high nibble: blobs − 1. Blobs without a protocol are malformed. */
export const readSignal = (signal: number): Signal => {
  if (signal === 0) return { kind: 'none' };
  const protocol = signal & 0x0f;
  return protocol === 0 ? { kind: 'malformed' } : { kind: 'blobs', protocol, count: (signal >> 4) + 1 };
};

/** The byte that announces `count` (1..16) blobs of `protocol` (1..15). Throws OnionError outside these ranges. */
export const writeSignal = (protocol: number, count: number): number => {
  if (!Number.isInteger(protocol) || protocol < 1 || protocol > 15)
    throw new OnionError({ code: 'protocol_range', protocol });
  if (!Number.isInteger(count) || count < 1 || count > MAX_BLOBS) throw new OnionError({ code: 'blob_count', count });
  return ((count - 1) << 4) | protocol;
};

/** A frame without its HMAC: 33 bytes. */
const head = struct({
  realm: u8,
  short_channel_id: shortChannelId,
  amt_to_forward: msat,
  outgoing_cltv_value: u32,
  signal: u8,
  payment_id: bytes(PAYMENT_ID_LENGTH),
});
const HEAD_LENGTH = FRAME_LENGTH - HMAC_LENGTH;

/** Bytes a frame and its blobs take in `hops_data`: 65·(1+k). */
export const frameSize = (frame: Frame): number => FRAME_LENGTH * (1 + (frame.extra?.blobs.length ?? 0));

const checkExtra = (extra: Extra): void => {
  for (const blob of extra.blobs)
    if (blob.length !== FRAME_LENGTH) throw new OnionError({ code: 'blob_length', length: blob.length });
  if (extra.paymentId.length !== PAYMENT_ID_LENGTH)
    throw new OnionError({ code: 'payment_id_length', length: extra.paymentId.length });
};

/**
 * A frame as it stands in `hops_data`: 33 bytes, the 32-byte HMAC of the next packet, then its blobs.
 * Throws OnionError for `extra` out of its ranges, WireError for a field that does not fit.
 */
export const writeFrame = (frame: Frame, hmac: Uint8Array): Uint8Array => {
  const { extra } = frame;
  if (extra !== undefined) checkExtra(extra);
  const out = zeros(frameSize(frame));
  const front = encode(head, {
    realm: 0,
    short_channel_id: frame.shortChannelId,
    amt_to_forward: frame.amtToForward,
    outgoing_cltv_value: frame.outgoingCltvValue,
    signal: extra === undefined ? 0 : writeSignal(extra.protocol, extra.blobs.length),
    payment_id: extra?.paymentId ?? zeros(PAYMENT_ID_LENGTH),
  });
  out.set(front);
  out.set(hmac, HEAD_LENGTH);
  extra?.blobs.forEach((blob, i) => {
    out.set(blob, FRAME_LENGTH * (1 + i));
  });
  return out;
};

/** What is read from the front of decrypted `hops_data` that begin with realm 0. */
export type FrameRead =
  | { readonly kind: 'frame'; readonly frame: Frame; readonly hmac: Uint8Array; readonly size: number }
  | { readonly kind: 'malformed' };

/** Offset of the signal in a frame, which `invalid_onion_payload` reports for an invalid one. */
export const SIGNAL_OFFSET = 21;

/**
 * Reads a frame and its blobs from the front of `data`, at most `limit` bytes. Malformed: a signal with blobs and no
 * protocol, or more blobs than the packet holds; the HTLC is then failed with `invalid_onion_payload`.
 */
export const readFrame = (data: Uint8Array, limit: number): FrameRead => {
  if (limit < FRAME_LENGTH) return { kind: 'malformed' };
  const front = decode(head, data.subarray(0, HEAD_LENGTH));
  const signal = readSignal(front.signal);
  if (signal.kind === 'malformed') return signal;
  const size = FRAME_LENGTH * (signal.kind === 'none' ? 1 : 1 + signal.count);
  if (size > limit) return { kind: 'malformed' };
  const blobs: Uint8Array[] = [];
  for (let at = FRAME_LENGTH; at < size; at += FRAME_LENGTH) blobs.push(data.slice(at, at + FRAME_LENGTH));
  const extra = signal.kind === 'none' ? undefined : { protocol: signal.protocol, paymentId: front.payment_id, blobs };
  return {
    kind: 'frame',
    frame: {
      shortChannelId: front.short_channel_id,
      amtToForward: front.amt_to_forward,
      outgoingCltvValue: front.outgoing_cltv_value,
      extra,
    },
    hmac: data.slice(HEAD_LENGTH, FRAME_LENGTH),
    size,
  };
};
