/**
 * What a share scheme must say about itself: how a payer makes and marks shares, and how a payee knows that a set is whole
 * and what opens it. Whether by count, by hash, by amount or by interpolation is the scheme's own matter.
 */

import type { Msat, PaymentHash, Preimage } from '../wire/units.ts';
import type { Refusal, SchemeName } from './events.ts';

/** One share and the number beside it, whose meaning is the scheme's: a count, a position, a child index. */
export interface Share {
  /** 32 bytes. */
  readonly share: Uint8Array;
  readonly marker: number;
}

/** What a payee knows of a set. Everything but `held` is kept up as shares arrive, so that asking again costs nothing. */
export interface Gathered {
  /** 32 bytes. */
  readonly setId: Uint8Array;
  /** Shares the set will have; 0 while unknown, or where the scheme does not say. */
  readonly expected: number;
  /** Shares held. */
  readonly count: number;
  /** The xor of the shares held, 32 bytes. */
  readonly accumulated: Uint8Array;
  /** Sum of the HTLCs held. */
  readonly total: Msat;
  /** In order of arrival. */
  readonly held: readonly { readonly paymentHash: PaymentHash; readonly shares: readonly Share[] }[];
}

export type Verdict =
  | { readonly kind: 'incomplete' }
  /** It can no longer become whole: all of it is failed. */
  | { readonly kind: 'broken'; readonly why: Refusal }
  /** What opens each of `held`, in its order; undefined for one the scheme does not claim. */
  | { readonly kind: 'complete'; readonly preimages: readonly (Preimage | undefined)[] };

/** A payer's account of a secret being shared out. */
export interface Book {
  /** BP, 32 bytes. */
  readonly root: Uint8Array;
  /** 32 bytes. */
  readonly setId: Uint8Array;
  /** Shares in all, where that is fixed at the start; otherwise 0. */
  readonly size: number;
  /** Shares dealt so far. */
  readonly dealt: number;
  /** The xor of the shares dealt, 32 bytes. */
  readonly accumulated: Uint8Array;
  /** The last share has been dealt. */
  readonly closed: boolean;
}

/** What one HTLC carries: its child, and one share or more. */
export interface Hand {
  readonly index: number;
  readonly shares: readonly Share[];
}

export interface Scheme {
  readonly name: SchemeName;
  /** The EOB protocol number it travels under. */
  readonly protocol: number;

  /** What a further share's marker makes of the expected count (0: unknown), or why the set is broken by it. */
  readonly expect: (expected: number, marker: number) => number | Refusal;
  readonly judge: (set: Gathered) => Verdict;

  /** A new secret. `size`, 1..255, is how many shares there will be, where the scheme must know. */
  readonly open: (entropy: Uint8Array, size: number) => Book;
  /** The next HTLC's hand. `last`: no further one will be dealt. Throws RangeError on a closed book. */
  readonly deal: (book: Book, entropy: Uint8Array, last: boolean) => readonly [Hand, Book];
  /**
   * Two hands for one that failed: the first keeps its index and hash. undefined: this scheme cannot, or no longer.
   */
  readonly split: (book: Book, entropy: Uint8Array, hand: Hand) => readonly [Hand, Hand, Book] | undefined;
  /** Dealing the last share ends all splitting, so it is worth keeping back. */
  readonly closesWithLast: boolean;
}
