/**
 * What a strategy must say about itself: how it cuts the amount of a payment into parts, and what it makes of a part that failed
 * or finds no route. It decides about amounts alone: which way a part goes is for routing to find, and how its share is made
 * for the scheme.
 */

import type { Msat } from '../wire/units.ts';
import type { Outlet } from './route.ts';

/** What a strategy knows of a payment. */
export interface CutWish {
  readonly amount: Msat;
  /** Fees ride on top, so outlets are filled a little less. */
  readonly maxFee: Msat;
  /** Wanted number of pieces. */
  readonly shards: number | undefined;
  /** Pieces at most, 1..255. */
  readonly maxShards: number;
  /** No piece of several is smaller. */
  readonly minShard: Msat;
}

/** A part of a payment of which nothing is under way, and why it is looked at. */
export interface Piece {
  readonly amount: Msat;
  /**
   * `failed`: a node on its way sent it back, and other routes may be left; `no_route`: there is none for it; `over_window`: the route
   * that was found for it carries less than that by its congestion windows.
   */
  readonly cause: 'failed' | 'no_route' | 'over_window';
  /** Without a route: the largest amount for which there would be one, where the node knows. Over a window: what that leaves. */
  readonly largest: Msat | undefined;
  /** Channels of others that are known by now not to carry so much, about. */
  readonly refusals: number;
}

/** Why an amount cannot be cut as it was wanted: a field of the request, and what would be expected there. At most 200 letters each. */
export interface CutRefusal {
  readonly field: string;
  readonly expected: string;
}

/** One row of the table of strategies. Its functions are pure: the same arguments give the same answer. */
export interface Strategy {
  /** What the API, the command line and records call it. ASCII, at most 32 characters. */
  readonly name: string;
  /** It cuts into as many pieces as it is told, and has to be told. */
  readonly needsShards: boolean;
  /** Its routes keep to the congestion windows where they can, and it is asked about pieces that exceed one. */
  readonly usesWindows: boolean;
  /**
   * The node plans what waits as one flow over what it knows of the network, in as many routes as it takes: the pieces are cut anew as
   * those are. Shards of which any so many will do stay equal: they are planned together, each for a route of its own. Absent: each
   * piece gets a route of its own, and there can be no such shards but by `outlets`.
   */
  readonly usesFlows?: boolean;
  /**
   * The pieces to begin with, in sum the amount: at most `maxShards`, none of several below `minShard`. No more of them should go
   * to an outlet than it has slots, and none below what it takes. undefined: the outlets cannot carry the amount now.
   */
  readonly cut: (wish: CutWish, outlets: readonly Outlet[]) => readonly Msat[] | CutRefusal | undefined;
  /**
   * Two pieces in place of one, in sum its amount, none below `minShard`. undefined: it stays whole. One that failed is then sent over
   * another route, one over a window as it is, and the payment ends where there is no route for one. Not asked where the scheme or
   * `maxShards` allow no further piece.
   */
  readonly split: (wish: CutWish, piece: Piece) => readonly [Msat, Msat] | undefined;
}

/** Strategies by name. */
export type Strategies = ReadonlyMap<string, Strategy>;
