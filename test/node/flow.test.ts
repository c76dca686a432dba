/** Minimum-cost flows over small networks that chance makes: the cheapest there is, and taken apart without loss. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Effort } from '../../node/graph/effort.ts';
import { type Arcs, type Flow, minCostFlow, SEGMENTS } from '../../node/graph/flow.ts';
import { pathsOf } from '../../node/graph/flowpaths.ts';
import { greatestFlow } from '../../node/graph/greatestflow.ts';
import { propertyRuns } from '../support/runs.ts';

/** An arc by its ends, and the width and further slope of each piece of its cost. */
interface Edge {
  readonly tail: number;
  readonly head: number;
  readonly pieces: readonly (readonly [width: number, steeper: number])[];
}

const NODES = 6;
const node = fc.nat(NODES - 1);
const piece = fc.tuple(fc.nat(6), fc.nat(9));
/** Loops, parallel arcs and arcs that carry nothing are among them. */
const edge: fc.Arbitrary<Edge> = fc.record({
  ...{ tail: node, head: node },
  pieces: fc.array(piece, { minLength: SEGMENTS, maxLength: SEGMENTS }),
});

const arcsOf = (edges: readonly Edge[]): Arcs => {
  const running = (values: readonly number[]): readonly number[] => {
    let sum = 0;
    return values.map((value) => {
      sum += value;
      return sum;
    });
  };
  return {
    count: edges.length,
    tail: Int32Array.from(edges, ({ tail }) => tail),
    head: Int32Array.from(edges, ({ head }) => head),
    ends: Float64Array.from(edges.flatMap(({ pieces }) => running(pieces.map(([width]) => width)))),
    slopes: Float64Array.from(edges.flatMap(({ pieces }) => running(pieces.map(([, steeper]) => steeper)))),
  };
};

const capacityOf = ({ ends }: Arcs, arc: number): number => ends[(arc + 1) * SEGMENTS - 1] ?? 0;

/** What the unit of an arc costs that is number `n` of those it carries, counted from 0. */
const costOfUnit = ({ ends, slopes }: Arcs, arc: number, n: number): number => {
  for (let at = arc * SEGMENTS; at < (arc + 1) * SEGMENTS; at++) if ((ends[at] ?? 0) > n) return slopes[at] ?? 0;
  return Number.POSITIVE_INFINITY;
};

/** The steps that one more unit could take: over arcs with room, and back over those that carry something. */
const stepsLeft = (arcs: Arcs, carried: Float64Array) =>
  Array.from({ length: arcs.count }, (_, arc) => arc).flatMap((arc) => {
    const [tail, head, flow] = [arcs.tail[arc] ?? 0, arcs.head[arc] ?? 0, carried[arc] ?? 0];
    const on =
      flow < capacityOf(arcs, arc) ? [{ arc, by: 1, from: tail, to: head, cost: costOfUnit(arcs, arc, flow) }] : [];
    const back = flow > 0 ? [{ arc, by: -1, from: head, to: tail, cost: -costOfUnit(arcs, arc, flow - 1) }] : [];
    return [...on, ...back];
  });

/** Bellman and Ford: the least cost from `source` to each node, and the step that leads there; undefined where a circle costs less than nothing. */
const cheapest = (steps: ReturnType<typeof stepsLeft>, sources: readonly number[]) => {
  const cost = Array.from({ length: NODES }, (_, n) => (sources.includes(n) ? 0 : Number.POSITIVE_INFINITY));
  const via: ((typeof steps)[number] | undefined)[] = Array.from({ length: NODES }, () => undefined);
  for (let round = 0; round <= NODES; round++) {
    let changed = false;
    for (const step of steps) {
      const through = (cost[step.from] ?? 0) + step.cost;
      if (!(through < (cost[step.to] ?? 0))) continue;
      cost[step.to] = through;
      via[step.to] = step;
      changed = true;
    }
    if (!changed) return { cost, via };
  }
  return undefined;
};

/** Unit by unit, each over the cheapest way that is left. */
const naively = (arcs: Arcs, source: number, target: number, amount: number): Flow => {
  const carried = new Float64Array(arcs.count);
  let sent = 0;
  for (; sent < amount && source !== target; sent++) {
    const found = cheapest(stepsLeft(arcs, carried), [source]);
    if (found === undefined || found.cost[target] === Number.POSITIVE_INFINITY) break;
    for (let at = target; at !== source; ) {
      const step = found.via[at];
      if (step === undefined) throw new Error('no way back');
      carried[step.arc] = (carried[step.arc] ?? 0) + step.by;
      at = step.from;
    }
  }
  return { carried, sent, paths: sent };
};

const costOf = (arcs: Arcs, { carried }: Flow): number => {
  let cost = 0;
  for (let arc = 0; arc < arcs.count; arc++)
    for (let n = 0; n < (carried[arc] ?? 0); n++) cost += costOfUnit(arcs, arc, n);
  return cost;
};

/** What leaves a node beyond what comes in. */
const surplus = ({ count, tail, head }: Arcs, carried: Float64Array, at: number): number => {
  let sum = 0;
  for (let arc = 0; arc < count; arc++) {
    if (tail[arc] === at) sum += carried[arc] ?? 0;
    if (head[arc] === at) sum -= carried[arc] ?? 0;
  }
  return sum;
};

const question = fc.record({
  edges: fc.array(edge, { maxLength: 14 }),
  ...{ source: node, target: node, amount: fc.integer({ min: 1, max: 40 }) },
});

describe('a minimum-cost flow', () => {
  test('costs what one found unit by unit costs, and sends as much', () => {
    fc.assert(
      fc.property(question, ({ edges, source, target, amount }) => {
        const arcs = arcsOf(edges);
        const flow = minCostFlow(NODES, arcs, source, target, amount);
        const other = naively(arcs, source, target, amount);
        expect(flow.sent).toBe(other.sent);
        expect(costOf(arcs, flow)).toBe(costOf(arcs, other));
      }),
      { numRuns: propertyRuns(200) },
    );
  });

  test('could be made no cheaper by any circle, and no larger where it is short of the amount', () => {
    fc.assert(
      fc.property(question, ({ edges, source, target, amount }) => {
        const arcs = arcsOf(edges);
        const { carried, sent } = minCostFlow(NODES, arcs, source, target, amount);
        const steps = stepsLeft(arcs, carried);
        const everywhere = Array.from({ length: NODES }, (_, n) => n);
        expect(cheapest(steps, everywhere)).toBeDefined();
        if (sent < amount && source !== target)
          expect(cheapest(steps, [source])?.cost[target]).toBe(Number.POSITIVE_INFINITY);
      }),
      { numRuns: propertyRuns(200) },
    );
  });

  test('loses nothing on its way and exceeds no capacity', () => {
    fc.assert(
      fc.property(question, ({ edges, source, target, amount }) => {
        const arcs = arcsOf(edges);
        const { carried, sent } = minCostFlow(NODES, arcs, source, target, amount);
        for (let at = 0; at < NODES; at++) {
          const expected = source === target ? 0 : at === source ? sent : at === target ? -sent : 0;
          expect(surplus(arcs, carried, at) === expected).toBe(true);
        }
        for (let arc = 0; arc < arcs.count; arc++) {
          expect(carried[arc]).toBeGreaterThanOrEqual(0);
          expect(carried[arc]).toBeLessThanOrEqual(capacityOf(arcs, arc));
        }
      }),
      { numRuns: propertyRuns(200) },
    );
  });

  test('is taken apart into paths that carry all of it, the widest first', () => {
    fc.assert(
      fc.property(question, fc.integer({ min: 1, max: 5 }), ({ edges, source, target, amount }, largest) => {
        const arcs = arcsOf(edges);
        const { carried, sent } = minCostFlow(NODES, arcs, source, target, amount);
        const paths = pathsOf(arcs, carried, source, target, 100, () => largest);
        expect(paths.reduce((sum, path) => sum + path.amount, 0)).toBe(sent);
        const used = new Float64Array(arcs.count);
        for (const [i, path] of paths.entries()) {
          expect(path.amount).toBeLessThanOrEqual(Math.min(largest, paths[i - 1]?.amount ?? largest));
          let at = source;
          for (const arc of path.arcs) {
            expect(arcs.tail[arc]).toBe(at);
            at = arcs.head[arc] ?? -1;
            used[arc] = (used[arc] ?? 0) + path.amount;
          }
          expect(at).toBe(target);
        }
        for (let arc = 0; arc < arcs.count; arc++) expect(used[arc]).toBeLessThanOrEqual(carried[arc] ?? 0);
      }),
      { numRuns: propertyRuns(200) },
    );
  });

  test('of more than the arcs carry is the largest there is', () => {
    const one = { pieces: Array.from({ length: SEGMENTS }, () => [2, 1] as const) };
    const arcs = arcsOf([
      { ...one, tail: 0, head: 1 },
      { ...one, tail: 0, head: 1 },
      { ...one, tail: 1, head: 1 },
    ]);
    expect(minCostFlow(NODES, arcs, 0, 1, 1_000)).toMatchObject({ sent: 4 * SEGMENTS });
    expect(minCostFlow(NODES, arcs, 1, 0, 1_000)).toMatchObject({ sent: 0, paths: 0 });
    expect(minCostFlow(NODES, arcs, 0, 1, 1_000, { paths: 3 })).toMatchObject({ sent: 6, paths: 3 });
  });
  test('is not looked for any further once it is known that there is none', () => {
    fc.assert(
      fc.property(question, fc.nat(60), ({ edges, source, target, amount }, doubt) => {
        const arcs = arcsOf(edges);
        let asked = 0;
        const isHopeless = (): boolean => {
          asked++;
          return greatestFlow(NODES, arcs, source, target, amount, new Effort()) < amount;
        };
        const whole = minCostFlow(NODES, arcs, source, target, amount);
        const flow = minCostFlow(NODES, arcs, source, target, amount, { doubt, isHopeless });
        expect(asked).toBeLessThanOrEqual(1);
        if (whole.sent === amount) expect(flow).toEqual(whole);
        else expect(flow.sent).toBeLessThanOrEqual(whole.sent);
        if (whole.sent < amount && doubt === 0) expect(flow.paths).toBe(0);
      }),
      { numRuns: propertyRuns(200) },
    );
  });
});

describe('what arcs can carry, whatever it costs,', () => {
  test('is as much as the cheapest flow of it sends', () => {
    fc.assert(
      fc.property(question, ({ edges, source, target, amount }) => {
        const arcs = arcsOf(edges);
        const { sent } = minCostFlow(NODES, arcs, source, target, amount);
        expect(greatestFlow(NODES, arcs, source, target, amount, new Effort())).toBe(sent);
      }),
      { numRuns: propertyRuns(400) },
    );
  });

  test('is looked for no longer than for a round more than it may take, as the cheapest is', () => {
    fc.assert(
      fc.property(question, fc.nat(60), ({ edges, source, target, amount }, most) => {
        const arcs = arcsOf(edges);
        const ends = 2 * edges.length;
        const [greatest, cheapest] = [new Effort(most), new Effort(most)];
        const sent = greatestFlow(NODES, arcs, source, target, amount, greatest);
        expect(sent).toBeLessThanOrEqual(minCostFlow(NODES, arcs, source, target, amount).sent);
        // A round ranks all nodes, and then looks at what is left of each one's arcs.
        expect(greatest.used).toBeLessThanOrEqual(most + 2 * ends + NODES);
        minCostFlow(NODES, arcs, source, target, amount, { effort: cheapest });
        // What measures the distances is a round as well.
        expect(cheapest.used).toBeLessThanOrEqual(Math.max(most, ends) + ends);
      }),
      { numRuns: propertyRuns(200) },
    );
  });
});
