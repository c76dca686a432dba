/**
 * The graph, our outlets and the hints of an invoice as arcs of a minimum-cost flow. The cost of an arc is its fee, its delay and
 * the improbability that it can carry the flow. That is convex where any balance within the capacity is as likely, and is approximated
 * by linear pieces (Pickhardt and Richter 2021, "Optimally Reliable & Cheap Payment Flows on the Lightning Network").
 */
import { type CompactGraph, NONE } from './compact.ts';
import { type Arcs, SEGMENTS } from './flow.ts';
import { improbabilityCost } from './likelihood.ts';
import type { Prepared } from './routing.ts';
import { CLOSED, KNOWN, LIMITED, PENALIZED } from './search.ts';

/** How a flow is searched for; the query says the rest. */
export interface FlowTerms {
  /** Channels that can carry less than this are left out; msat. */
  readonly grain: number;
  /** Channels whose htlc_minimum_msat is above this are left out; msat. Without it, those for which it is above `grain`. */
  readonly floor?: number;
  /** The factor by which a channel must be able to carry more than what arrives, since it carries the fees of later hops, too; 1 or more. */
  readonly margin: number;
  /** Into so many parts the amount goes, as far as is known, each of which pays base fees. */
  readonly parts?: number;
  /** The weight of improbability: 1 as in the search for a single route, 0 for none. */
  readonly improbability: number;
  /** The weight of delay: 1 as in the search for a single route. */
  readonly delay: number;
  /**
   * For a channel that failed to carry some amount: which part of the range between what it is known to carry and that amount is used,
   * from 0 to 1. Only little less than the failed amount is hardly likely to get through.
   */
  readonly reach: number;
}

/** The fees, as a part of the amount, that channels must have room for beside it. Routes with higher fees are cut to what fits. */
const MOST_MARGIN = 0.01;
/** The margin for an amount and the most that its fees may come to. */
export const marginFor = (amount: bigint, maxFee: bigint): number =>
  1 + Math.min(MOST_MARGIN, Number(maxFee) / Number(amount));
/** Weights of improbability, one after the other, while the flow is too expensive. */
export const IMPROBABILITY_WEIGHTS = [1, 1 / 10, 0] as const;
/** Weights of delay, one after the other, while the flow is too slow. */
export const DELAY_WEIGHTS = [1, 30] as const;
/** How far to go between what a channel carried and what it did not: half of the way at first, nearly all of it where that is too little. */
export const HALF = 1 / 2;
const NEARLY_ALL = 15 / 16;
/** From that to all that channels may carry, one after the other, where the one before carries too little. */
export const reachesOf = (margin: number): readonly Pick<FlowTerms, 'margin' | 'reach'>[] => [
  { margin, reach: HALF },
  { margin: 1, reach: NEARLY_ALL },
  { margin: 1, reach: 1 },
];

/** Arcs, and what each of them is: a direction of the graph, or NONE - 1 - i for the extra edge i. */
export interface GraphArcs extends Arcs {
  readonly via: Int32Array;
  /** The largest single HTLC, in msat. */
  readonly largest: Float64Array;
}

/** The part of a channel's capacity that several HTLCs, each within htlc_maximum_msat, may use together: the rest is channel reserve. */
export const MOST_OF_CAPACITY = 0.98;

/** The costs of arcs are in billionths: msat for each 10^9 msat carried. */
const BILLION = 1e9;
/** Where the linear pieces of a channel's cost meet, as parts of what it may carry. A full channel costs as much as a probability of 1/256. */
const PIVOTS = [1 / 4, 1 / 2, 3 / 4, 15 / 16, 1] as const;
const LEAST = 1 / 256;
/** A base fee is spread over the amount as if so many parts paid it, where that is not known. */
const USUAL_PARTS = 4;
/** A flat cost per hop, msat, as in the search for a route. */
const HOP_COST = 100;
/** Every arc costs something, or a flow could go in circles for nothing. */
const LEAST_SLOPE = 1;
/** Two msat for each msat carried, at most, so that the sum over a path stays exact. */
const MOST_SLOPE = 2e9;

/** By segment: the part of what the channel may carry at which it ends; the last one ends where the channel does. */
const pivots = Float64Array.of(0, ...PIVOTS);
/** By segment: the slope of the improbability cost, for a weight of 1 and a channel of 1 msat. */
const steepness = pivots.map((pivot, i) => {
  const before = pivots[i - 1] ?? 0;
  const cost = (part: number): number => improbabilityCost(Math.max(LEAST, 1 - part), 1);
  return i === 0 ? 0 : (cost(pivot) - cost(before)) / (pivot - before);
});

class Builder {
  readonly via: Int32Array;
  readonly tail: Int32Array;
  readonly head: Int32Array;
  readonly ends: Float64Array;
  readonly slopes: Float64Array;
  readonly largest: Float64Array;
  count = 0;
  private readonly amount: number;
  private readonly terms: FlowTerms;
  private readonly grain: number;
  private readonly highestFloor: number;
  private readonly margin: number;
  /** The weight of improbability, in billionths of a msat. */
  private readonly weight: number;
  private readonly perBlock: number;
  private readonly parts: number;

  constructor(
    most: number,
    amount: number,
    { riskPerBlock, weight }: Pick<Prepared['terms'], 'riskPerBlock' | 'weight'>,
    terms: FlowTerms,
  ) {
    this.via = new Int32Array(most);
    this.tail = new Int32Array(most);
    this.head = new Int32Array(most);
    this.ends = new Float64Array(most * SEGMENTS);
    this.slopes = new Float64Array(most * SEGMENTS);
    this.largest = new Float64Array(most);
    this.amount = amount;
    this.terms = terms;
    this.grain = terms.grain;
    this.highestFloor = terms.floor ?? terms.grain;
    this.margin = terms.margin;
    this.weight = BILLION * terms.improbability * weight;
    this.perBlock = riskPerBlock * terms.delay;
    this.parts = terms.parts ?? USUAL_PARTS;
  }

  /** The part of the cost of each msat that does not depend on how much the channel carries. `penalty` is in msat, for an amount of `grain`. */
  flat(feeBase: number, feeProportional: number, delay: number, penalty: number): number {
    const once = ((feeBase + HOP_COST) * this.parts) / this.amount + penalty / Math.max(1, this.terms.grain);
    return feeProportional * 1000 + delay * this.perBlock + once * BILLION;
  }

  /**
   * Adds an arc from one node to another that takes HTLCs from `floor` to `largest` and carries up to `most` msat in all, each msat
   * costing `flat` and what improbability costs: it is known to carry `low`, and may carry anything up to `high`, or surely all where both
   * are the same. Called for every channel of the graph: with plain numbers, so that no object is made for each.
   */
  add(
    via: number,
    from: number,
    to: number,
    floor: number,
    largest: number,
    most: number,
    flat: number,
    low: number,
    high: number,
  ): void {
    const { grain, highestFloor, margin, ends, slopes } = this;
    const room = Math.floor(most / margin);
    const whole = Math.floor(largest / margin);
    if (room < grain || whole < grain || floor > highestFloor || room < 1) return;
    const arc = this.count++;
    this.via[arc] = via;
    this.tail[arc] = from;
    this.head[arc] = to;
    this.largest[arc] = whole;
    const span = high - low;
    const perUnit = span > 0 ? this.weight / span : 0;
    const first = arc * SEGMENTS;
    for (let i = 0; i < SEGMENTS; i++) {
      const end = i === SEGMENTS - 1 ? room : Math.floor((low + (pivots[i] ?? 1) * span) / margin);
      ends[first + i] = Math.min(end, room);
      const slope = Math.round(flat + perUnit * (steepness[i] ?? 0));
      slopes[first + i] = Math.min(MOST_SLOPE, Math.max(LEAST_SLOPE, slope));
    }
  }
}

/** The arcs that may carry a payment. */
export const arcsOf = ({ context, query, extras, terms }: Prepared, flow: FlowTerms): GraphArcs => {
  const { compact }: { readonly compact: CompactGraph } = context.graph;
  const { from: fromOf, enabled, minimum, maximum, feeBase, feeProportional, delay, timestamp } = compact;
  const { source, avoided, special, staleSince, withoutMinimum } = terms;
  const directions = 2 * compact.channelsEnd;
  const builder = new Builder(directions + extras.edges.length, Number(query.amount), terms, flow);
  for (const [i, edge] of extras.edges.entries()) {
    if (edge.from !== source && avoided.has(edge.from)) continue;
    const flat = builder.flat(edge.feeBase, edge.feeProportional, edge.delay, edge.more(flow.grain));
    const { floor, ceiling } = edge;
    builder.add(NONE - 1 - i, edge.from, edge.to, floor, ceiling, ceiling, flat, ceiling, ceiling);
  }
  for (let direction = 0; direction < directions; direction++) {
    if (enabled[direction] === 0 || (timestamp[direction] ?? 0) <= staleSince) continue;
    const from = fromOf[direction] ?? NONE;
    const channel = direction >> 1;
    // Our own channels are among the extra edges. BOLT 7: nodes and channels that require unknown features are not used.
    if (from === source || compact.unknownFeature[from] === 1 || avoided.has(from)) continue;
    if (compact.hasUnknownFeature(channel) || compact.isSpent(channel)) continue;
    const top = maximum[direction] ?? 0;
    if (top < flow.grain) continue;
    const marks = special[channel] ?? 0;
    if ((marks & CLOSED) !== 0) continue;
    const capacity = compact.capacity[channel] ?? top;
    const all = Math.max(top, Math.floor(capacity * MOST_OF_CAPACITY));
    const limit = (marks & LIMITED) === 0 ? all : terms.ceiling(direction, all);
    const penalty = (marks & PENALIZED) === 0 ? 0 : terms.penalty(direction, flow.grain);
    const flat = builder.flat(feeBase[direction] ?? 0, feeProportional[direction] ?? 0, delay[direction] ?? 0, penalty);
    const floor = withoutMinimum ? 0 : (minimum[direction] ?? 0);
    const to = fromOf[direction ^ 1] ?? NONE;
    if ((marks & KNOWN) === 0) {
      // As `boundsWithin` has it.
      builder.add(direction, from, to, floor, top, limit, flat, 0, capacity + 1);
      continue;
    }
    const { low, high, inFlight = 0 } = terms.known(direction);
    const least = Math.max(0, low - inFlight);
    const greatest = Math.max(least, high - inFlight);
    const most = high <= capacity ? Math.min(limit, least + flow.reach * (greatest - least)) : limit;
    builder.add(direction, from, to, floor, top, most, flat, least, greatest);
  }
  return builder;
};
