/**
 * The arithmetic under every AMP scheme: how a child's preimage follows from the base preimage (BP) and an index, how shares
 * add up, and the blob a share travels in. An HTLC's preimage exists only once every share is known: that makes it atomic.
 */
import { u32be, utf8, xor, zeros } from '../wire/bytes.ts';
import { bytes, decode, encode, struct, u8, type ValueOf } from '../wire/codec.ts';
import { hmacSha256, sha256 } from '../wire/crypto.ts';
import { type PaymentHash, type Preimage, paymentHash, preimage } from '../wire/units.ts';

/** Bytes of a base preimage, a share and a set_id. */
export const SHARE_LENGTH = 32;

/** What all EOB schemes put into a blob: 65 bytes in this order. What `marker` means is the scheme's. */
export const shareBlob = struct({ setId: bytes(SHARE_LENGTH), share: bytes(SHARE_LENGTH), marker: u8 });
export type ShareBlob = ValueOf<typeof shareBlob>;

/** The 65 bytes of a blob. */
export const encodeBlob = (blob: ShareBlob): Uint8Array => encode(shareBlob, blob);
/** The share in 65 bytes. Throws WireError on another length. */
export const decodeBlob = (raw: Uint8Array): ShareBlob => decode(shareBlob, raw);

/** A payment hash and what opens it. */
export interface Child {
  readonly preimage: Preimage;
  readonly paymentHash: PaymentHash;
}

/** r_i = SHA-256(BP || u32(i)) and h_i = SHA-256(r_i), for a BP of 32 bytes. */
export const child = (root: Uint8Array, index: number): Child => {
  const secret = sha256(root, u32be(index));
  return { preimage: preimage(secret), paymentHash: paymentHash(sha256(secret)) };
};

/** The xor of any number of 32-byte values; zero of none. */
export const joined = (shares: Iterable<Uint8Array>): Uint8Array => {
  let sum = zeros(SHARE_LENGTH);
  for (const share of shares) sum = xor(sum, share);
  return sum;
};

/** 32 bytes that follow from a payment's entropy, a label and a number, and tell nothing about any other such value. */
export const derive = (entropy: Uint8Array, label: string, n: number): Uint8Array =>
  hmacSha256(entropy, utf8(label), u32be(n));
