/**
 * Routes that carry an amount together, from the cheapest flow. The flow is approximate; the routes made of it are exact in fees, in each
 * channel's minimum, maximum and HTLC slots, and in the payment's limits.
 */
import { atRest, type FlowWish, type Route, type RouteQuery } from '../../amp/route.ts';
import { msat } from '../../wire/units.ts';
import { NONE } from './compact.ts';
import { Effort } from './effort.ts';
import { type Arcs, minCostFlow, SEGMENTS } from './flow.ts';
import {
  arcsOf,
  DELAY_WEIGHTS,
  type FlowTerms,
  HALF,
  IMPROBABILITY_WEIGHTS,
  marginFor,
  reachesOf,
} from './flowarcs.ts';
import { Parts } from './flowparts.ts';
import { pathsOf } from './flowpaths.ts';
import { findUnits } from './flowunits.ts';
import { greatestFlow } from './greatestflow.ts';
import type { RouteContext } from './routecontext.ts';
import { canLeave, findRoute, type Prepared, prepare } from './routing.ts';

/** A query for several routes that carry the amount together. */
export type FlowQuery = RouteQuery & { readonly flow: FlowWish };

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

/** Divisors of the amount for the smallest channel that counts: for each part that there may be, and where that leaves too little. */
const GRAINS_PER_PART = 4n;
const FINEST = 1000n;

/** Looks at arcs, for all attempts at one flow: half as many again as any flow took that was found in networks of the real one's size. */
export const MOST_WORK = 10_000_000;

/**
 * Routes that carry `query.amount` together, made of the cheapest flow that fits: at most `flow.most` of them, none of several below
 * `flow.least`. With `flow.unit` each carries just that, and there are as many as can be had, up to `flow.most`. Each keeps to the query's
 * limits for a route, and all together to its `maxFee`. undefined where there are none, or where none is found within `effort`.
 */
export const findFlow = (
  context: RouteContext,
  query: FlowQuery,
  effort = new Effort(MOST_WORK),
): readonly Route[] | undefined => {
  const { amount, maxFee } = query;
  const { unit, ...wish } = query.flow;
  const margin = marginFor(amount, maxFee);
  if (unit !== undefined) {
    const routes = findUnits(context, query, { unit, most: wish.most }, margin, effort);
    return routes.length === 0 ? undefined : routes;
  }
  if (!canLeave(context, query) || amount > Number.MAX_SAFE_INTEGER) return undefined;
  if (query.finalExpiry > query.maxExpiry) return undefined;
  const prepared = prepare(context, query);
  const { edges } = prepared.extras;
  const room = edges.reduce((sum, edge) => (edge.from === prepared.terms.source ? sum + edge.ceiling : sum), 0);
  if (room < Number(amount) || prepared.terms.source === prepared.terms.target) return undefined;
  const most = BigInt(wish.most);
  const least = Math.min(Number(wish.least), Number(amount));
  const grainOf = (parts: bigint): number => Math.max(1, least, Number(amount / parts));
  // From large channels alone to all of them. One that was tried is not tried again because of size.
  const sizes = [
    { grain: grainOf(most), margin, reach: HALF },
    { grain: grainOf(most * GRAINS_PER_PART), margin, reach: HALF },
    ...reachesOf(margin).map((reach) => ({ grain: grainOf(FINEST), ...reach })),
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
