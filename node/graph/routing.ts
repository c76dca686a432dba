/**
 * Routes: the first channel is one of our outlets; all others are announced channels or route hints of the invoice. search.ts finds the
 * cheapest way in numbers; here is what a payment asks, and the route in exact amounts.
 */

import {
  atRest,
  type Excluded,
  type Hop,
  type Outlet,
  type Reserved,
  type Route,
  type RouteQuery,
} from '../../amp/route.ts';
import { hex, unhex } from '../../wire/bytes.ts';
import { type Msat, msat, type Point, point, type ShortChannelId, shortChannelId } from '../../wire/units.ts';
import { type CompactGraph, NONE } from './compact.ts';
import { type Graph, type NodeKey, STALE_AFTER } from './graph.ts';
import {
  CLOSED,
  type ExtraEdge,
  type Found,
  LIMITED,
  PENALIZED,
  type Search,
  type SearchTerms,
  SOONEST,
} from './search.ts';

/** A channel of an invoice's route hint: from `from` to `to`. */
export interface Hint {
  readonly from: Point;
  readonly to: Point;
  readonly scid: ShortChannelId;
  readonly feeBase: Msat;
  readonly feeProportional: number;
  readonly cltvExpiryDelta: number;
}

/** What was learnt about channels, as a cost in the choice of a route. */
export interface Penalties {
  /** The channels that may have one. */
  readonly scids: () => Iterable<ShortChannelId>;
  /** What a channel away from a node, or from us, costs beyond its fee; msat. */
  readonly of: (scid: ShortChannelId, from: NodeKey, amount: bigint) => bigint;
}

export interface RouteContext {
  readonly graph: Pick<Graph, 'compact'> & { readonly search: Pick<Search, 'cheapest'> };
  /** Ourselves. */
  readonly source: Point;
  readonly outlets: readonly Outlet[];
  readonly hints: readonly Hint[];
  /** Unix seconds. */
  readonly now: () => number;
  readonly penalties?: Penalties | undefined;
  /** The only channels of the graph that may be used; all where absent. */
  readonly only?: ReadonlySet<ShortChannelId> | undefined;
  /** Whether a node reads TLV payloads only. */
  readonly tlvOnly: (id: NodeKey, node: Point) => boolean;
  /** Cost of delay, in billionths of the amount per block; 15 where absent. */
  readonly riskPerBlock?: bigint;
  /** What channels take at least (htlc_minimum_msat) does not count. */
  readonly withoutMinimum?: boolean;
}

/** Cost of delay: 15 billionths of the amount per block, the risk factor that lnd and Core Lightning use. */
const RISK_PER_BLOCK = 15n;

/** The fee a node asks for forwarding `amount`. BOLT 7, "HTLC Fees". */
export const forwardingFee = (
  policy: { readonly feeBase: Msat; readonly feeProportional: number },
  amount: bigint,
): bigint => policy.feeBase + (amount * BigInt(policy.feeProportional)) / 1_000_000n;

const direction = (scid: ShortChannelId, from: NodeKey | undefined): string => `${scid}/${from ?? ''}`;

/** What a channel carries, in msat. */
interface Limits {
  readonly ceiling: bigint;
  readonly floor: bigint;
}

/** The most that one more HTLC can carry, of `ceiling` and in a channel that takes `slots` more. */
export type Bound = (scid: ShortChannelId, from: NodeKey | undefined, ceiling: bigint, slots?: number) => bigint;

/** What a payment has learnt from failures, and what its own shards occupy, by channel and direction. */
export const limitsOf = (excluded: readonly Excluded[], reserved: readonly Reserved[]): Bound => {
  const atMost = new Map<string, bigint>();
  for (const { scid, from, atLeast } of excluded) {
    const key = direction(scid, from && hex(from));
    const known = atMost.get(key);
    const limit = atLeast - 1n;
    if (known === undefined || limit < known) atMost.set(key, limit);
  }
  const taken = new Map<string, { amount: bigint; count: number }>();
  for (const { scid, from, amount, count, offered } of reserved) {
    // The balance of our own channels excludes the HTLCs they offered already.
    if (from === undefined && offered) continue;
    const key = direction(scid, from && hex(from));
    const sum = taken.get(key) ?? { amount: 0n, count: 0 };
    taken.set(key, { amount: sum.amount + amount, count: sum.count + count });
  }
  return (scid, from, ceiling, slots = 1) => {
    const key = direction(scid, from);
    const own = taken.get(key);
    // How many slots strangers' channels have left is not known.
    if (from === undefined && (own?.count ?? 0) >= slots) return 0n;
    const free = ceiling - (own?.amount ?? 0n);
    const limit = atMost.get(key);
    return limit !== undefined && limit < free ? limit : free;
  };
};

/** What is not in the graph, with numbers for it: ourselves, a destination, nodes of hints. */
export class Extras {
  readonly edges: ExtraEdge[] = [];
  /** The hop that each is, in the same order. */
  readonly hops: { readonly scid: ShortChannelId; readonly policy: Hint | undefined }[] = [];
  private readonly compact: CompactGraph;
  private readonly numbers = new Map<NodeKey, number>();
  private readonly keys: NodeKey[] = [];

  constructor(compact: CompactGraph) {
    this.compact = compact;
  }

  number(key: NodeKey): number {
    const known = this.compact.nodeNumber(key) ?? this.numbers.get(key);
    if (known !== undefined) return known;
    const number = this.nodes;
    this.numbers.set(key, number);
    this.keys.push(key);
    return number;
  }

  key(node: number): NodeKey {
    return this.keys[node - this.compact.nodesEnd] ?? this.compact.key(node);
  }

  /** One more than the highest number. */
  get nodes(): number {
    return this.compact.nodesEnd + this.keys.length;
  }
}

const extrasOf = (context: RouteContext, query: RouteQuery, bound: Bound): Extras => {
  const { source, outlets, hints, penalties, withoutMinimum = false } = context;
  const { compact } = context.graph;
  const extras = new Extras(compact);
  const us = hex(source);
  const add = (scid: ShortChannelId, from: NodeKey, to: NodeKey, edge: Limits, policy: Hint | undefined): void => {
    extras.hops.push({ scid, policy });
    extras.edges.push({
      ...{ from: extras.number(from), to: extras.number(to), ceiling: Number(edge.ceiling) },
      floor: withoutMinimum ? 0 : Number(edge.floor),
      feeBase: Number(policy?.feeBase ?? 0n),
      feeProportional: policy?.feeProportional ?? 0,
      delay: policy?.cltvExpiryDelta ?? 0,
      penalty: (amount) => Number(penalties?.of(scid, from, BigInt(amount)) ?? 0n),
    });
  };
  for (const { scid, peer, spendable, slots, minimum } of outlets) {
    const ceiling = bound(scid, undefined, spendable, slots);
    add(scid, us, hex(peer), { ceiling, floor: minimum ?? 1n }, undefined);
  }
  for (const hint of hints) {
    const from = hex(hint.from);
    // A payee next to us names its channel with us: our own channels are outlets, as far as they can be used.
    if (from === us) continue;
    const node = compact.nodeNumber(from);
    // BOLT 7: a node that requires unknown features is not routed through.
    if (node !== undefined && compact.unknownFeature[node] === 1) continue;
    add(hint.scid, from, hex(hint.to), { ceiling: bound(hint.scid, from, query.amount), floor: 1n }, hint);
  }
  return extras;
};

/** What a query says of channels of the graph, by their numbers. */
const specialChannels = ({ graph, penalties, only }: RouteContext, query: RouteQuery): Uint8Array => {
  const { compact } = graph;
  const special = new Uint8Array(compact.channelsEnd);
  const mark = (scid: ShortChannelId, what: number): void => {
    const channel = compact.channelNumber(scid);
    if (channel !== undefined) special[channel] = (special[channel] ?? 0) | what;
  };
  for (const { scid } of [...query.excluded, ...query.reserved]) mark(scid, LIMITED);
  for (const scid of penalties?.scids() ?? []) mark(scid, PENALIZED);
  if (only !== undefined)
    for (let channel = 0; channel < special.length; channel++)
      if (!only.has(shortChannelId(compact.scids[channel] ?? 0n))) special[channel] = CLOSED;
  return special;
};

/** A search made ready: what stays the same while amounts are tried. */
export interface Prepared {
  readonly context: RouteContext;
  readonly query: RouteQuery;
  readonly extras: Extras;
  readonly terms: Omit<SearchTerms, 'amount' | 'perBlock'>;
}

export const prepare = (context: RouteContext, query: RouteQuery): Prepared => {
  const { compact } = context.graph;
  const bound = limitsOf(query.excluded, query.reserved);
  const extras = extrasOf(context, query, bound);
  const end = (direction: number): [ShortChannelId, NodeKey] => [
    shortChannelId(compact.scids[direction >> 1] ?? 0n),
    compact.key(compact.from[direction] ?? NONE),
  ];
  const source = extras.number(hex(context.source));
  const target = extras.number(hex(query.destination));
  const terms = {
    ...{ source, target, nodes: extras.nodes, extras: extras.edges },
    ...{ maxFee: Number(query.maxFee), finalExpiry: query.finalExpiry, maxExpiry: query.maxExpiry },
    maxHops: query.maxHops,
    riskPerBlock: Number(context.riskPerBlock ?? RISK_PER_BLOCK),
    staleSince: context.now() - STALE_AFTER,
    withoutMinimum: context.withoutMinimum ?? false,
    avoided: new Set(query.excludedNodes.flatMap((node) => compact.nodeNumber(hex(node)) ?? extras.number(hex(node)))),
    special: specialChannels(context, query),
    ceiling: (direction: number, maximum: number) => Number(bound(...end(direction), BigInt(maximum))),
    penalty: (direction: number, amount: number) =>
      Number(context.penalties?.of(...end(direction), BigInt(amount)) ?? 0n),
  };
  return { context, query, extras, terms: { ...terms, nodes: extras.nodes } };
};

/** The cheapest way for an amount, or where that has too much delay, the one with the least delay. */
const cheapestPath = (prepared: Prepared, amount: bigint): Found | undefined => {
  const { context, query, terms } = prepared;
  // No channel carries more, and below that numbers are exact.
  if (query.finalExpiry > query.maxExpiry || amount > Number.MAX_SAFE_INTEGER) return undefined;
  const search = (perBlock: number) => context.graph.search.cheapest({ ...terms, amount: Number(amount), perBlock });
  const found = search(0);
  const isFound = found.path !== undefined;
  const isFair = isFound && found.amount - Number(amount) <= Number(query.fairFee ?? query.maxFee);
  if (isFound && (isFair || !found.penalized)) return found;
  // A penalty may lead past the only way that costs little enough: it must not make unpayable what could be paid.
  if (found.penalized) {
    const plain = cheapestPath(prepare({ ...context, penalties: undefined }, query), amount);
    return isFound && (plain === undefined || plain.amount >= found.amount) ? found : plain;
  }
  const soonest = found.late ? search(SOONEST) : undefined;
  return soonest?.path === undefined ? undefined : soonest;
};

/** The amounts and expiries of a way, from its end on. */
export const routeOf = ({ context, query, extras }: Prepared, path: readonly number[]): Route | undefined => {
  const { compact } = context.graph;
  const hops: Hop[] = [];
  let [amount, expiry]: [bigint, number] = [query.amount, query.finalExpiry];
  for (const via of [...path].reverse()) {
    const extra = NONE - 1 - via;
    const edge = extras.edges[extra];
    const own = extras.hops[extra];
    const key = edge === undefined ? compact.key(compact.from[via ^ 1] ?? NONE) : extras.key(edge.to);
    const scid = own?.scid ?? shortChannelId(compact.scids[via >> 1] ?? 0n);
    const node = point(unhex(key));
    hops.unshift({ node, scid, amount: msat(amount), expiry, tlvOnly: context.tlvOnly(key, node) });
    const terms =
      edge === undefined
        ? {
            feeBase: msat(BigInt(compact.feeBase[via] ?? 0)),
            feeProportional: compact.feeProportional[via] ?? 0,
            cltvExpiryDelta: compact.delay[via] ?? 0,
          }
        : own?.policy;
    if (terms === undefined) continue;
    amount += forwardingFee(terms, amount);
    expiry += terms.cltvExpiryDelta;
  }
  const [first, ...rest] = hops;
  return first === undefined ? undefined : [first, ...rest];
};

/** Whether an HTLC can leave by it now. */
export const hasRoom = ({ spendable, slots }: Outlet): boolean => spendable > 0n && slots > 0;

/** Whether an HTLC that leaves now could get farther than to a peer: many a one has no channel but ours. */
export const canLeave = ({ graph, hints, source, outlets }: RouteContext, { destination }: RouteQuery): boolean => {
  const { compact } = graph;
  const target = hex(destination);
  const us = compact.nodeNumber(hex(source));
  const between = new Set(hints.map(({ from }) => hex(from)));
  return outlets.some((outlet) => {
    if (!hasRoom(outlet)) return false;
    const peer = hex(outlet.peer);
    return peer === target || between.has(peer) || compact.hasOtherNeighbour(peer, us);
  });
};

/** Without a route for an amount, one is looked for that carries this part of it. */
const SMALLEST_PART = 64n;

/**
 * The cheapest route that carries `query.amount` within `query.maxFee`, `query.maxExpiry` and `query.maxHops`, past what is
 * excluded and what the payment's other shards take. Without one, the largest amount for which there would be one, by halves down to
 * one part of `parts()`.
 */
export const findRoute = (
  context: RouteContext,
  query: RouteQuery,
  parts: () => bigint = () => SMALLEST_PART,
): { readonly route: Route } | { readonly route: undefined; readonly largest?: Msat } => {
  // Looking through the whole graph would only end here again.
  if (!canLeave(context, query)) return { route: undefined };
  const prepared = prepare(context, query);
  const path = cheapestPath(prepared, query.amount)?.path;
  const route = path && routeOf(prepared, path);
  if (route !== undefined) return { route };
  const least = query.amount / parts();
  for (let amount = query.amount / 2n; amount > 0n && amount >= least; amount /= 2n)
    if (cheapestPath(prepared, amount) !== undefined) return { route: undefined, largest: msat(amount) };
  return { route: undefined };
};

/**
 * Whether there would be a route if no HTLC were in flight in our channels but the payment's own, so that it is worth waiting for
 * those of others.
 */
export const hasRouteAtRest = (context: RouteContext, query: RouteQuery): boolean => {
  if (context.outlets.every(({ atRest: rest }) => rest === undefined)) return false;
  const reserved = query.reserved.map((one) => ({ ...one, offered: one.from !== undefined && one.offered }));
  const rest = { ...context, outlets: atRest(context.outlets), penalties: undefined };
  return cheapestPath(prepare(rest, { ...query, reserved }), query.amount) !== undefined;
};
