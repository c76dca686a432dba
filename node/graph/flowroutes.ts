/**
 * Routes that carry an amount together: the cheapest flow of it, taken apart, with the fees of each route, what channels take at least
 * and at most, their slots, and the bounds of the payment all kept exactly.
 */
import { atRest, type FlowWish, type Reserved, type Route, type RouteQuery } from '../../amp/route.ts';
import { hex } from '../../wire/bytes.ts';
import { msat, shortChannelId } from '../../wire/units.ts';
import { Balances } from './balances.ts';
import { NONE } from './compact.ts';
import { type Arcs, minCostFlow, SEGMENTS } from './flow.ts';
import { arcsOf, type FlowTerms, MOST_OF_CAPACITY } from './flowarcs.ts';
import { pathsOf } from './flowpaths.ts';
import type { RouteContext, Terms } from './routecontext.ts';
import { canLeave, findRoute, forwardingFee, type Prepared, prepare, routeOf } from './routing.ts';

/** A query for routes that carry the amount together. */
export type FlowQuery = RouteQuery & { readonly flow: FlowWish };

/** A route of a flow and the way it was made from: directions of the graph, or NONE - 1 - i for the extra edge i. */
interface Part {
  readonly way: readonly number[];
  readonly route: Route;
}

const arriving = ({ route }: Part): bigint => (route.at(-1) ?? route[0]).amount;
const feeOf = (route: Route): bigint => route[0].amount - (route.at(-1) ?? route[0]).amount;

/** What the shards of a route will take of its channels. */
const taking = (route: Route): readonly Reserved[] =>
  route.map(({ scid, amount }, n) => ({ scid, from: route[n - 1]?.node, amount, count: 1, offered: false }));

/** Parts of a flow that is being made, each checked against what the channels carry beside the others. */
class Parts {
  readonly list: Part[] = [];
  /** A path had more delay than the payment may have, or cost more. */
  late = false;
  dear = false;
  private readonly prepared: Prepared;
  private balances: Balances;

  constructor(prepared: Prepared) {
    this.prepared = prepared;
    this.balances = new Balances(undefined, prepared.query.excluded, prepared.query.reserved);
  }

  get reserved(): readonly Reserved[] {
    return [...this.prepared.query.reserved, ...this.list.flatMap(({ route }) => taking(route))];
  }

  get fees(): bigint {
    return this.list.reduce((sum, { route }) => {
      const terms = this.ownTerms(route);
      return sum + feeOf(route) + (terms === undefined ? 0n : forwardingFee(terms, route[0].amount));
    }, 0n);
  }

  /** What the source asks of itself for a route, which is not in its amounts. */
  private ownTerms([{ scid }]: Route): Terms | undefined {
    return this.prepared.context.outlets.find((outlet) => outlet.scid === scid)?.terms;
  }

  private changed(): void {
    this.balances = new Balances(undefined, this.prepared.query.excluded, this.reserved);
  }

  /** What a single HTLC may be that goes by `via` from the node that a route has there. */
  private limits(via: number, from: Route[number]['node'] | undefined): { least: bigint; most: bigint } {
    const { context, extras } = this.prepared;
    const { compact } = context.graph;
    const own = extras.hops[NONE - 1 - via];
    if (own === undefined) {
      const scid = shortChannelId(compact.scids[via >> 1] ?? 0n);
      const top = BigInt(compact.maximum[via] ?? 0);
      const capacity = BigInt(Math.floor((compact.capacity[via >> 1] ?? 0) * MOST_OF_CAPACITY));
      const free = this.balances.ceiling(scid, from && hex(from), top > capacity ? top : capacity);
      const least = context.withoutMinimum === true ? 0n : BigInt(compact.minimum[via] ?? 0);
      return { least, most: free < top ? free : top };
    }
    if (extras.edges[NONE - 1 - via]?.from !== this.prepared.terms.source)
      return { least: 1n, most: this.balances.ceiling(own.scid, from && hex(from), this.prepared.query.amount) };
    const outlet = context.outlets.find(({ scid }) => scid === own.scid);
    if (outlet === undefined) return { least: 0n, most: 0n };
    const { spendable, slots, minimum = 1n, perHtlc = 0n } = outlet;
    const before = BigInt(this.list.filter(({ route }) => route[0].scid === own.scid).length);
    const most = this.balances.ceiling(own.scid, undefined, spendable - before * perHtlc, slots);
    return { least: context.withoutMinimum === true ? 0n : minimum, most };
  }

  /** The part that carries as much as fits of an amount; undefined where nothing does. */
  private fitting(way: readonly number[], wanted: bigint): Part | undefined {
    const { query } = this.prepared;
    let amount = wanted;
    // Less to carry has less fees: once or twice is enough, but for what is rounded.
    for (let n = 0; n < 8 && amount > 0n; n++) {
      const route = routeOf({ ...this.prepared, query: { ...query, amount: msat(amount) } }, way);
      if (route === undefined) this.dear = true;
      if (route === undefined || route.length > query.maxHops) return undefined;
      if (route[0].expiry + (this.ownTerms(route)?.cltvExpiryDelta ?? 0) > query.maxExpiry) {
        this.late = true;
        return undefined;
      }
      let least = amount;
      for (const [hop, { amount: carried }] of route.entries()) {
        const limits = this.limits(way[hop] ?? NONE, route[hop - 1]?.node);
        if (carried < limits.least || limits.most <= 0n) return undefined;
        if (carried <= limits.most) continue;
        const fits = (amount * limits.most) / carried;
        if (fits < least) least = fits;
      }
      if (least === amount) return { way, route };
      amount = least;
    }
    return undefined;
  }

  /** Adds a part for as much as fits of an amount, `least` or more. Gives how much that is. */
  add(way: readonly number[], amount: bigint, least: bigint): bigint {
    const part = this.fitting(way, amount);
    if (part === undefined || arriving(part) < least) return 0n;
    this.list.push(part);
    this.changed();
    return arriving(part);
  }

  /** Lets parts carry more, as far as they can. Gives what is left of it. */
  spread(amount: bigint): bigint {
    let left = amount;
    for (const [i, part] of this.list.entries()) {
      if (left === 0n) break;
      this.list.splice(i, 1);
      this.changed();
      const more = this.fitting(part.way, arriving(part) + left);
      const next = more !== undefined && arriving(more) > arriving(part) ? more : part;
      left -= arriving(next) - arriving(part);
      this.list.splice(i, 0, next);
    }
    this.changed();
    return left;
  }

  /** Adds a route that was found for the rest of the amount. */
  addRoute(route: Route): void {
    this.list.push({ way: [], route });
    this.changed();
  }
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** What is less than such a part of the amount is a crumb; and no more than such a part of it is to be spread over the others. */
const CRUMBS = 64;
const MOST_CRUMBS = 16n;

/** Why there is no flow as it was asked: too little can be carried, or only in too many parts, for too much, or too slowly. */
type Fault = 'short' | 'many' | 'dear' | 'late';

/** A flow that grows by more paths than this is not for a few dozen parts; it took seconds to find that there is none. */
const USEFUL_PATHS = 300;

const intoTarget = ({ count, head, ends }: Arcs, target: number): number => {
  let sum = 0;
  for (let arc = 0; arc < count; arc++) if (head[arc] === target) sum += ends[(arc + 1) * SEGMENTS - 1] ?? 0;
  return sum;
};

const attempt = (prepared: Prepared, query: FlowQuery, terms: FlowTerms): readonly Route[] | Fault => {
  const arcs = arcsOf(prepared, terms);
  const { source, target, nodes } = prepared.terms;
  const amount = Number(query.amount);
  // Most of what cannot be carried cannot reach its destination by the last channels alone: that takes no search.
  if (intoTarget(arcs, target) < amount) return 'short';
  const { carried, sent } = minCostFlow(nodes, arcs, source, target, amount, USEFUL_PATHS);
  if (sent < amount) return 'short';
  const { most, least } = query.flow;
  const paths = pathsOf(arcs, carried, source, target, most, (arc) => arcs.largest[arc] ?? 0);
  const parts = new Parts(prepared);
  const isWhole = paths.length === 1;
  let left: bigint = query.amount;
  for (const [n, path] of paths.entries()) {
    // Crumbs are not worth an HTLC of their own where the others can carry them, as where they keep room for fees.
    if (n > 0 && path.amount * CRUMBS < amount && left * MOST_CRUMBS < query.amount) left = parts.spread(left);
    if (left === 0n) break;
    const way = path.arcs.map((arc) => arcs.via[arc] ?? NONE);
    left -= parts.add(way, min(BigInt(path.amount), left), isWhole ? 0n : least);
  }
  if (left > 0n) left = parts.spread(left);
  if (left > 0n && left >= least && parts.list.length < most) {
    const maxFee = msat(query.maxFee > parts.fees ? query.maxFee - parts.fees : 0n);
    const rest = { ...query, amount: msat(left), maxFee, fairFee: maxFee, reserved: parts.reserved };
    const { route } = findRoute(prepared.context, rest, () => 1n);
    if (route !== undefined) {
      parts.addRoute(route);
      left = 0n;
    }
  }
  if (left > 0n && parts.dear) return 'dear';
  if (left > 0n) return parts.late ? 'late' : 'many';
  return parts.fees > query.maxFee ? 'dear' : parts.list.map(({ route }) => route);
};

/** The fees that room is left for beside the amount, as a part of it: what is dearer has to be made to fit. */
const MOST_MARGIN = 0.01;
/** What improbability counts for, where a flow that keeps to fewer fees is wanted. */
const THRIFTIER = [1, 1 / 10, 0] as const;
/** What delay counts for, where a quicker flow is wanted. */
const QUICKER = [1, 30] as const;
/** Between what a channel carried and what it did not: at first in the middle, and nearly up to there where it takes that. */
const HALF = 1 / 2;
const NEARLY_ALL = 15 / 16;
/** The smallest channel that counts, as a part of the amount: at first for each part there may be, and where too little is left. */
const GRAINS_PER_PART = 4n;
const FINEST = 1000n;

/**
 * Routes that carry `query.amount` together within all that it says of a route, and that count as one by its maxFee: by the cheapest
 * flow of it that can be had, in no more than `flow.most` of them, of which none of several is below `flow.least`. undefined where
 * there is none.
 */
export const findFlow = (context: RouteContext, query: FlowQuery): readonly Route[] | undefined => {
  const { amount, maxFee } = query;
  if (!canLeave(context, query) || amount > Number.MAX_SAFE_INTEGER) return undefined;
  if (query.finalExpiry > query.maxExpiry) return undefined;
  const prepared = prepare(context, query);
  const { edges } = prepared.extras;
  const room = edges.reduce((sum, edge) => (edge.from === prepared.terms.source ? sum + edge.ceiling : sum), 0);
  if (room < Number(amount) || prepared.terms.source === prepared.terms.target) return undefined;
  const most = BigInt(query.flow.most);
  const least = Math.min(Number(query.flow.least), Number(amount));
  const grainOf = (parts: bigint): number => Math.max(1, least, Number(amount / parts));
  const margin = 1 + Math.min(MOST_MARGIN, Number(maxFee) / Number(amount));
  // From where the flow is coarse to where all counts: what is too much in one way is not tried again in another.
  const sizes = [
    { grain: grainOf(most), margin, reach: HALF },
    { grain: grainOf(most * GRAINS_PER_PART), margin, reach: HALF },
    { grain: grainOf(FINEST), margin, reach: HALF },
    { grain: grainOf(FINEST), margin: 1, reach: NEARLY_ALL },
    { grain: grainOf(FINEST), margin: 1, reach: 1 },
  ] as const;
  const tried = new Set<number>();
  let [size, thrift, haste] = [1, 0, 0];
  for (;;) {
    const terms = {
      ...(sizes[size] ?? sizes[1]),
      improbability: THRIFTIER[thrift] ?? 0,
      delay: QUICKER[haste] ?? 1,
    };
    const found = attempt(prepared, query, terms);
    if (typeof found === 'object') return found;
    tried.add(size);
    if (found === 'dear') thrift++;
    else if (found === 'late') haste++;
    else size += found === 'short' ? 1 : -1;
    const isNew = found === 'dear' || found === 'late' || !tried.has(size);
    if (!isNew || sizes[size] === undefined || thrift >= THRIFTIER.length || haste >= QUICKER.length) return undefined;
  }
};

/** Whether there would be such routes if no HTLC were in flight in our channels but the payment's own. */
export const hasFlowAtRest = (context: RouteContext, query: FlowQuery): boolean => {
  if (context.outlets.every(({ atRest: rest }) => rest === undefined)) return false;
  const reserved = query.reserved.map((one) => ({ ...one, offered: one.from !== undefined && one.offered }));
  const rest = { ...context, outlets: atRest(context.outlets), penalties: undefined };
  return findFlow(rest, { ...query, reserved }) !== undefined;
};
