/**
 * What a share scheme must say about itself: what it is called, how a payer makes and marks shares, and how a payee knows that
 * a set is complete and what its preimages are. Whether by count, by hash or by interpolation is the scheme's own matter.
 */

import type { Msat, PaymentHash, Preimage } from '../wire/units.ts';
import type { Refusal } from './events.ts';
import type { GrowingPolynomial } from './gf256.ts';

/** One share and the number beside it, whose meaning is the scheme's: a count, a position, a child index. */
export interface Share {
  /** 32 bytes. */
  readonly share: Uint8Array;
  /** 0..255. */
  readonly marker: number;
}

/** What a payee knows of a set. All but `held` is kept up as shares arrive, so that asking
 * again costs nothing. */
export interface ReceivedShares {
  /** 32 bytes. */
  readonly setId: Uint8Array;
  /** Shares the set will have; 0 while unknown, or where the scheme does not say. */
  readonly expected: number;
  /** Shares held. */
  readonly count: number;
  /** The xor of the shares held, 32 bytes. */
  readonly accumulated: Uint8Array;
  /** The polynomial through the shares held, each at its marker; undefined where the scheme does not interpolate. */
  readonly polynomial: GrowingPolynomial | undefined;
  /** Sum of the HTLCs held. */
  readonly total: Msat;
  /** The HTLCs held, in order of arrival. */
  readonly held: () => Iterable<{ readonly paymentHash: PaymentHash; readonly shares: readonly Share[] }>;
}

export type Verdict =
  | { readonly kind: 'incomplete' }
  /** It can no longer become complete: all of it is failed. */
  | { readonly kind: 'broken'; readonly why: Refusal }
  /** The preimage of each of `held`, in its order; undefined for one the scheme does not claim. */
  | { readonly kind: 'complete'; readonly preimages: readonly (Preimage | undefined)[] };

/** What a payer keeps of a payment's secret and of the shares made of it so far. */
export interface SenderState {
  /** The base preimage (BP), 32 bytes. */
  readonly root: Uint8Array;
  /** 32 bytes. */
  readonly setId: Uint8Array;
  /** Shares in all or, where any so many will do, those that are needed; 0 where that is not fixed at the start. */
  readonly size: number;
  /** Shares made so far. */
  readonly made: number;
  /** The xor of the shares made, 32 bytes. */
  readonly accumulated: Uint8Array;
  /** The last share has been made. */
  readonly isComplete: boolean;
}

/** What one shard, an HTLC, carries: its child index, and one share or more. */
export interface ShardShares {
  readonly index: number;
  readonly shares: readonly Share[];
}

/** One row of the table of schemes. */
export interface Scheme {
  /** What the API, the command line, logs and records call it. ASCII, at most 32 characters. */
  readonly name: string;
  /** The EOB protocol number it travels under, 1..15. */
  readonly protocol: number;
  /** What the fields of a blob are, for people. */
  readonly fields: {
    readonly setId: string;
    readonly share: string;
    readonly marker: (marker: number) => string;
  };

  /** The number of shares is told in every one of them, so there can be no shard more than was planned. */
  readonly fixesCount: boolean;
  /** The last share ends all splitting, so it is worth keeping back. */
  readonly lastEndsSplitting: boolean;

  /** An HTLC may carry several shares, in further blobs. */
  readonly furtherBlobs: boolean;
  /** Any so many shares as are needed will do, so more may be sent. */
  readonly needsAny: boolean;
  /** Shares are points of a polynomial over GF(2^8), which is kept up for `verdict` as they arrive. */
  readonly interpolates: boolean;

  /** A share's marker is the child index of its HTLC, so no two HTLCs of a set may have the same; not together with `furtherBlobs`. */
  readonly markerIsIndex: boolean;
  /** An HTLC with a lower marker is refused by itself; its set stands. */
  readonly leastMarker: 0 | 1;
  /** What a further share's marker makes of the expected count (0: unknown), or why the set is broken by it. */
  readonly expectedCount: (expected: number, marker: number) => number | Refusal;
  /** Whether the shares held complete the set. */
  readonly verdict: (set: ReceivedShares) => Verdict;

  /** A new secret, from 32 secret bytes. `size`, 1..255: `SenderState.size`, as far as is known. */
  readonly begin: (entropy: Uint8Array, size: number) => SenderState;
  /**
   * What the next shard carries: `blobs` shares, 1..16. `last`: no further shard follows. Throws RangeError once the last share
   * has been made.
   */
  readonly nextShard: (
    sender: SenderState,
    entropy: Uint8Array,
    last: boolean,
    blobs?: number,
  ) => readonly [ShardShares, SenderState];
  /**
   * What two shards carry in place of one that failed: the first keeps its index and payment hash. undefined: this scheme cannot
   * split, or no longer.
   */
  readonly split: (
    sender: SenderState,
    entropy: Uint8Array,
    failed: ShardShares,
  ) => readonly [ShardShares, ShardShares, SenderState] | undefined;
}

/** Schemes by name. */
export type Schemes = ReadonlyMap<string, Scheme>;
