/**
 * Minimum-cost flow by successive shortest paths, over arcs whose cost rises with what they carry (convex and piecewise linear), all in
 * numbers. The first search gives every node its distance to the target; with these as potentials each further one looks at little
 * more than what is on its way (Ahuja, Magnanti, Orlin, "Network Flows", 9.7 and 14.5).
 */
import { Frontier } from './frontier.ts';

/** Pieces of the cost of each arc: it is as many arcs beside each other, of which the cheaper ones are filled first. */
export const SEGMENTS = 6;

/** Arcs by number. Amounts and costs are whole numbers; amounts, and sums of costs along a path, stay below 2^53. */
export interface Arcs {
  readonly count: number;
  /** The nodes that it leads from and to. */
  readonly tail: Int32Array;
  readonly head: Int32Array;
  /** By `arc * SEGMENTS + segment`: up to which flow the segment reaches, never falling within an arc; the last one is all it carries. */
  readonly ends: Float64Array;
  /** The same: what each unit within the segment costs, 0 or more, never falling within an arc. */
  readonly slopes: Float64Array;
}

export interface Flow {
  /** By arc. */
  readonly carried: Float64Array;
  /** What reaches the target: the amount, or as much of it as the arcs can carry. */
  readonly sent: number;
  /** Paths by which the flow grew. */
  readonly paths: number;
}

/** What a node is at the end of: `2 * arc` at the tail of an arc, `2 * arc + 1` at its head, from `first[node]` to `first[node + 1]`. */
const incidence = (nodes: number, { count, tail, head }: Arcs): readonly [first: Int32Array, ends: Int32Array] => {
  const first = new Int32Array(nodes + 2);
  for (let arc = 0; arc < count; arc++)
    for (const node of [tail[arc] ?? 0, head[arc] ?? 0]) first[node + 2] = (first[node + 2] ?? 0) + 1;
  for (let at = 3; at < nodes + 2; at++) first[at] = (first[at] ?? 0) + (first[at - 1] ?? 0);
  const ends = new Int32Array(2 * count);
  const put = (node: number, end: number): void => {
    const at = first[node + 1] ?? 0;
    ends[at] = end;
    first[node + 1] = at + 1;
  };
  for (let arc = 0; arc < count; arc++) {
    put(tail[arc] ?? 0, 2 * arc);
    put(head[arc] ?? 0, 2 * arc + 1);
  }
  return [first, ends];
};

class Solver {
  readonly carried: Float64Array;
  /** By arc: the segment that the next unit goes into, SEGMENTS where it is full. */
  private readonly segment: Uint8Array;
  private readonly first: Int32Array;
  private readonly ends: Int32Array;
  /** By node: the least cost to the target as far as searches have found it; Infinity where there is no way. */
  private readonly potential: Float64Array;
  private readonly distance: Float64Array;
  private readonly settled: Uint8Array;
  /** By node: the end of an arc (as in `ends`) by which it was reached. */
  private readonly via: Int32Array;
  private readonly frontier = new Frontier();
  private readonly arcs: Arcs;

  constructor(nodes: number, arcs: Arcs) {
    this.arcs = arcs;
    this.carried = new Float64Array(arcs.count);
    this.segment = new Uint8Array(arcs.count);
    [this.first, this.ends] = incidence(nodes, arcs);
    this.potential = new Float64Array(nodes).fill(Number.POSITIVE_INFINITY);
    this.distance = new Float64Array(nodes).fill(Number.POSITIVE_INFINITY);
    this.settled = new Uint8Array(nodes);
    this.via = new Int32Array(nodes);
    for (let arc = 0; arc < arcs.count; arc++) this.toSegment(arc);
  }

  /** Takes down which segment the next unit goes into; empty ones are passed over. */
  private toSegment(arc: number): void {
    const { ends } = this.arcs;
    const flow = this.carried[arc] ?? 0;
    let segment = 0;
    while (segment < SEGMENTS && (ends[arc * SEGMENTS + segment] ?? 0) <= flow) segment++;
    this.segment[arc] = segment;
  }

  /** The segment that the last unit is in, of an arc that carries something. */
  private lastSegment(arc: number): number {
    const flow = this.carried[arc] ?? 0;
    let segment = this.segment[arc] ?? 0;
    while (segment > 0 && (segment === SEGMENTS || this.startOf(arc, segment) >= flow)) segment--;
    return segment;
  }

  private startOf(arc: number, segment: number): number {
    return segment === 0 ? 0 : (this.arcs.ends[arc * SEGMENTS + segment - 1] ?? 0);
  }

  /** The distance of every node to the target, with nothing carried yet. */
  measure(target: number): void {
    const { potential, first, ends, segment, frontier, settled } = this;
    const { tail, slopes } = this.arcs;
    potential[target] = 0;
    frontier.push(target, 0);
    for (let node = frontier.pop(); node >= 0; node = frontier.pop()) {
      if (settled[node] === 1) continue;
      settled[node] = 1;
      const cost = potential[node] ?? 0;
      const last = first[node + 1] ?? 0;
      for (let at = first[node] ?? 0; at < last; at++) {
        const end = ends[at] ?? 0;
        if ((end & 1) === 0) continue;
        const arc = end >> 1;
        const piece = segment[arc] ?? SEGMENTS;
        if (piece === SEGMENTS) continue;
        const from = tail[arc] ?? 0;
        const through = cost + (slopes[arc * SEGMENTS + piece] ?? 0);
        if (through >= (potential[from] ?? 0)) continue;
        potential[from] = through;
        frontier.push(from, through);
      }
    }
    settled.fill(0);
  }

  /** One path of least cost for the next unit; false where there is none. Its nodes are found by `via` from the target. */
  private search(source: number, target: number): boolean {
    const { potential, distance, settled, via, first, ends, segment, carried, frontier } = this;
    const { tail, head, slopes } = this.arcs;
    if (potential[source] === Number.POSITIVE_INFINITY) return false;
    const reached: number[] = [source];
    frontier.clear();
    distance[source] = 0;
    frontier.push(source, 0);
    let found = Number.POSITIVE_INFINITY;
    for (let node = frontier.pop(); node >= 0; node = frontier.pop()) {
      if (settled[node] === 1) continue;
      settled[node] = 1;
      const so = distance[node] ?? 0;
      if (node === target) {
        found = so;
        break;
      }
      const base = so - (potential[node] ?? 0);
      const last = first[node + 1] ?? 0;
      for (let at = first[node] ?? 0; at < last; at++) {
        const end = ends[at] ?? 0;
        const arc = end >> 1;
        let [to, cost] = [0, 0];
        if ((end & 1) === 0) {
          const piece = segment[arc] ?? SEGMENTS;
          if (piece === SEGMENTS) continue;
          to = head[arc] ?? 0;
          cost = slopes[arc * SEGMENTS + piece] ?? 0;
        } else {
          if (carried[arc] === 0) continue;
          to = tail[arc] ?? 0;
          cost = -(slopes[arc * SEGMENTS + this.lastSegment(arc)] ?? 0);
        }
        const through = base + cost + (potential[to] ?? 0);
        if (settled[to] === 1 || !(through < (distance[to] ?? 0))) continue;
        if (distance[to] === Number.POSITIVE_INFINITY) reached.push(to);
        distance[to] = through;
        via[to] = end;
        frontier.push(to, through);
      }
    }
    for (const node of reached) {
      // What was not looked at keeps its potential: no arc to it is cheaper than the path.
      if (settled[node] === 1 && found !== Number.POSITIVE_INFINITY)
        potential[node] = (potential[node] ?? 0) + found - (distance[node] ?? 0);
      settled[node] = 0;
      distance[node] = Number.POSITIVE_INFINITY;
    }
    return found !== Number.POSITIVE_INFINITY;
  }

  /** Sends as much as one path takes at its cost, up to `most`. Gives what it was; 0 where there is no path. */
  grow(source: number, target: number, most: number): number {
    if (!this.search(source, target)) return 0;
    const { via, carried, segment } = this;
    const { tail, head, ends } = this.arcs;
    let amount = most;
    for (let node = target; node !== source; ) {
      const end = via[node] ?? 0;
      const arc = end >> 1;
      const flow = carried[arc] ?? 0;
      const forward = (end & 1) === 0;
      const room = forward
        ? (ends[arc * SEGMENTS + (segment[arc] ?? 0)] ?? 0) - flow
        : flow - this.startOf(arc, this.lastSegment(arc));
      amount = Math.min(amount, room);
      node = (forward ? tail[arc] : head[arc]) ?? source;
    }
    for (let node = target; node !== source; ) {
      const end = via[node] ?? 0;
      const arc = end >> 1;
      const forward = (end & 1) === 0;
      carried[arc] = (carried[arc] ?? 0) + (forward ? amount : -amount);
      this.toSegment(arc);
      node = (forward ? tail[arc] : head[arc]) ?? source;
    }
    return amount;
  }
}

/** A flow that takes more paths than this to find would hardly be of use, and takes seconds. */
export const MOST_PATHS = 1_000;

/**
 * The cheapest flow of `amount` from `source` to `target`, nodes being numbers below `nodes`; of as much of it as the arcs can carry
 * where that is less, or as `most` paths that it grows by come to. The same arcs in the same order give the same flow.
 */
export const minCostFlow = (
  nodes: number,
  arcs: Arcs,
  source: number,
  target: number,
  amount: number,
  most = MOST_PATHS,
): Flow => {
  const solver = new Solver(nodes, arcs);
  let [sent, paths] = [0, 0];
  if (source === target) return { carried: solver.carried, sent, paths };
  solver.measure(target);
  while (sent < amount && paths < most) {
    const more = solver.grow(source, target, amount - sent);
    if (more === 0) break;
    sent += more;
    paths++;
  }
  return { carried: solver.carried, sent, paths };
};
