/** The routes of a flow as they are found, one after the other: each is checked against what the channels can carry beside the others. */
import type { Reserved, Route } from '../../amp/route.ts';
import { msat, shortChannelId } from '../../wire/units.ts';
import { Balances } from './balances.ts';
import { NONE } from './compact.ts';
import { hintedCeiling } from './extras.ts';
import { MOST_OF_CAPACITY } from './flowarcs.ts';
import { keyOfNode } from './nodekeys.ts';
import type { Terms } from './routecontext.ts';
import { forwardingFee, type Prepared, routeOf } from './routing.ts';

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
export class Parts {
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

  /** What a route costs: what is paid on top of what arrives. */
  private costOf(route: Route): bigint {
    const terms = this.ownTerms(route);
    return feeOf(route) + (terms === undefined ? 0n : forwardingFee(terms, route[0].amount));
  }

  get fees(): bigint {
    return this.list.reduce((sum, { route }) => sum + this.costOf(route), 0n);
  }

  /** As many of the routes as cost no more together, the cheapest of them. */
  within(maxFee: bigint): readonly Route[] {
    if (this.fees <= maxFee) return this.list.map(({ route }) => route);
    let left = maxFee;
    const costs = this.list.map(({ route }) => ({ route, cost: this.costOf(route) }));
    const byCost = costs.sort((a, b) => (a.cost < b.cost ? -1 : a.cost > b.cost ? 1 : 0));
    return byCost.flatMap(({ route, cost }) => {
      left -= cost;
      return left < 0n ? [] : [route];
    });
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
