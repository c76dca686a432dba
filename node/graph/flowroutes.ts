/**
 * Routes that carry an amount together, from the cheapest flow. The flow is approximate; the routes made of it are exact in fees, in each
 * channel's minimum, maximum and HTLC slots, and in the payment's limits.
 */
import { atRest, type FlowWish, type Reserved, type Route, type RouteQuery } from '../../amp/route.ts';
import { msat, shortChannelId } from '../../wire/units.ts';
import { Balances } from './balances.ts';
import { NONE } from './compact.ts';
import { Effort } from './effort.ts';
import { hintedCeiling } from './extras.ts';
import { type Arcs, minCostFlow, SEGMENTS } from './flow.ts';
import { arcsOf, type FlowTerms, MOST_OF_CAPACITY } from './flowarcs.ts';
import { pathsOf } from './flowpaths.ts';
import { greatestFlow } from './greatestflow.ts';
import { keyOfNode } from './nodekeys.ts';
import type { RouteContext, Terms } from './routecontext.ts';
import { canLeave, findRoute, forwardingFee, type Prepared, prepare, routeOf } from './routing.ts';

/** A query for several routes that carry the amount together. */
export type FlowQuery = RouteQuery & { readonly flow: FlowWish };

/** A route of a flow, and the path that it follows: directions of the graph, or NONE - 1 - i for the extra edge i. */
interface Part {
  readonly way: readonly number[];
  readonly route: Route;
}

const arriving = ({ route }: Part): bigint => (route.at(-1) ?? route[0]).amount;
const feeOf = (route: Route): bigint => route[0].amount - (route.at(-1) ?? route[0]).amount;

/** What the HTLC of a route will lock in its channels. */
const taking = (route: Route): readonly Reserved[] =>
  route.map(({ scid, amount }, n) => ({ scid, from: route[n - 1]?.node, amount, count: 1, offered: false }));

/** The routes found so far, each checked against what the channels can carry beside the others. */
class Parts {
  readonly list: Part[] = [];
  /** A path had a longer delay, or a higher fee, than the payment allows. */
  slow = false;
  expensive = false;
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

  /** What the source asks for forwarding over its own first channel, where it asks anything: the route's amounts do not contain it. */
  private ownTerms([{ scid }]: Route): Terms | undefined {
    return this.prepared.context.outlets.find((outlet) => outlet.scid === scid)?.terms;
  }

  private changed(): void {
    this.balances = new Balances(undefined, this.prepared.query.excluded, this.reserved);
  }

  /** The smallest and the largest HTLC that the channel direction `via` takes from node `from`. */
  private limits(via: number, from: Route[number]['node'] | undefined): { least: bigint; most: bigint } {
    const { context, extras } = this.prepared;
    const { compact } = context.graph;
    const own = extras.hops[NONE - 1 - via];
    if (own === undefined) {
      const scid = shortChannelId(compact.scids[via >> 1] ?? 0n);
      const top = BigInt(compact.maximum[via] ?? 0);
      const capacity = BigInt(Math.floor((compact.capacity[via >> 1] ?? 0) * MOST_OF_CAPACITY));
      const free = this.balances.ceiling(scid, from && keyOfNode(from), top > capacity ? top : capacity);
      const least = context.withoutMinimum === true ? 0n : BigInt(compact.minimum[via] ?? 0);
      return { least, most: free < top ? free : top };
    }
    if (extras.edges[NONE - 1 - via]?.from !== this.prepared.terms.source)
      return {
        least: 1n,
        most: this.balances.ceiling(own.scid, from && keyOfNode(from), hintedCeiling(this.prepared.query.amount)),
      };
    const outlet = context.outlets.find(({ scid }) => scid === own.scid);
    if (outlet === undefined) return { least: 0n, most: 0n };
    const { spendable, slots, minimum = 1n, perHtlc = 0n } = outlet;
    const before = BigInt(this.list.filter(({ route }) => route[0].scid === own.scid).length);
    const most = this.balances.ceiling(own.scid, undefined, spendable - before * perHtlc, slots);
    return { least: context.withoutMinimum === true ? 0n : minimum, most };
  }

  /** A part that carries as much of an amount as fits along the path; undefined where nothing does. */
  private fitting(way: readonly number[], wanted: bigint): Part | undefined {
    const { query } = this.prepared;
    let amount = wanted;
    // A smaller amount has smaller fees, so what fits is found in one or two steps; rounding may take more.
    for (let n = 0; n < 8 && amount > 0n; n++) {
      const route = routeOf({ ...this.prepared, query: { ...query, amount: msat(amount) } }, way);
      if (route === undefined) this.expensive = true;
      if (route === undefined || route.length > query.maxHops) return undefined;
      if (route[0].expiry + (this.ownTerms(route)?.cltvExpiryDelta ?? 0) > query.maxExpiry) {
        this.slow = true;
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

  /** Adds a part for as much of an amount as fits, unless that is less than `least`. Returns what it carries; 0 where none was added. */
  add(way: readonly number[], amount: bigint, least: bigint): bigint {
    const part = this.fitting(way, amount);
    if (part === undefined || arriving(part) < least) return 0n;
    this.list.push(part);
    this.changed();
    return arriving(part);
  }

  /** Spreads an amount over the parts that are there, as far as their channels can carry more. Returns what is left of it. */
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

  /** Adds a route that was found by a search of its own for the rest of the amount. */
  addRoute(route: Route): void {
    this.list.push({ way: [], route });
    this.changed();
  }
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** Paths of less than 1/64 of the amount get no HTLC of their own, once no more than 1/16 of it is left to be spread over the others. */
const SMALL_PATH = 64;
const MOST_SPREAD = 16n;

/**
 * Why there is no such flow: the channels carry too little, or only in too many parts, for too high a fee, or with too long a delay;
 * or the search was given up as too much work.
 */
type Fault = 'too_little' | 'too_much_work' | 'too_many_parts' | 'too_expensive' | 'too_slow';

/** Augmenting paths at most: a flow that needs more does not fit into a few dozen parts, and takes seconds. */
const USEFUL_PATHS = 300;

/** All that the last channels can carry together. */
const intoTarget = ({ count, head, ends }: Arcs, target: number): number => {
  let sum = 0;
  for (let arc = 0; arc < count; arc++) if (head[arc] === target) sum += ends[(arc + 1) * SEGMENTS - 1] ?? 0;
  return sum;
};

/** Whether the arcs cannot carry the amount together, whatever it costs; also true where `effort` is spent before that is known. */
const isTooMuch = (arcs: Arcs, { terms, query }: Prepared, effort: Effort): boolean => {
  const { source, target, nodes } = terms;
  const amount = Number(query.amount);
  // Where an amount is too large, it is mostly so for the last channels already: that is known without a search.
  return intoTarget(arcs, target) < amount || greatestFlow(nodes, arcs, source, target, amount, effort) < amount;
};

/** Looks at arcs, before a search for the cheapest flow asks whether there is any: most of those that there are take fewer. */
const DOUBT = 500_000;

/** `doubt` is the work after which it is asked whether there is any flow of the amount. */
const attempt = (
  prepared: Prepared,
  query: FlowQuery,
  terms: FlowTerms,
  effort: Effort,
  doubt: number,
): readonly Route[] | Fault => {
  const arcs = arcsOf(prepared, terms);
  const { source, target, nodes } = prepared.terms;
  const amount = Number(query.amount);
  if (intoTarget(arcs, target) < amount) return 'too_little';
  const limits = { paths: USEFUL_PATHS, effort, doubt, isHopeless: () => isTooMuch(arcs, prepared, effort) };
  const { carried, sent } = minCostFlow(nodes, arcs, source, target, amount, limits);
  if (sent < amount) return effort.isSpent ? 'too_much_work' : 'too_little';
  const { most, least } = query.flow;
  const paths = pathsOf(arcs, carried, source, target, most, (arc) => arcs.largest[arc] ?? 0);
  const parts = new Parts(prepared);
  const isWhole = paths.length === 1;
  let left: bigint = query.amount;
  for (const [n, path] of paths.entries()) {
    // A small path is not worth an HTLC where the other parts can carry its amount, which they can where `margin` left room.
    if (n > 0 && path.amount * SMALL_PATH < amount && left * MOST_SPREAD < query.amount) left = parts.spread(left);
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
  if (left > 0n && parts.expensive) return 'too_expensive';
  if (left > 0n) return parts.slow ? 'too_slow' : 'too_many_parts';
  return parts.fees > query.maxFee ? 'too_expensive' : parts.list.map(({ route }) => route);
};

/** The fees, as a part of the amount, that channels must have room for beside it. Routes with higher fees are cut to what fits. */
const MOST_MARGIN = 0.01;
/** Weights of improbability, one after the other, while the flow is too expensive. */
const IMPROBABILITY_WEIGHTS = [1, 1 / 10, 0] as const;
/** Weights of delay, one after the other, while the flow is too slow. */
const DELAY_WEIGHTS = [1, 30] as const;
/** How far to go between what a channel carried and what it did not: half of the way at first, nearly all of it where that is too little. */
const HALF = 1 / 2;
const NEARLY_ALL = 15 / 16;
/** Divisors of the amount for the smallest channel that counts: for each part that there may be, and where that leaves too little. */
const GRAINS_PER_PART = 4n;
const FINEST = 1000n;

/** Looks at arcs, for all attempts at one flow: half as many again as any flow took that was found in networks of the real one's size. */
export const MOST_WORK = 10_000_000;

/**
 * Routes that carry `query.amount` together, made of the cheapest flow that fits: at most `flow.most` of them, none of several below
 * `flow.least`. Each keeps to the query's limits for a route, and all together to its `maxFee`. undefined where there are none,
 * or where none is found within `effort`.
 */
export const findFlow = (
  context: RouteContext,
  query: FlowQuery,
  effort = new Effort(MOST_WORK),
): readonly Route[] | undefined => {
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
  // From large channels alone to all of them. One that was tried is not tried again because of size.
  const sizes = [
    { grain: grainOf(most), margin, reach: HALF },
    { grain: grainOf(most * GRAINS_PER_PART), margin, reach: HALF },
    { grain: grainOf(FINEST), margin, reach: HALF },
    { grain: grainOf(FINEST), margin: 1, reach: NEARLY_ALL },
    { grain: grainOf(FINEST), margin: 1, reach: 1 },
  ] as const;
  // At least what any of these can carry, so that an amount which is too much for it need not be tried again with each.
  const widest = {
    ...{ grain: Math.min(...sizes.map(({ grain }) => grain)), floor: Number.POSITIVE_INFINITY },
    ...{ margin: 1, reach: 1, improbability: 0, delay: 1 },
  };
  const tried = new Set<number>();
  let [size, thrift, haste] = [1, 0, 0];
  for (;;) {
    const terms = {
      ...(sizes[size] ?? sizes[1]),
      improbability: IMPROBABILITY_WEIGHTS[thrift] ?? 0,
      delay: DELAY_WEIGHTS[haste] ?? 1,
    };
    const found = attempt(prepared, query, terms, effort, tried.size === 0 ? DOUBT : 0);
    if (typeof found === 'object') return found;
    if (found === 'too_much_work') return undefined;
    if (found === 'too_little' && tried.size === 0 && isTooMuch(arcsOf(prepared, widest), prepared, effort))
      return undefined;
    tried.add(size);
    if (found === 'too_expensive') thrift++;
    else if (found === 'too_slow') haste++;
    else size += found === 'too_little' ? 1 : -1;
    const isNew = found === 'too_expensive' || found === 'too_slow' || !tried.has(size);
    if (!isNew || sizes[size] === undefined || thrift >= IMPROBABILITY_WEIGHTS.length || haste >= DELAY_WEIGHTS.length)
      return undefined;
  }
};

/** Whether there would be such routes if our channels had no HTLCs in flight but those of this payment. */
export const hasFlowAtRest = (context: RouteContext, query: FlowQuery): boolean => {
  if (context.outlets.every(({ atRest: rest }) => rest === undefined)) return false;
  const reserved = query.reserved.map((one) => ({ ...one, offered: one.from !== undefined && one.offered }));
  const rest = { ...context, outlets: atRest(context.outlets), penalties: undefined };
  return findFlow(rest, { ...query, reserved }) !== undefined;
};
