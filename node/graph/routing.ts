/**
 * Routes: the first channel is one of our outlets; all others are announced channels or route hints of the invoice. search.ts finds the
 * cheapest way in numbers; here is what a payment asks, and the route in exact amounts.
 */

import { atRest, type Hop, LEAST_PART, type Outlet, type Route, type RouteQuery } from '../../amp/route.ts';
import { type Msat, msat, type ShortChannelId, shortChannelId } from '../../wire/units.ts';
import { Balances } from './balances.ts';
import { NONE } from './compact.ts';
import { type Extras, extrasOf } from './extras.ts';
import { type NodeKey, STALE_AFTER } from './graph.ts';
import { preferredWeight, UNIFORM } from './likelihood.ts';
import { keyOfNode } from './nodekeys.ts';
import type { RouteContext, Terms } from './routecontext.ts';
import { CLOSED, type Found, KNOWN, LIMITED, PENALIZED, type SearchTerms, SOONEST } from './search.ts';

/** Cost of delay: 15 billionths of the amount per block, the risk factor that lnd and Core Lightning use. */
const RISK_PER_BLOCK = 15n;

/** The fee a node asks for forwarding `amount`. BOLT 7, "HTLC Fees". */
export const forwardingFee = (policy: Pick<Terms, 'feeBase' | 'feeProportional'>, amount: bigint): bigint =>
  policy.feeBase + (amount * BigInt(policy.feeProportional)) / 1_000_000n;

/** What a query says of channels of the graph, by their numbers. */
const specialChannels = ({ graph, learnt, penalties, only }: RouteContext, query: RouteQuery): Uint8Array => {
  const { compact } = graph;
  const special = new Uint8Array(compact.channelsEnd);
  const mark = (scid: ShortChannelId, what: number): void => {
    const channel = compact.channelNumber(scid);
    if (channel !== undefined) special[channel] = (special[channel] ?? 0) | what;
  };
  for (const { scid } of [...query.excluded, ...query.reserved]) mark(scid, LIMITED | KNOWN);
  for (const scid of learnt?.scids() ?? []) mark(scid, KNOWN);
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
  readonly terms: Omit<SearchTerms, 'amount' | 'perBlock' | 'scale'>;
}

export const prepare = (context: RouteContext, query: RouteQuery): Prepared => {
  const { compact } = context.graph;
  const balances = new Balances(context.learnt, query.excluded, query.reserved);
  const extras = extrasOf(context, query, balances);
  const end = (direction: number): [ShortChannelId, NodeKey] => [
    shortChannelId(compact.scids[direction >> 1] ?? 0n),
    compact.key(compact.from[direction] ?? NONE),
  ];
  const source = extras.number(keyOfNode(context.source));
  const target = extras.number(keyOfNode(query.destination));
  const terms = {
    ...{ source, target, nodes: extras.nodes, extras: extras.edges },
    ...{ maxFee: Number(query.maxFee), finalExpiry: query.finalExpiry, maxExpiry: query.maxExpiry },
    maxHops: query.maxHops,
    riskPerBlock: Number(context.riskPerBlock ?? RISK_PER_BLOCK),
    weight: preferredWeight(context.prefer, query.amount),
    prior: context.prior ?? UNIFORM,
    staleSince: context.now() - STALE_AFTER,
    withoutMinimum: context.withoutMinimum ?? false,
    avoided: new Set(
      query.excludedNodes.flatMap((node) => compact.nodeNumber(keyOfNode(node)) ?? extras.number(keyOfNode(node))),
    ),
    special: specialChannels(context, query),
    ceiling: (direction: number, maximum: number) => Number(balances.ceiling(...end(direction), BigInt(maximum))),
    known: (direction: number) => balances.known(...end(direction), compact.capacity[direction >> 1] ?? 0),
    penalty: (direction: number, amount: number) =>
      Number(context.penalties?.of(...end(direction), BigInt(amount)) ?? 0n),
  };
  return { context, query, extras, terms: { ...terms, nodes: extras.nodes } };
};

/** Whether there is any way for an amount, whatever it costs: the answer takes far less time than to find that there is no cheapest one. */
const isConnected = ({ context, terms }: Prepared, amount: bigint): boolean =>
  context.graph.connection.exists({ ...terms, amount: Number(amount) });

/** The cheapest way for an amount, where fees and delay alone count; where it has too much delay, the one with the least. */
const plainPath = ({ context, query, terms }: Prepared, amount: bigint): Found | undefined => {
  // No channel carries more, and below that numbers are exact.
  if (query.finalExpiry > query.maxExpiry || amount > Number.MAX_SAFE_INTEGER) return undefined;
  const search = (perBlock: number) =>
    context.graph.search.cheapest({ ...terms, amount: Number(amount), perBlock, scale: 0 });
  const found = search(0);
  if (found.path !== undefined) return found;
  const soonest = found.late ? search(SOONEST) : undefined;
  return soonest?.path === undefined ? undefined : soonest;
};

/** By how much likelihood counts less where a way that is as likely as preferred costs too much in fees. */
const LESS = [1 / 10, 1 / 100];

/** The best way for the amount of a query, which is as likely as the payer prefers where that costs little enough. */
const bestPath = (prepared: Prepared): Found | undefined => {
  const { context, query, terms } = prepared;
  if (query.finalExpiry > query.maxExpiry || query.amount > Number.MAX_SAFE_INTEGER) return undefined;
  const amount = Number(query.amount);
  const search = (scale: number) => context.graph.search.cheapest({ ...terms, amount, perBlock: 0, scale });
  const fair = Number(query.fairFee ?? query.maxFee);
  const isFair = (found: Found): boolean => found.path !== undefined && found.amount - amount <= fair;
  const found = search(1);
  if (isFair(found)) return found;
  // Nothing that is only unlikely may make unpayable what could be paid.
  const plain = plainPath(prepared, query.amount);
  if (plain === undefined) return found.path === undefined ? undefined : found;
  if (isFair(plain)) {
    for (const scale of LESS) {
      const between = search(scale);
      if (isFair(between)) return between;
    }
    return plain;
  }
  return found.path !== undefined && plain.amount >= found.amount ? found : plain;
};

/** The amounts and expiries of a way, from its end on; undefined where fees upon fees come to more than a payment may cost. */
export const routeOf = ({ context, query, extras }: Prepared, path: readonly number[]): Route | undefined => {
  const { compact } = context.graph;
  const hops: Hop[] = [];
  const most = query.amount + query.maxFee;
  let [amount, expiry]: [bigint, number] = [query.amount, query.finalExpiry];
  for (const via of [...path].reverse()) {
    const extra = NONE - 1 - via;
    const edge = extras.edges[extra];
    const own = extras.hops[extra];
    const key = edge === undefined ? compact.key(compact.from[via ^ 1] ?? NONE) : extras.key(edge.to);
    const scid = own?.scid ?? shortChannelId(compact.scids[via >> 1] ?? 0n);
    const node = edge === undefined ? compact.point(compact.from[via ^ 1] ?? NONE) : extras.point(edge.to);
    if (amount > most) return undefined;
    hops.unshift({ node, scid, amount: msat(amount), expiry, tlvOnly: context.tlvOnly(key, node) });
    const terms =
      edge === undefined
        ? {
            feeBase: msat(BigInt(compact.feeBase[via] ?? 0)),
            feeProportional: compact.feeProportional[via] ?? 0,
            cltvExpiryDelta: compact.delay[via] ?? 0,
          }
        : own?.terms;
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
  const target = keyOfNode(destination);
  const us = compact.nodeNumber(keyOfNode(source));
  const between = new Set(hints.map(({ from }) => keyOfNode(from)));
  return outlets.some((outlet) => {
    if (!hasRoom(outlet)) return false;
    const peer = keyOfNode(outlet.peer);
    return peer === target || between.has(peer) || compact.hasOtherNeighbour(peer, us);
  });
};

/** Not even for a small part of the amount. */
const NO_WAY = { route: undefined, largest: msat(0n) } as const;

/**
 * The cheapest route that carries `query.amount` within `query.maxFee`, `query.maxExpiry` and `query.maxHops`, past what is
 * excluded and what the payment's other shards take. Without one, the largest amount for which there would be one, by halves down to
 * one part of `parts()`; 0 where there is none down to one of LEAST_PART.
 */
export const findRoute = (
  context: RouteContext,
  query: RouteQuery,
  parts: () => bigint = () => LEAST_PART,
): { readonly route: Route } | { readonly route: undefined; readonly largest?: Msat } => {
  // Looking through the whole graph would only end here again.
  if (!canLeave(context, query)) return NO_WAY;
  const prepared = prepare(context, query);
  const path = isConnected(prepared, query.amount) ? bestPath(prepared)?.path : undefined;
  const route = path && routeOf(prepared, path);
  if (route !== undefined) return { route };
  const count = parts();
  const least = query.amount / count;
  if (count > 1n && isConnected(prepared, least))
    for (let amount = query.amount / 2n; amount > 0n && amount >= least; amount /= 2n)
      if (isConnected(prepared, amount) && plainPath(prepared, amount) !== undefined)
        return { route: undefined, largest: msat(amount) };
  return count >= LEAST_PART ? NO_WAY : { route: undefined };
};

/**
 * Whether there would be a route if no HTLC were in flight in our channels but the payment's own, so that it is worth waiting for
 * those of others.
 */
export const hasRouteAtRest = (context: RouteContext, query: RouteQuery): boolean => {
  if (context.outlets.every(({ atRest: rest }) => rest === undefined)) return false;
  const reserved = query.reserved.map((one) => ({ ...one, offered: one.from !== undefined && one.offered }));
  const rest = { ...context, outlets: atRest(context.outlets) };
  const prepared = prepare(rest, { ...query, reserved });
  return isConnected(prepared, query.amount) && plainPath(prepared, query.amount) !== undefined;
};
