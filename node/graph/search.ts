/**
 * Dijkstra backwards from the destination over the graph as numbers, since every hop's amount is the next hop's plus its fee (BOLT 7,
 * "Recommendations for Routing"). Amounts are in msat and whole: below 2^53 they, and the fees of them, are exact.
 */
import { type CompactGraph, NONE } from './compact.ts';
import { Frontier } from './frontier.ts';
import { boundsWithin, improbabilityCost, type Known, type Prior, probabilityOf, uniformCost } from './likelihood.ts';

/** A channel that is not in the graph: one of ours, or one of a route hint. */
export interface ExtraEdge {
  /** The node it leads away from, and the one it leads to. */
  readonly from: number;
  readonly to: number;
  /** What it carries at least and at most. */
  readonly floor: number;
  readonly ceiling: number;
  readonly feeBase: number;
  readonly feeProportional: number;
  readonly delay: number;
  /** What it costs beyond its fee and delay to send an amount over it. */
  readonly more: (amount: number) => number;
}

export interface SearchTerms {
  /** Numbers of nodes; those that the graph does not know have numbers from `CompactGraph.nodesEnd` on, below `nodes`. */
  readonly source: number;
  readonly target: number;
  /** One more than the highest number of a node. */
  readonly nodes: number;
  readonly amount: number;
  readonly maxFee: number;
  readonly finalExpiry: number;
  readonly maxExpiry: number;
  readonly maxHops: number;
  /** Cost of delay, in billionths of the amount per block, and in msat per block whatever the amount. */
  readonly riskPerBlock: number;
  readonly perBlock: number;
  /** What likelihood is worth (`improbabilityCost` in likelihood.ts), in msat, and how balances are spread. */
  readonly weight: number;
  readonly prior: Prior;
  /** How much the weight and penalties count: from 1 to 0, where fees and delay alone do. */
  readonly scale: number;
  /** Policies that are as old, in Unix seconds, or older do not count. */
  readonly staleSince: number;
  /** What channels take at least does not count. */
  readonly withoutMinimum: boolean;
  readonly avoided: ReadonlySet<number>;
  readonly extras: readonly ExtraEdge[];
  /** By channel: LIMITED, KNOWN, PENALIZED, CLOSED, or more of them; empty where none is. */
  readonly special: Uint8Array;
  /** The most that one more HTLC can carry in a direction that is LIMITED. */
  readonly ceiling: (direction: number, maximum: number) => number;
  /** What is known of the balance of a direction that is KNOWN. */
  readonly known: (direction: number) => Known;
  /** What a direction that is PENALIZED costs beyond its fee, its delay and its probability. */
  readonly penalty: (direction: number, amount: number) => number;
}

/**
 * What `SearchTerms.special` says of a channel: something limits what it carries, more is known of its balance than its capacity,
 * something makes it dearer, no route may have it.
 */
export const LIMITED = 1;
export const KNOWN = 2;
export const PENALIZED = 4;
export const CLOSED = 8;

export interface Found {
  /**
   * From the source to the target: a direction of the graph, or NONE - 1 - i for the extra edge i. Undefined: there is no way.
   */
  readonly path: readonly number[] | undefined;
  /** What has to leave the source; 0 where there is no way. */
  readonly amount: number;
  /** Routes with too much delay were left out. */
  readonly late: boolean;
  /** Routes with too high fees were left out. */
  readonly dear: boolean;
}

/** A flat cost per hop, so that of two free routes the shorter one wins. */
const HOP_COST = 100;
/** A cost, in msat, above any fee: a spent channel is only used when there is no other route. */
const SPENT_COST = 1e14;
/** As `SearchTerms.perBlock` above any fee: it finds the route with the least delay. */
export const SOONEST = 1e12;

/** The fee for forwarding `amount` (BOLT 7, "HTLC Fees"), rounded down; exact as long as it is below 2^53. */
const feeOf = (base: number, proportional: number, amount: number): number => {
  if (proportional === 0) return base;
  const millions = Math.floor(amount / 1e6);
  return base + millions * proportional + Math.floor(((amount - millions * 1e6) * proportional) / 1e6);
};

/** Searches one graph after another question; what it needs of memory stays for the next. */
export class Search {
  private readonly graph: CompactGraph;
  private readonly frontier = new Frontier();
  /** Of the search that wrote a node's row last. */
  private run = 0;
  private seen = new Uint32Array(0);
  private settled = new Uint32Array(0);
  private cost = new Float64Array(0);
  private amount = new Float64Array(0);
  private expiry = new Int32Array(0);
  private hops = new Uint16Array(0);
  private via = new Int32Array(0);

  constructor(graph: CompactGraph) {
    this.graph = graph;
  }

  private begin(nodes: number): void {
    this.frontier.clear();
    this.run++;
    if (this.seen.length >= nodes && this.run < 2 ** 32) return;
    const size = Math.max(nodes, 2 * this.seen.length);
    this.run = 1;
    this.seen = new Uint32Array(size);
    this.settled = new Uint32Array(size);
    this.cost = new Float64Array(size);
    this.amount = new Float64Array(size);
    this.expiry = new Int32Array(size);
    this.hops = new Uint16Array(size);
    this.via = new Int32Array(size);
  }

  private reach(node: number, cost: number, amount: number, expiry: number, hops: number, via: number): void {
    if (this.seen[node] === this.run && (this.cost[node] ?? 0) <= cost) return;
    this.seen[node] = this.run;
    this.cost[node] = cost;
    this.amount[node] = amount;
    this.expiry[node] = expiry;
    this.hops[node] = hops;
    this.via[node] = via;
    this.frontier.push(node, cost);
  }

  /** The way of least cost within all limits. */
  cheapest(terms: SearchTerms): Found {
    const {
      source,
      target,
      maxFee,
      maxExpiry,
      maxHops,
      riskPerBlock,
      perBlock,
      scale,
      prior,
      avoided,
      extras,
      special,
    } = terms;
    this.begin(terms.nodes);
    const { graph, run, settled, frontier } = this;
    const { from: fromOf, nextFrom, enabled, minimum, maximum, feeBase, feeProportional, delay, timestamp } = graph;
    const { capacity } = graph;
    const end = graph.nodesEnd;
    const weight = terms.weight * scale;
    const isUniform = prior.prior === 'uniform';
    const into = new Map<number, number[]>();
    extras.forEach(({ to }, i) => void into.set(to, [...(into.get(to) ?? []), i]));
    const most = terms.amount + maxFee;
    let late = false;
    let dear = false;
    this.reach(target, 0, terms.amount, terms.finalExpiry, 0, NONE);
    for (let node = frontier.pop(); node >= 0; node = frontier.pop()) {
      if (settled[node] === run) continue;
      settled[node] = run;
      if (node === source)
        return { path: this.pathFrom(source, target, extras), amount: this.amount[node] ?? 0, late, dear };
      const hops = (this.hops[node] ?? 0) + 1;
      if (hops > maxHops) continue;
      const amount = this.amount[node] ?? 0;
      const cost = (this.cost[node] ?? 0) + HOP_COST;
      const expiry = this.expiry[node] ?? 0;
      const risk = perBlock + (amount * riskPerBlock) / 1e9;
      for (const i of into.get(node) ?? []) {
        const edge = extras[i];
        if (edge === undefined || amount > edge.ceiling || amount < edge.floor) continue;
        if (edge.from !== source && (avoided.has(edge.from) || settled[edge.from] === run)) continue;
        const fee = feeOf(edge.feeBase, edge.feeProportional, amount);
        if (amount + fee > most) {
          dear = true;
          continue;
        }
        if (expiry + edge.delay > maxExpiry) {
          late = true;
          continue;
        }
        const more = scale === 0 ? 0 : scale * edge.more(amount);
        this.reach(
          ...([edge.from, cost + fee + risk * edge.delay + more, amount + fee, expiry + edge.delay, hops] as const),
          NONE - 1 - i,
        );
      }
      if (node >= end) continue;
      for (let away = graph.first[node] ?? NONE; away !== NONE; away = nextFrom[away] ?? NONE) {
        const direction = away ^ 1;
        if (enabled[direction] === 0) continue;
        const from = fromOf[direction] ?? NONE;
        // Our own channels are used as extra edges only.
        if (settled[from] === run || from === source) continue;
        const top = maximum[direction] ?? 0;
        if (amount > top || (amount < (minimum[direction] ?? 0) && !terms.withoutMinimum)) continue;
        // BOLT 7: a node that requires unknown features is not routed through; as the destination, its invoice decides.
        if (graph.unknownFeature[from] === 1 || (timestamp[direction] ?? 0) <= terms.staleSince) continue;
        const channel = direction >> 1;
        if (graph.hasUnknownFeature(channel) || avoided.has(from)) continue;
        const marks = special[channel] ?? 0;
        if (marks !== 0 && ((marks & CLOSED) !== 0 || amount > terms.ceiling(direction, top))) continue;
        const fee = feeOf(feeBase[direction] ?? 0, feeProportional[direction] ?? 0, amount);
        if (amount + fee > most) {
          dear = true;
          continue;
        }
        const blocks = delay[direction] ?? 0;
        if (expiry + blocks > maxExpiry) {
          late = true;
          continue;
        }
        let next = cost + fee + risk * blocks + (graph.isSpent(channel) ? SPENT_COST : 0);
        // What is left of it costs time, and only adds.
        if (this.seen[from] === run && (this.cost[from] ?? 0) <= next) continue;
        if (weight !== 0) {
          const all = capacity[channel] ?? 0;
          if (isUniform && (marks & KNOWN) === 0) next += uniformCost(all, amount, weight);
          else {
            const known = (marks & KNOWN) === 0 ? boundsWithin(all) : terms.known(direction);
            next += improbabilityCost(probabilityOf(prior, all, known, amount), weight);
          }
        }
        if ((marks & PENALIZED) !== 0 && scale !== 0) next += scale * terms.penalty(direction, amount);
        this.reach(from, next, amount + fee, expiry + blocks, hops, direction);
      }
    }
    return { path: undefined, amount: 0, late, dear };
  }

  private pathFrom(source: number, target: number, extras: readonly ExtraEdge[]): readonly number[] {
    const path: number[] = [];
    for (let node = source; node !== target; ) {
      const via = this.via[node] ?? NONE;
      path.push(via);
      node = (via < NONE ? extras[NONE - 1 - via]?.to : this.graph.from[via ^ 1]) ?? target;
    }
    return path;
  }
}
