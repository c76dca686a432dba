/**
 * The graph, our outlets and the hints of an invoice as arcs of a minimum-cost flow. What an arc costs is its fee, its delay and how
 * unlikely it is to carry what it is to carry: convex for a balance that may be anything within the capacity, and cut into straight
 * pieces (Pickhardt and Richter 2021, "Optimally Reliable & Cheap Payment Flows on the Lightning Network").
 */
import { type CompactGraph, NONE } from './compact.ts';
import { type Arcs, SEGMENTS } from './flow.ts';
import { boundsWithin, improbabilityCost, type Known } from './likelihood.ts';
import type { Prepared } from './routing.ts';
import { CLOSED, KNOWN, LIMITED, PENALIZED } from './search.ts';

/** What is asked of a flow, beside what the query says. */
export interface FlowTerms {
  /** Channels that carry less, or take no less than more than this, are left out; msat. */
  readonly grain: number;
  /** How much more than what arrives every channel must be able to carry, for the fees of those behind it: 1 or more. */
  readonly margin: number;
  /** What improbability counts: 1 as for a route, 0 nothing. */
  readonly improbability: number;
  /** What delay counts: 1 as for a route. */
  readonly delay: number;
  /**
   * Of what a channel may still carry that did not carry some amount, the part that is used: next to nothing below that amount is likely
   * to get through, so it is looked for between what is known to get through and what is not.
   */
  readonly reach: number;
}

/** Arcs, and what each of them is: a direction of the graph, or NONE - 1 - i for the extra edge i. */
export interface GraphArcs extends Arcs {
  readonly via: Int32Array;
  /** What a single HTLC over it can carry. */
  readonly largest: Float64Array;
}

/** Of the capacity of a channel, what several HTLCs may come to that each keep to the largest it takes: the rest is reserve. */
export const MOST_OF_CAPACITY = 0.98;

/** The costs of arcs are in billionths: msat for each 10^9 msat carried. */
const BILLION = 1e9;
/** The parts of what a channel may carry at whose ends the straight pieces of its cost meet; to fill the last one costs as a probability of 1/256. */
const PIVOTS = [1 / 4, 1 / 2, 3 / 4, 15 / 16, 1] as const;
const LEAST = 1 / 256;
/** A base fee is reckoned with as if so many parts paid it, each for its part of the amount. */
const USUAL_PARTS = 4;
/** A flat cost per hop, msat, as in the search for a route. */
const HOP_COST = 100;
/** No arc costs nothing: what goes in a circle would do no harm then. */
const LEAST_SLOPE = 1;
/** No arc costs more for each msat than twice that, so that the costs of a path are exact. */
const MOST_SLOPE = 2e9;

/** By pivot: what improbability costs up to there for each msat, for a weight of 1 and a channel of 1 msat. */
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
  /** What improbability costs, in billionths of a msat. */
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

  /** What a msat over a channel costs whatever it carries: `penalty` in msat for the amount of a grain. */
  flat(feeBase: number, feeProportional: number, delay: number, penalty: number): number {
    const once = ((feeBase + HOP_COST) * USUAL_PARTS) / this.amount + penalty / Math.max(1, this.terms.grain);
    return feeProportional * 1000 + delay * this.perBlock + once * BILLION;
  }

  /**
   * Adds an arc that takes HTLCs from `floor` to `largest` and carries up to `most` msat in all, each msat costing `flat` and what improbability costs: it is
   * known to carry `low`, and may carry anything up to `high`, or surely all where both are the same.
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

/** The arcs that a payment's amount may go over. */
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
    // Our own channels are extra edges; BOLT 7: what requires unknown features is not used.
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
