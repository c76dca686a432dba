/** The ways that a payment can take, as plain values: an outlet is a channel of ours, a hop what a node on the way is told. */
import type { Msat, Point, ShortChannelId } from '../wire/units.ts';

/** A channel of ours that an HTLC can leave by. */
export interface Outlet {
  readonly scid: ShortChannelId;
  readonly peer: Point;
  /** The largest single HTLC the channel would take now. */
  readonly spendable: Msat;
  /** HTLCs it would still take. */
  readonly slots: number;
  /** The smallest HTLC it takes: its peer's htlc_minimum_msat. */
  readonly minimum?: Msat | undefined;
  /** What each HTLC beyond the first takes of `spendable` beside its amount, for the fee of the commitment transaction. */
  readonly perHtlc?: Msat | undefined;
  /** The same two if no HTLC were in flight in it, each given back to whoever offered it; undefined where none is. */
  readonly atRest?: { readonly spendable: Msat; readonly slots: number } | undefined;
  /** What its congestion window leaves, where a loss was measured. */
  readonly window?: Msat | undefined;
}

/** The outlets as they would be if no HTLC were in flight in them. */
export const atRest = (outlets: readonly Outlet[]): readonly Outlet[] =>
  outlets.map((outlet) => (outlet.atRest === undefined ? outlet : { ...outlet, ...outlet.atRest, atRest: undefined }));

/** One HTLC of a route: the one that arrives at `node` over channel `scid`. */
export interface Hop {
  readonly node: Point;
  readonly scid: ShortChannelId;
  readonly amount: Msat;
  /** cltv_expiry, a block height. */
  readonly expiry: number;
  /** The node reads TLV payloads only; otherwise a forwarder of an EOB payment gets a 65-byte frame. */
  readonly tlvOnly: boolean;
}

/** From our outlet (first) to the destination (last). The fee is the first amount less the last. */
export type Route = readonly [Hop, ...Hop[]];

export interface RouteQuery {
  /** Comes back in the answer; an answer to an older one is ignored. */
  readonly query: number;
  readonly shard: number;
  readonly destination: Point;
  /** To arrive at the destination. */
  readonly amount: Msat;
  readonly maxFee: Msat;
  /** Its part of that by its amount: a way around what failed before costs no more, so that enough is left for the other shards. */
  readonly fairFee?: Msat | undefined;
  /** cltv_expiry of the last HTLC. */
  readonly finalExpiry: number;
  /** cltv_expiry of the first one, at most. */
  readonly maxExpiry: number;
  /** Hops at most: what still fits into the onion beside the blobs. */
  readonly maxHops: number;
  readonly excludedNodes: readonly Point[];
  readonly excluded: readonly Excluded[];
  readonly reserved: readonly Reserved[];
  /** The route should keep to the congestion windows where another one can be had. */
  readonly usesWindows?: boolean | undefined;
  /** The amount may go over several routes at once. */
  readonly flow?: FlowWish | undefined;
}

/** How an amount may be cut by whoever finds routes for it. */
export interface FlowWish {
  /** Routes at most; over the same one there may be several. */
  readonly most: number;
  /** Where there are several routes, none of them carries less. */
  readonly least: Msat;
  /** Each route is to carry just this, of which the amount is a multiple; fewer routes than it takes are better than none. */
  readonly unit?: Msat | undefined;
}

/** A channel in one direction: away from node `from`. */
export interface Direction {
  readonly scid: ShortChannelId;
  readonly from: Point | undefined;
}

/** What the payment's own shards take or will take of a channel. `from` undefined: an outlet, away from us. */
export interface Reserved extends Direction {
  readonly amount: Msat;
  /** HTLCs. */
  readonly count: number;
  /** True once offered: our own channel counts such HTLCs itself, channels farther away are not known to. */
  readonly offered: boolean;
}

/** Where there is no route for an amount nor for this part of it, there is none for a part that is any use: so many would be needed. */
export const LEAST_PART = 64n;

/** Learnt from failures: this direction does not carry `atLeast` or more. */
export interface Excluded extends Direction {
  readonly atLeast: Msat;
}

/** Nodes and directions of channels that no route of a payment may have. */
export interface Exclusions {
  readonly nodes: readonly Point[];
  readonly excluded: readonly Excluded[];
}
