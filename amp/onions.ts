/**
 * The onion of one attempt: frames and blobs along a route for an AMP, TLV payloads for an ordinary payment (BOLT 4). Session
 * keys follow from the payment's entropy and the attempt's number, so a returning failure can be opened after a restart.
 */

import { construct, hopSize } from '../onion/construct.ts';
import { FRAME_LENGTH, HMAC_LENGTH, MAX_BLOBS, PAYMENT_ID_LENGTH, writeFrame } from '../onion/eobframe.ts';
import { type ReturnedFailure, readFailure } from '../onion/failureonion.ts';
import { hopSecrets, sessionKeyFrom } from '../onion/keys.ts';
import { HOPS_LENGTH, type HopData, type OnionHop } from '../onion/packet.ts';
import { type AmpRecord, writeFinal, writeForward } from '../onion/payload.ts';
import { zeros } from '../wire/bytes.ts';
import { isPoint } from '../wire/crypto.ts';
import { type PaymentHash, type Point, type SecretKey, shortChannelId } from '../wire/units.ts';
import type { PaymentFailure } from './events.ts';
import { type ExtraBlobs, expectedOfBlobs, mostExtras, type RouteExtras } from './extras.ts';
import type { PaymentContext, PaymentRequest } from './io.ts';
import { isDeployed, isEob, type Shard } from './payment.ts';
import type { Hop, Route } from './route.ts';
import { derive } from './shares.ts';

/** The session key of an attempt. */
export const sessionKey = (entropy: Uint8Array, attempt: number): SecretKey =>
  sessionKeyFrom(derive(entropy, 'session key', attempt));

const NO_CHANNEL = shortChannelId(0n);

/** What a forwarder reads: the HTLC it is to send on, and blobs that the payer has for it. */
const forwarding = (request: PaymentRequest, at: Hop, next: Hop, own: ExtraBlobs | undefined): HopData => {
  const to = { shortChannelId: next.scid, amtToForward: next.amount, outgoingCltvValue: next.expiry };
  if (own !== undefined) {
    const extra = { ...own, paymentId: zeros(PAYMENT_ID_LENGTH) };
    return { kind: 'frame', frame: { ...to, extra } };
  }
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

/** What the destination reads. With blobs of the payer's own the frame is of their protocol, and the AMP's blob stands before them. */
const final = (
  request: PaymentRequest,
  at: Hop,
  { protocol = 0, blobs, record = longestRecord }: AmpBlobs,
  own?: ExtraBlobs,
): HopData => {
  const what = { amtToForward: at.amount, outgoingCltvValue: at.expiry };
  if (isEob(request)) {
    const { paymentId } = request;
    const extra = { protocol: own?.protocol ?? protocol, paymentId, blobs: [...blobs, ...(own?.blobs ?? [])] };
    return { kind: 'frame', frame: { shortChannelId: NO_CHANNEL, ...what, extra } };
  }
  const keysend = isDeployed(request) ? undefined : request.keysend;
  if (keysend !== undefined)
    return { kind: 'tlv', stream: writeFinal({ ...what, keysend: keysend.preimage, custom: keysend.extraTlvs }) };
  const whole = isDeployed(request) ? undefined : request.total;
  const paymentData = { paymentSecret: request.paymentSecret, totalMsat: whole ?? request.amount };
  const amp = isDeployed(request) ? record : undefined;
  return { kind: 'tlv', stream: writeFinal({ ...what, paymentData, amp, paymentMetadata: request.metadata }) };
};

const hopsOf = (request: PaymentRequest, route: Route, amp: AmpBlobs, extras: RouteExtras): readonly OnionHop[] =>
  route.map((at, i) => {
    const [next, own] = [route[i + 1], extras.get(i)];
    const data = next === undefined ? final(request, at, amp, own) : forwarding(request, at, next, own);
    return { node: at.node, data };
  });

const blankBlobs = (count: number): AmpBlobs => ({
  protocol: 1,
  blobs: Array.from({ length: count }, () => zeros(FRAME_LENGTH)),
});

/** Whether an onion holds this route when the destination gets `blobs` blobs of an AMP (0 for an ordinary payment), and hops `extras`. */
export const fits = (request: PaymentRequest, route: Route, blobs: number, extras: RouteExtras): boolean => {
  if (blobs > MAX_BLOBS) return false;
  const sizes = hopsOf(request, route, blankBlobs(blobs), extras).map(({ data }) => hopSize(data));
  return sizes.reduce((a, b) => a + b, 0) <= HOPS_LENGTH;
};

/**
 * The most hops for which room is sure, whatever their format: a forwarder never takes more than a frame's 65 bytes, beside the `extras`
 * blobs that hops get of the payer's own. 0 where the destination alone takes more than there is.
 */
export const maxHops = (request: PaymentRequest, blobs: number, extras = 0): number => {
  const largest: Hop = {
    node: request.destination,
    scid: NO_CHANNEL,
    amount: request.amount,
    expiry: 0xffff_ffff,
    tlvOnly: false,
  };
  const last = hopSize(final(request, largest, blankBlobs(blobs)));
  return Math.max(0, 1 + Math.floor((HOPS_LENGTH - last) / FRAME_LENGTH) - extras);
};

/** Why the payer's own blobs can go over no route at all, if so. */
export const blobsFault = (
  request: PaymentRequest,
  { composers }: Pick<PaymentContext, 'composers'>,
): PaymentFailure | undefined => {
  const { blobs = [] } = request;
  const bad = (expected: string): PaymentFailure => ({ code: 'bad_request', field: 'blob', expected });
  const expected = expectedOfBlobs(blobs);
  if (expected !== undefined) return bad(expected);
  if (mostExtras(blobs, composers) === 0) return undefined;
  const farthest = Math.max(1, ...blobs.map(({ hop }) => (hop === 'last' ? 1 : hop)));
  const extras = mostExtras(blobs, composers);
  if (farthest <= maxHops(request, isEob(request) ? 1 : 0, extras)) return undefined;
  return bad(`blobs that leave room in the onion for a route: ${extras} of ${FRAME_LENGTH} bytes do not`);
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

/** The onion of an attempt, with an AMP's blobs at the destination and the payer's own where they belong. Throws OnionError when it does not fit; see `fits`. */
export const buildOnion = (
  request: PaymentRequest,
  route: Route,
  paymentHash: PaymentHash,
  amp: AmpBlobs,
  attempt: number,
  extras: RouteExtras = new Map(),
): BuiltOnion => {
  const hops = hopsOf(request, route, amp, extras);
  const { packet } = construct({
    sessionKey: sessionKey(request.entropy, attempt),
    associatedData: paymentHash,
    hops,
  });
  return { packet, frame: plain(final(request, route.at(-1) ?? route[0], amp, extras.get(route.length - 1))) };
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

/** Whether an onion can be made for a node: its id is a point, or nothing is encrypted anyway. */
export const isNode = (node: Point, { plainOnions }: Pick<PaymentContext, 'plainOnions'>): boolean =>
  plainOnions !== undefined || isPoint(node);

/** The onion where nothing is encrypted. */
export const noOnion: BuiltOnion = { packet: zeros(0), frame: zeros(0) };
