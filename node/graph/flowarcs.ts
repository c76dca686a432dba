/**
 * The graph, our outlets and the hints of an invoice as arcs of a minimum-cost flow. The cost of an arc is its fee, its delay and
 * the improbability that it can carry the flow. That is convex where any balance within the capacity is as likely, and is approximated
 * by linear pieces (Pickhardt and Richter 2021, "Optimally Reliable & Cheap Payment Flows on the Lightning Network").
 */
import { type CompactGraph, NONE } from './compact.ts';
import { type Arcs, SEGMENTS } from './flow.ts';
import { boundsWithin, improbabilityCost, type Known } from './likelihood.ts';
import type { Prepared } from './routing.ts';
import { CLOSED, KNOWN, LIMITED, PENALIZED } from './search.ts';

/** How a flow is searched for; the query says the rest. */
export interface FlowTerms {
  /** Channels that can carry less than this, or whose htlc_minimum_msat is above it, are left out; msat. */
  readonly grain: number;
  /** The factor by which a channel must be able to carry more than what arrives, since it carries the fees of later hops, too; 1 or more. */
  readonly margin: number;
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
/** A base fee is spread over the amount as if so many parts paid it. */
const USUAL_PARTS = 4;
/** A flat cost per hop, msat, as in the search for a route. */
const HOP_COST = 100;
/** Every arc costs something, or a flow could go in circles for nothing. */
const LEAST_SLOPE = 1;
/** Two msat for each msat carried, at most, so that the sum over a path stays exact. */
const MOST_SLOPE = 2e9;

/** By pivot: the slope of the improbability cost up to it, for a weight of 1 and a channel of 1 msat. */
const steepness = PIVOTS.map((pivot, i) => {
  const before = PIVOTS[i - 1] ?? 0;
  const cost = (part: number): number => improbabilityCost(Math.max(LEAST, 1 - part), 1);
  return (cost(pivot) - cost(before)) / (pivot - before);
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
  /** The weight of improbability, in billionths of a msat. */
  private readonly weight: number;
  private readonly perBlock: number;

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
    this.weight = BILLION * terms.improbability * weight;
    this.perBlock = riskPerBlock * terms.delay;
  }

  /** The part of the cost of each msat that does not depend on how much the channel carries. `penalty` is in msat, for an amount of `grain`. */
  flat(feeBase: number, feeProportional: number, delay: number, penalty: number): number {
    const once = ((feeBase + HOP_COST) * USUAL_PARTS) / this.amount + penalty / Math.max(1, this.terms.grain);
    return feeProportional * 1000 + delay * this.perBlock + once * BILLION;
  }

  /**
   * Adds an arc that takes HTLCs from `floor` to `largest` msat and carries up to `most` msat in all. Each msat costs `flat`, and its
   * improbability: the channel is known to carry `low` and may carry any amount up to `high`. Where both are the same, nothing is uncertain.
   */
  add(
    [via, from, to]: readonly [number, number, number],
    { floor, largest, most }: { readonly floor: number; readonly largest: number; readonly most: number },
    flat: number,
    [low, high]: readonly [number, number],
  ): void {
    const { grain, margin } = this.terms;
    const room = Math.floor(most / margin);
    const whole = Math.floor(largest / margin);
    if (room < grain || whole < grain || floor > grain || room < 1) return;
    const arc = this.count++;
    this.via[arc] = via;
    this.tail[arc] = from;
    this.head[arc] = to;
    this.largest[arc] = whole;
    const span = high - low;
    const perUnit = span > 0 ? this.weight / span : 0;
    for (let at = arc * SEGMENTS, i = 0; i < SEGMENTS; i++, at++) {
      const pivot = i === 0 ? 0 : (PIVOTS[i - 1] ?? 1);
      this.ends[at] = i === SEGMENTS - 1 ? room : Math.min(room, Math.floor((low + pivot * span) / margin));
      const steep = i === 0 ? 0 : (steepness[i - 1] ?? 0);
      this.slopes[at] = Math.min(MOST_SLOPE, Math.max(LEAST_SLOPE, Math.round(flat + perUnit * steep)));
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
    const limits = { floor: edge.floor, largest: edge.ceiling, most: edge.ceiling };
    builder.add([NONE - 1 - i, edge.from, edge.to], limits, flat, [edge.ceiling, edge.ceiling]);
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
    const ends = [direction, from, fromOf[direction ^ 1] ?? NONE] as const;
    const { low, high, inFlight = 0 }: Known = (marks & KNOWN) === 0 ? boundsWithin(capacity) : terms.known(direction);
    const left = [Math.max(0, low - inFlight), Math.max(0, low - inFlight, high - inFlight)] as const;
    const hasFailed = high <= capacity;
    const most = hasFailed ? Math.min(limit, left[0] + flow.reach * (left[1] - left[0])) : limit;
    builder.add(ends, { floor, largest: top, most }, flat, left);
  }
  return builder;
};
