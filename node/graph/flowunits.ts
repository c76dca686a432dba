/**
 * A flow in equal units, each a route of its own: for shards of which any so many will do, which are all equal and carry one share each.
 * What a channel carries is counted in whole units; a unit goes another way where that makes room for the others.
 */
import type { Route, RouteQuery } from '../../amp/route.ts';
import type { Msat } from '../../wire/units.ts';
import { NONE } from './compact.ts';
import type { Effort } from './effort.ts';
import { type Arcs, minCostFlow, SEGMENTS } from './flow.ts';
import { arcsOf, DELAY_WEIGHTS, type FlowTerms, type GraphArcs, IMPROBABILITY_WEIGHTS, reachesOf } from './flowarcs.ts';
import { Parts } from './flowparts.ts';
import { pathsOf } from './flowpaths.ts';
import type { RouteContext } from './routecontext.ts';
import { canLeave, type Prepared, prepare } from './routing.ts';

/** What each route carries, and how many there are to be. */
export interface Units {
  readonly unit: Msat;
  readonly most: number;
}

/**
 * Arcs of msat as arcs of units of `unit` msat: what they carry is rounded down to whole units, of which there are `most(arc, room)` at
 * most where `room` msat are; the cost of each is what the arc asks for just those msat, per msat.
 */
export const inUnits = (arcs: GraphArcs, unit: number, most: (arc: number, room: number) => number): Arcs => {
  const { count, tail, head } = arcs;
  const ends = new Float64Array(count * SEGMENTS);
  const slopes = new Float64Array(count * SEGMENTS);
  for (let arc = 0; arc < count; arc++) {
    const first = arc * SEGMENTS;
    const limit = most(arc, arcs.ends[first + SEGMENTS - 1] ?? 0);
    // Where the segment begins, and the cost up to there; the units so far, and the cost of those.
    let [start, cost, units, paid, slope] = [0, 0, 0, 0, 0];
    for (let at = first; at < first + SEGMENTS; at++) {
      const [end, perMsat] = [arcs.ends[at] ?? 0, arcs.slopes[at] ?? 0];
      const whole = Math.min(limit, Math.floor(end / unit));
      if (whole > units) {
        const all = cost + (whole * unit - start) * perMsat;
        slope = Math.max(slope, Math.round((all - paid) / ((whole - units) * unit)));
        [units, paid] = [whole, all];
      }
      ends[at] = units;
      slopes[at] = slope;
      cost += (end - start) * perMsat;
      start = end;
    }
  }
  return { count, tail, head, ends, slopes };
};

/** How many units go over an arc: over a channel of ours as many as it has slots for, of which each takes something of its balance. */
const mostOver = ({ context, query, extras, terms }: Prepared, arcs: GraphArcs) => {
  const unit = Number(query.amount);
  const outlets = new Map(context.outlets.map((outlet) => [outlet.scid, outlet]));
  return (arc: number, room: number): number => {
    const own = NONE - 1 - (arcs.via[arc] ?? NONE);
    const scid = extras.edges[own]?.from === terms.source ? extras.hops[own]?.scid : undefined;
    const outlet = scid === undefined ? undefined : outlets.get(scid);
    if (outlet === undefined) return Math.floor(room / unit);
    const perHtlc = Number(outlet.perHtlc ?? 0n);
    const taken = query.reserved
      .filter((one) => one.scid === scid && one.from === undefined && !one.offered)
      .reduce((sum, one) => sum + one.count, 0);
    return Math.min(Math.max(0, outlet.slots - taken), Math.floor((room + perHtlc) / (unit + perHtlc)));
  };
};

interface Found {
  readonly routes: readonly Route[];
  /** Some were left out since they would cost more, or take longer, than the payment may. */
  readonly expensive: boolean;
  readonly slow: boolean;
}

const attempt = (prepared: Prepared, { unit, most }: Units, terms: FlowTerms, effort: Effort): Found => {
  const arcs = arcsOf(prepared, terms);
  const { source, target, nodes } = prepared.terms;
  const units = inUnits(arcs, Number(unit), mostOver(prepared, arcs));
  const { carried } = minCostFlow(nodes, units, source, target, most, { effort });
  const parts = new Parts(prepared);
  for (const path of pathsOf(units, carried, source, target, most, () => 1))
    parts.add(
      path.arcs.map((arc) => arcs.via[arc] ?? NONE),
      unit,
      unit,
    );
  const routes = parts.within(prepared.query.maxFee);
  return { routes, expensive: parts.expensive || routes.length < parts.list.length, slow: parts.slow };
};

/**
 * Routes of one unit each, made of the cheapest flow of `most` units; of as many as can be had where that is less. Each keeps to the
 * query's limits for a route, and all together to its `maxFee`. None where none is found within `effort`.
 */
export const findUnits = (
  context: RouteContext,
  query: RouteQuery,
  wanted: Units,
  margin: number,
  effort: Effort,
): readonly Route[] => {
  const { unit, most } = wanted;
  if (!canLeave(context, query) || unit > Number.MAX_SAFE_INTEGER || query.finalExpiry > query.maxExpiry) return [];
  const prepared = prepare(context, { ...query, amount: unit });
  const widths = reachesOf(margin);
  let best: readonly Route[] = [];
  let [width, thrift, haste] = [0, 0, 0];
  while (width < widths.length && best.length < most && !effort.isSpent) {
    const terms = {
      ...{ ...(widths[width] ?? { margin, reach: 1 }), grain: Number(unit), parts: 1 },
      ...{ improbability: IMPROBABILITY_WEIGHTS[thrift] ?? 0, delay: DELAY_WEIGHTS[haste] ?? 1 },
    };
    const { routes, expensive, slow } = attempt(prepared, wanted, terms, effort);
    if (routes.length > best.length) best = routes;
    if (expensive && thrift < IMPROBABILITY_WEIGHTS.length - 1) thrift++;
    else if (slow && haste < DELAY_WEIGHTS.length - 1) haste++;
    else width++;
  }
  return best;
};
