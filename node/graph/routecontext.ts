/** What a search for a route knows beside the question: the graph, our outlets, the hints of an invoice, and what was learnt. */
import type { Outlet } from '../../amp/route.ts';
import type { Msat, Point, ShortChannelId } from '../../wire/units.ts';
import type { Connection } from './connection.ts';
import type { Graph, NodeKey } from './graph.ts';
import type { Bounds, Preference, Prior } from './likelihood.ts';
import type { Search } from './search.ts';

/** What a node asks for forwarding over a channel. */
export interface Terms {
  readonly feeBase: Msat;
  readonly feeProportional: number;
  readonly cltvExpiryDelta: number;
}

/** A channel of an invoice's route hint: from `from` to `to`. */
export interface Hint extends Terms {
  readonly from: Point;
  readonly to: Point;
  readonly scid: ShortChannelId;
}

/** A channel by which a route can begin. */
export interface WayOut extends Outlet {
  /** What the source asks of itself: nothing, where absent. */
  readonly terms?: Terms | undefined;
  /** Of a channel whose balance is not known, as those of another node: its capacity. */
  readonly capacity?: Msat | undefined;
}

/** What was learnt of the balances of others' channels. */
export interface LearntBounds {
  /** The channels of which something is known. */
  readonly scids: () => Iterable<ShortChannelId>;
  /** Those of a channel of this capacity, in msat, away from a node; undefined where nothing is known. */
  readonly of: (scid: ShortChannelId, from: NodeKey, capacity: number) => Bounds | undefined;
}

/** What keeps a payment off channels for other reasons than their balance, as a cost in the choice of a route. */
export interface Penalties {
  /** The channels that may have one. */
  readonly scids: () => Iterable<ShortChannelId>;
  /** What a channel away from a node, or from us, costs beyond its fee; msat. */
  readonly of: (scid: ShortChannelId, from: NodeKey, amount: bigint) => bigint;
}

export interface RouteContext {
  readonly graph: Pick<Graph, 'compact'> & { readonly search: Pick<Search, 'cheapest'> } & {
    readonly connection: Pick<Connection, 'exists'>;
  };
  /** Ourselves. */
  readonly source: Point;
  readonly outlets: readonly WayOut[];
  readonly hints: readonly Hint[];
  /** Unix seconds. */
  readonly now: () => number;
  readonly learnt?: LearntBounds | undefined;
  readonly penalties?: Penalties | undefined;
  /** How balances are spread; `uniform` where absent. */
  readonly prior?: Prior | undefined;
  /** What a likelier route may cost more; `balanced` where absent. */
  readonly prefer?: Preference | undefined;
  /** The only channels of the graph that may be used; all where absent. */
  readonly only?: ReadonlySet<ShortChannelId> | undefined;
  /** Whether a node reads TLV payloads only. */
  readonly tlvOnly: (id: NodeKey, node: Point) => boolean;
  /** Cost of delay, in billionths of the amount per block; 15 where absent. */
  readonly riskPerBlock?: bigint;
  /** What channels take at least (htlc_minimum_msat) does not count. */
  readonly withoutMinimum?: boolean;
}
