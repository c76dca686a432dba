/**
 * The onion of one attempt: frames and blobs along a route for an AMP, TLV payloads for an ordinary payment (BOLT 4). Session
 * keys follow from the payment's entropy and the attempt's number, so a returning failure can be opened after a restart.
 */

import { construct, hopSize } from '../onion/construct.ts';
import { FRAME_LENGTH, HMAC_LENGTH, MAX_BLOBS, writeFrame } from '../onion/eobframe.ts';
import { type ReturnedFailure, readFailure } from '../onion/failureonion.ts';
import { hopSecrets, sessionKeyFrom } from '../onion/keys.ts';
import { HOPS_LENGTH, type HopData, type OnionHop } from '../onion/packet.ts';
import { type AmpRecord, writeFinal, writeForward } from '../onion/payload.ts';
import { zeros } from '../wire/bytes.ts';
import { type PaymentHash, type SecretKey, shortChannelId } from '../wire/units.ts';
import type { PaymentRequest } from './io.ts';
import { isDeployed, isEob, type Shard } from './payment.ts';
import type { Hop, Route } from './route.ts';
import { derive } from './shares.ts';

/** The session key of an attempt. */
export const sessionKey = (entropy: Uint8Array, attempt: number): SecretKey =>
  sessionKeyFrom(derive(entropy, 'session key', attempt));

const NO_CHANNEL = shortChannelId(0n);

/** What a forwarder reads: the HTLC it is to send on. */
const forwarding = (request: PaymentRequest, at: Hop, next: Hop): HopData => {
  const to = { shortChannelId: next.scid, amtToForward: next.amount, outgoingCltvValue: next.expiry };
  return isEob(request) && !at.tlvOnly
    ? { kind: 'frame', frame: { ...to, extra: undefined } }
    : { kind: 'tlv', stream: writeForward(to) };
};

/** What an AMP tells the destination beside the frame. */
export interface AmpBlobs {
  /** EOB protocol, 1..15; undefined for an ordinary payment. */
  readonly protocol: number | undefined;
  /** 65 bytes each. */
  readonly blobs: readonly Uint8Array[];
  /** Of lnd's AMP. */
  readonly record?: AmpRecord | undefined;
}

/** Record 14 of a shard that has its share. */
export const recordOf = ({ assigned }: Shard, setId: Uint8Array | undefined): AmpRecord | undefined => {
  const [first] = assigned?.shares ?? [];
  if (assigned === undefined || first === undefined || setId === undefined) return undefined;
  return { share: first.share, setId, childIndex: assigned.index };
};

/** The longest that record 14 can be. */
const longestRecord: AmpRecord = { share: zeros(32), setId: zeros(32), childIndex: 0xffff_ffff };

/** What the destination reads. */
const final = (
  request: PaymentRequest,
  at: Hop,
  { protocol = 0, blobs, record = longestRecord }: AmpBlobs,
): HopData => {
  const what = { amtToForward: at.amount, outgoingCltvValue: at.expiry };
  if (isEob(request)) {
    const extra = { protocol, paymentId: request.paymentId, blobs };
    return { kind: 'frame', frame: { shortChannelId: NO_CHANNEL, ...what, extra } };
  }
  const keysend = isDeployed(request) ? undefined : request.keysend;
  if (keysend !== undefined)
    return { kind: 'tlv', stream: writeFinal({ ...what, keysend: keysend.preimage, custom: keysend.extraTlvs }) };
  const paymentData = { paymentSecret: request.paymentSecret, totalMsat: request.amount };
  const amp = isDeployed(request) ? record : undefined;
  return { kind: 'tlv', stream: writeFinal({ ...what, paymentData, amp, paymentMetadata: request.metadata }) };
};

const hopsOf = (request: PaymentRequest, route: Route, amp: AmpBlobs): readonly OnionHop[] =>
  route.map((at, i) => {
    const next = route[i + 1];
    return { node: at.node, data: next === undefined ? final(request, at, amp) : forwarding(request, at, next) };
  });

const blankBlobs = (count: number): AmpBlobs => ({
  protocol: 1,
  blobs: Array.from({ length: count }, () => zeros(FRAME_LENGTH)),
});

/** Whether an onion holds this route when the destination gets `blobs` blobs (0 for an ordinary payment). */
export const fits = (request: PaymentRequest, route: Route, blobs: number): boolean => {
  if (blobs > MAX_BLOBS) return false;
  const sizes = hopsOf(request, route, blankBlobs(blobs)).map(({ data }) => hopSize(data));
  return sizes.reduce((a, b) => a + b, 0) <= HOPS_LENGTH;
};

/** The most hops for which room is sure, whatever their format: a forwarder never takes more than a frame's 65 bytes. */
export const maxHops = (request: PaymentRequest, blobs: number): number => {
  const largest: Hop = {
    node: request.destination,
    scid: NO_CHANNEL,
    amount: request.amount,
    expiry: 0xffff_ffff,
    tlvOnly: false,
  };
  const last = hopSize(final(request, largest, blankBlobs(blobs)));
  return 1 + Math.max(0, Math.floor((HOPS_LENGTH - last) / FRAME_LENGTH));
};

export interface BuiltOnion {
  /** 1366 bytes. */
  readonly packet: Uint8Array;
  /** What the destination reads before its blobs: a frame (65 bytes, HMAC zero), or a TLV stream. */
  readonly frame: Uint8Array;
}

/** The bytes of a hop's data that stand before any blobs. */
const plain = (data: HopData): Uint8Array =>
  data.kind === 'tlv' ? data.stream : writeFrame(data.frame, zeros(HMAC_LENGTH)).slice(0, FRAME_LENGTH);

/** The onion of an attempt, with an AMP's blobs at the destination. Throws OnionError when it does not fit; see `fits`. */
export const buildOnion = (
  request: PaymentRequest,
  route: Route,
  paymentHash: PaymentHash,
  amp: AmpBlobs,
  attempt: number,
): BuiltOnion => {
  const hops = hopsOf(request, route, amp);
  const { packet } = construct({
    sessionKey: sessionKey(request.entropy, attempt),
    associatedData: paymentHash,
    hops,
  });
  return { packet, frame: plain(final(request, route.at(-1) ?? route[0], amp)) };
};

/** What came back from the route of an attempt, opened. */
export const openFailure = (
  request: PaymentRequest,
  route: Route,
  attempt: number,
  reason: Uint8Array,
): ReturnedFailure => {
  const nodes = route.map(({ node }) => node);
  const secrets = hopSecrets(sessionKey(request.entropy, attempt), nodes);
  return readFailure(
    secrets.map(({ sharedSecret }) => sharedSecret),
    reason,
  );
};
