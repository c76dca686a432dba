/**
 * What a hop is to read, from bytes that somebody else wrote: the form in which callers bring payloads for an onion of their own, a TLV
 * stream with its length in front, or a 65-byte frame with its blobs behind it.
 */
import { concat, equal, zeros } from '../wire/bytes.ts';
import { encode, Reader, WireError } from '../wire/codec.ts';
import { bigsize } from '../wire/tlv.ts';
import { HMAC_LENGTH, readFrame } from './eobframe.ts';
import { HOPS_LENGTH, type HopData, PACKET_LENGTH } from './packet.ts';

/** The most that one hop can be given in a packet of an HTLC. */
export const MOST_PAYLOAD = HOPS_LENGTH - HMAC_LENGTH;

/** A frame whose HMAC is left zero, since it belongs to the packet. */
const readRawFrame = (payload: Uint8Array): HopData => {
  const read = readFrame(payload, payload.length);
  if (read.kind === 'malformed' || read.size !== payload.length || !equal(read.hmac, zeros(HMAC_LENGTH)))
    throw new RangeError('a frame of 65 bytes, its HMAC zero, with as many blobs of 65 bytes as its signal byte says');
  return { kind: 'frame', frame: read.frame };
};

/**
 * The hop data in a payload: one that begins with a zero is a frame, any other a TLV stream behind its length (BOLT 4, "payload
 * format"); what the stream says is not looked at. Throws RangeError that says what was expected.
 */
export const readPayload = (payload: Uint8Array): HopData => {
  if (payload[0] === 0) return readRawFrame(payload);
  const r = new Reader(payload);
  try {
    const length = bigsize.read(r);
    const stream = r.bytes(Number(length));
    if (r.left === 0 && length >= 2n) return { kind: 'tlv', stream };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
  throw new RangeError('a TLV stream of at least 2 bytes, its length in front as a bigsize');
};

/** The bytes that `readPayload` reads: of a TLV stream its length and itself. */
export const lengthPrefixed = (stream: Uint8Array): Uint8Array =>
  concat(encode(bigsize, BigInt(stream.length)), stream);

/** Whether bytes can be the packet of an HTLC: 1366 of them, of version 0. Its ephemeral key is the first hop's to judge. */
export const isPacket = (bytes: Uint8Array): boolean => bytes.length === PACKET_LENGTH && bytes[0] === 0;
