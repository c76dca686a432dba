/**
 * The onion packet of BOLT 4 as plain values: what building one takes, what peeling one gives. Version (1), ephemeral
 * key (33), hops_data (1300), HMAC (32). The code is in construct.ts and peel.ts.
 */
import type { Point, SecretKey } from '../wire/units.ts';
import type { Frame } from './eobframe.ts';
import type { Failure, MalformedFailure } from './failuremessages.ts';

/** Bytes of `hops_data` in an `update_add_htlc`. */
export const HOPS_LENGTH = 1300;
/** Bytes around `hops_data`: version, ephemeral key, HMAC. */
export const OVERHEAD = 66;
/** Bytes of the packet in an `update_add_htlc`. */
export const PACKET_LENGTH = OVERHEAD + HOPS_LENGTH;

/** The data of one hop, in either format; both may occur in one onion in any order. */
export type HopData =
  | { readonly kind: 'frame'; readonly frame: Frame }
  /** A TLV stream without its length prefix, at least 2 bytes. */
  | { readonly kind: 'tlv'; readonly stream: Uint8Array };

/** A hop of the route, as its sender sees it. */
export interface OnionHop {
  readonly node: Point;
  readonly data: HopData;
}

export interface ConstructInput {
  /** Fresh entropy for every onion: used twice it makes two packets linkable and the second look replayed. */
  readonly sessionKey: SecretKey;
  /** Authenticated but not carried; the payment hash of the HTLC. */
  readonly associatedData: Uint8Array;
  readonly hops: readonly OnionHop[];
  /** Initial contents of `hops_data`; the stream of the session's pad key when absent. */
  readonly padding?: Uint8Array;
  /** Bytes of `hops_data`; 1300 when absent. */
  readonly hopsLength?: number;
}

export interface BuiltOnion {
  readonly packet: Uint8Array;
  /** One per hop, in order; they open the failure that may come back. Secret. */
  readonly sharedSecrets: readonly Uint8Array[];
}

export interface PeelInput {
  readonly nodeKey: SecretKey;
  readonly packet: Uint8Array;
  /** The payment hash of the HTLC. */
  readonly associatedData: Uint8Array;
  /** Bytes of `hops_data`; 1300 when absent. */
  readonly hopsLength?: number;
}

/** The result of peeling a packet with a valid HMAC. */
export interface AuthenticatedHop {
  /** Encrypts a returned failure. Secret, 32 bytes. */
  readonly sharedSecret: Uint8Array;
  /** 32 bytes that are the same whenever the same ephemeral key comes back: the caller stores it and refuses a replay. */
  readonly replayTag: Uint8Array;
}

export type Peeled =
  /** Not readable at all: answered by `update_fail_malformed_htlc`. */
  | { readonly kind: 'malformed'; readonly failure: MalformedFailure }
  /** Authentic, but its hop data is no frame and no TLV payload: answered by an encrypted failure. */
  | ({ readonly kind: 'refused'; readonly failure: Failure } & AuthenticatedHop)
  /** `next` is the packet for the next hop. */
  | ({ readonly kind: 'forward'; readonly data: HopData; readonly next: Uint8Array } & AuthenticatedHop)
  | ({ readonly kind: 'final'; readonly data: HopData } & AuthenticatedHop);
