/**
 * Pathfinding: Dijkstra backwards from the destination, since every hop's amount is the next hop's plus its fee (BOLT 7,
 * "Recommendations for Routing"). The first channel is one of our outlets; all others are announced channels or route hints of the
 * invoice.
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
import { type Msat, msat, type Point, point, type ShortChannelId } from '../../wire/units.ts';
import { Frontier } from './frontier.ts';
import { type Graph, isFresh, type NodeKey, type Policy } from './graph.ts';

/** A channel of an invoice's route hint: from `from` to `to`. */
export interface Hint {
  readonly from: Point;
  readonly to: Point;
  readonly scid: ShortChannelId;
  readonly feeBase: Msat;
  readonly feeProportional: number;
  readonly cltvExpiryDelta: number;
}

export interface RouteContext {
  readonly graph: Pick<Graph, 'node' | 'channelsOf'>;
  /** Ourselves. */
  readonly source: Point;
  readonly outlets: readonly Outlet[];
  readonly hints: readonly Hint[];
  /** Unix seconds. */
  readonly now: () => number;
  /** What a channel away from a node, or from us, costs beyond its fee in the choice of a route, for what was learnt about it; msat. */
  readonly penalty?: ((scid: ShortChannelId, from: NodeKey, amount: bigint) => bigint) | undefined;
  /** Whether a node reads TLV payloads only. */
  readonly tlvOnly: (id: NodeKey, node: Point) => boolean;
  /** Cost of delay, in billionths of the amount per block; 15 where absent. */
  readonly riskPerBlock?: bigint;
  /** What channels take at least (htlc_minimum_msat) does not count. */
  readonly withoutMinimum?: boolean;
}

/** One direction of a channel in the search. `policy` undefined: our own outlet, without fee and delay. */
interface Edge {
  readonly from: NodeKey;
  readonly scid: ShortChannelId;
  readonly ceiling: bigint;
  readonly floor: bigint;
  readonly policy: Pick<Policy, 'feeBase' | 'feeProportional' | 'cltvExpiryDelta'> | undefined;
  /** The funding output is spent: perhaps by a splice, more likely by a closing. */
  readonly isSpent?: boolean;
}

/** The amount and expiry that have to arrive at a node, and the path from there on. */
interface Label {
  readonly node: NodeKey;
  readonly amount: bigint;
  readonly expiry: number;
  readonly hops: number;
  readonly cost: bigint;
  /** The edge that leaves the node and the label behind it; undefined at the destination. */
  readonly via: { readonly edge: Edge; readonly next: Label } | undefined;
}

/** Cost of delay: 15 billionths of the amount per block, the risk factor that lnd and Core Lightning use. */
const RISK_PER_BLOCK = 15n;
const BILLION = 1_000_000_000n;
/** A flat cost per hop, so that of two free routes the shorter one wins. */
const HOP_COST = 100n;
/** A cost, in msat, above any fee: a spent channel is only used when there is no other route. */
const SPENT_COST = 10n ** 15n;
/** A cost per block, in msat, above any fee: it finds the route with the least delay. */
const SOONEST = 10n ** 18n;

/** The fee a node asks for forwarding `amount`. BOLT 7, "HTLC Fees". */
export const forwardingFee = (
  policy: { readonly feeBase: Msat; readonly feeProportional: number },
  amount: bigint,
): bigint => policy.feeBase + (amount * BigInt(policy.feeProportional)) / 1_000_000n;

const direction = (scid: ShortChannelId, from: NodeKey | undefined): string => `${scid}/${from ?? ''}`;

/** What a payment has learnt from failures, and what its own shards occupy, by channel and direction. */
const limitsOf = (excluded: readonly Excluded[], reserved: readonly Reserved[]) => {
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
  /** The most that one more HTLC can carry, of `ceiling` and in a channel that takes `slots` more. */
  return (scid: ShortChannelId, from: NodeKey | undefined, ceiling: bigint, slots = 1): bigint => {
    const key = direction(scid, from);
    const own = taken.get(key);
    // How many slots strangers' channels have left is not known.
    if (from === undefined && (own?.count ?? 0) >= slots) return 0n;
    const free = ceiling - (own?.amount ?? 0n);
    const limit = atMost.get(key);
    return limit !== undefined && limit < free ? limit : free;
  };
};

type EdgesInto = (node: NodeKey) => readonly Edge[];

const edgesInto = (context: RouteContext, query: RouteQuery): EdgesInto => {
  const source = hex(context.source);
  const bound = limitsOf(query.excluded, query.reserved);
  const now = context.now();
  const least = (amount: bigint): bigint => (context.withoutMinimum ? 0n : amount);
  // BOLT 7: a node that requires unknown features is not routed through; as the destination, its invoice decides.
  const leads = (from: NodeKey): boolean => context.graph.node(from)?.unknownFeature === undefined;
  const outlets = new Map<NodeKey, Edge[]>();
  for (const outlet of context.outlets) {
    const edge: Edge = {
      from: source,
      scid: outlet.scid,
      ceiling: bound(outlet.scid, undefined, outlet.spendable, outlet.slots),
      floor: least(outlet.minimum ?? 1n),
      policy: undefined,
    };
    const peer = hex(outlet.peer);
    outlets.set(peer, [...(outlets.get(peer) ?? []), edge]);
  }
  const hinted = new Map<NodeKey, Edge[]>();
  for (const hint of context.hints) {
    const from = hex(hint.from);
    if (!leads(from)) continue;
    const edge = {
      from,
      scid: hint.scid,
      ceiling: bound(hint.scid, from, query.amount),
      floor: least(1n),
      policy: hint,
    };
    hinted.set(hex(hint.to), [...(hinted.get(hex(hint.to)) ?? []), edge]);
  }
  return (node) => {
    const edges: Edge[] = [...(outlets.get(node) ?? []), ...(hinted.get(node) ?? [])];
    for (const channel of context.graph.channelsOf(node)) {
      const side = channel.nodes[0] === node ? 1 : 0;
      const from = channel.nodes[side];
      const policy = channel.policies[side];
      // Our own channels are used as outlets only.
      if (policy === undefined || policy.disabled || from === source || !isFresh(policy, now)) continue;
      if (channel.unknownFeature !== undefined || !leads(from)) continue;
      const capacity = channel.capacity * 1000n;
      const ceiling = policy.htlcMaximum < capacity ? policy.htlcMaximum : capacity;
      edges.push({
        from,
        scid: channel.scid,
        ceiling: bound(channel.scid, from, ceiling),
        floor: least(policy.htlcMinimum),
        policy,
        isSpent: channel.spentAt !== undefined,
      });
    }
    return edges;
  };
};

/**
 * The route of least cost, where a block of delay costs `perBlock` beyond its risk. `late`: routes with too much delay were left out.
 * `penalized`: some channel was made dearer by a penalty.
 */
const dijkstra = (
  context: RouteContext,
  query: RouteQuery,
  amount: bigint,
  perBlock: bigint,
): { readonly found: Label | undefined; readonly late: boolean; readonly penalized: boolean } => {
  let late = false;
  let penalized = false;
  const riskPerBlock = context.riskPerBlock ?? RISK_PER_BLOCK;
  const source = hex(context.source);
  const target = hex(query.destination);
  const avoided = new Set(query.excludedNodes.map((node) => hex(node)));
  const into = edgesInto(context, query);
  const best = new Map<NodeKey, bigint>();
  const frontier = new Frontier<Label>();
  frontier.push({ node: target, amount, expiry: query.finalExpiry, hops: 0, cost: 0n, via: undefined });
  for (let label = frontier.pop(); label !== undefined; label = frontier.pop()) {
    if (label.node === source) return { found: label, late, penalized };
    const known = best.get(label.node);
    if (known !== undefined && known <= label.cost) continue;
    best.set(label.node, label.cost);
    if (label.hops >= query.maxHops) continue;
    for (const edge of into(label.node)) {
      if (label.amount > edge.ceiling || label.amount < edge.floor) continue;
      if (edge.from !== source && (avoided.has(edge.from) || edge.from === target)) continue;
      const fee = edge.policy === undefined ? 0n : forwardingFee(edge.policy, label.amount);
      const total = label.amount + fee;
      if (total - amount > query.maxFee) continue;
      const delta = edge.policy?.cltvExpiryDelta ?? 0;
      if (label.expiry + delta > query.maxExpiry) {
        late = true;
        continue;
      }
      const penalty = context.penalty?.(edge.scid, edge.from, label.amount) ?? 0n;
      if (penalty > 0n) penalized = true;
      const risk = (label.amount * BigInt(delta) * riskPerBlock) / BILLION;
      frontier.push({
        node: edge.from,
        amount: total,
        expiry: label.expiry + delta,
        hops: label.hops + 1,
        cost:
          label.cost + fee + risk + penalty + HOP_COST + perBlock * BigInt(delta) + (edge.isSpent ? SPENT_COST : 0n),
        via: { edge, next: label },
      });
    }
  }
  return { found: undefined, late, penalized };
};

/** The cheapest route, or where that has too much delay, the one with the least delay. */
const cheapestPath = (context: RouteContext, query: RouteQuery, amount: bigint): Label | undefined => {
  if (query.finalExpiry > query.maxExpiry) return undefined;
  const { found, late, penalized } = dijkstra(context, query, amount, 0n);
  const isFair = found !== undefined && found.amount - amount <= (query.fairFee ?? query.maxFee);
  if (found !== undefined && (isFair || !penalized)) return found;
  // A penalty may lead past the only way that costs little enough: it must not make unpayable what could be paid.
  if (penalized) {
    const plain = cheapestPath({ ...context, penalty: undefined }, query, amount);
    return found !== undefined && (plain === undefined || plain.amount >= found.amount) ? found : plain;
  }
  return late ? dijkstra(context, query, amount, SOONEST).found : undefined;
};

const routeOf = (context: RouteContext, start: Label): Route | undefined => {
  const hops: Hop[] = [];
  for (let label: Label | undefined = start; label?.via !== undefined; label = label.via.next) {
    const { edge, next } = label.via;
    const node = point(unhex(next.node));
    hops.push({
      node,
      scid: edge.scid,
      amount: msat(next.amount),
      expiry: next.expiry,
      tlvOnly: context.tlvOnly(next.node, node),
    });
  }
  const [first, ...rest] = hops;
  return first === undefined ? undefined : [first, ...rest];
};

/** Whether an HTLC can leave by it now. */
export const hasRoom = ({ spendable, slots }: Outlet): boolean => spendable > 0n && slots > 0;

/** Whether an HTLC that leaves now could get farther than to a peer: many a one has no channel but ours. */
const canLeave = ({ graph, hints, source, outlets }: RouteContext, { destination }: RouteQuery): boolean => {
  const [target, us] = [hex(destination), hex(source)];
  const between = new Set(hints.map(({ from }) => hex(from)));
  return outlets.some((outlet) => {
    if (!hasRoom(outlet)) return false;
    const peer = hex(outlet.peer);
    return peer === target || between.has(peer) || graph.channelsOf(peer).some(({ nodes }) => !nodes.includes(us));
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
  const found = cheapestPath(context, query, query.amount);
  const route = found && routeOf(context, found);
  if (route !== undefined) return { route };
  const least = query.amount / parts();
  for (let amount = query.amount / 2n; amount > 0n && amount >= least; amount /= 2n)
    if (cheapestPath(context, query, amount) !== undefined) return { route: undefined, largest: msat(amount) };
  return { route: undefined };
};

/**
 * Whether there would be a route if no HTLC were in flight in our channels but the payment's own, so that it is worth waiting for
 * those of others.
 */
export const hasRouteAtRest = (context: RouteContext, query: RouteQuery): boolean => {
  if (context.outlets.every(({ atRest: rest }) => rest === undefined)) return false;
  const reserved = query.reserved.map((one) => ({ ...one, offered: one.from !== undefined && one.offered }));
  return (
    cheapestPath(
      { ...context, outlets: atRest(context.outlets), penalty: undefined },
      { ...query, reserved },
      query.amount,
    ) !== undefined
  );
};
