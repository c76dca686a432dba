/**
 * Minimum-cost flow by successive shortest paths, over arcs whose cost is convex and piecewise linear in what they carry. Nodes
 * and arcs are numbers. The first search measures the distance of every node to the target; with these distances as potentials, each
 * later search visits few nodes beside the path that it finds (Ahuja, Magnanti, Orlin, "Network Flows", 9.7 and 14.5).
 */
import { Effort } from './effort.ts';
import { Frontier } from './frontier.ts';

/** Linear pieces of the cost of each arc. An arc counts as so many parallel arcs, of which the cheaper ones are filled first. */
export const SEGMENTS = 6;

/** Arcs by number. Amounts and costs are whole numbers; amounts, and sums of costs along a path, stay below 2^53. */
export interface Arcs {
  readonly count: number;
  /** The node that the arc leaves, and the node that it enters. */
  readonly tail: Int32Array;
  readonly head: Int32Array;
  /** By `arc * SEGMENTS + segment`: the flow at which the segment ends, never falling within an arc; the last is the arc's capacity. */
  readonly ends: Float64Array;
  /** By the same index: the cost of each unit within the segment, 0 or more, never falling within an arc. */
  readonly slopes: Float64Array;
}

export interface Flow {
  /** The flow over each arc. */
  readonly carried: Float64Array;
  /** The flow that reaches the target: the amount, or as much of it as the arcs can carry. */
  readonly sent: number;
  /** The number of paths along which the flow was augmented. */
  readonly paths: number;
}

/** The ends of arcs at each node, from `first[node]` up to `first[node + 1]`: `2 * arc` for the tail of an arc, `2 * arc + 1` for its head. */
export const incidence = (
  nodes: number,
  { count, tail, head }: Arcs,
): readonly [first: Int32Array, ends: Int32Array] => {
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
  /** By arc: the segment that takes the next unit; SEGMENTS where the arc is full. */
  private readonly segment: Uint8Array;
  private readonly first: Int32Array;
  private readonly ends: Int32Array;
  /** By node: the least cost to the target that searches have found; Infinity where no path leads there. */
  private readonly potential: Float64Array;
  private readonly distance: Float64Array;
  private readonly settled: Uint8Array;
  /** By node: the end of the arc (as in `ends`) through which the search reached it. */
  private readonly via: Int32Array;
  private readonly frontier = new Frontier();
  private readonly arcs: Arcs;
  private readonly effort: Effort;

  constructor(nodes: number, arcs: Arcs, effort: Effort) {
    this.arcs = arcs;
    this.effort = effort;
    this.carried = new Float64Array(arcs.count);
    this.segment = new Uint8Array(arcs.count);
    [this.first, this.ends] = incidence(nodes, arcs);
    this.potential = new Float64Array(nodes).fill(Number.POSITIVE_INFINITY);
    this.distance = new Float64Array(nodes).fill(Number.POSITIVE_INFINITY);
    this.settled = new Uint8Array(nodes);
    this.via = new Int32Array(nodes);
    for (let arc = 0; arc < arcs.count; arc++) this.toSegment(arc);
  }

  /** Finds the segment that takes the next unit of an arc. Segments of no length are skipped. */
  private toSegment(arc: number): void {
    const { ends } = this.arcs;
    const flow = this.carried[arc] ?? 0;
    let segment = 0;
    while (segment < SEGMENTS && (ends[arc * SEGMENTS + segment] ?? 0) <= flow) segment++;
    this.segment[arc] = segment;
  }

  /** The segment that holds the last unit of an arc that carries some. */
  private lastSegment(arc: number): number {
    const flow = this.carried[arc] ?? 0;
    let segment = this.segment[arc] ?? 0;
    while (segment > 0 && (segment === SEGMENTS || this.startOf(arc, segment) >= flow)) segment--;
    return segment;
  }

  private startOf(arc: number, segment: number): number {
    return segment === 0 ? 0 : (this.arcs.ends[arc * SEGMENTS + segment - 1] ?? 0);
  }

  /** Measures the distance of every node to the target while no arc carries anything. */
  measure(target: number): void {
    const { potential, first, ends, segment, frontier, settled, effort } = this;
    const { tail, slopes } = this.arcs;
    potential[target] = 0;
    frontier.push(target, 0);
    for (let node = frontier.pop(); node >= 0; node = frontier.pop()) {
      if (settled[node] === 1) continue;
      settled[node] = 1;
      const cost = potential[node] ?? 0;
      const last = first[node + 1] ?? 0;
      effort.used += last - (first[node] ?? 0);
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

  /** Finds a path of least cost for the next unit; false where there is none. `via` leads back along it from the target. */
  private search(source: number, target: number): boolean {
    const { potential, distance, settled, via, first, ends, segment, carried, frontier, effort } = this;
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
      effort.used += last - (first[node] ?? 0);
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
      // A node that the search did not settle keeps its potential: it is no nearer than the target.
      if (settled[node] === 1 && found !== Number.POSITIVE_INFINITY)
        potential[node] = (potential[node] ?? 0) + found - (distance[node] ?? 0);
      settled[node] = 0;
      distance[node] = Number.POSITIVE_INFINITY;
    }
    return found !== Number.POSITIVE_INFINITY;
  }

  /** Augments the flow along one path: by at most `most`, and within one segment of each arc. Returns by how much; 0 where there is no path. */
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

/** Augmenting paths at most: more take seconds, and a flow that needs them is hardly of use. */
export const MOST_PATHS = 1_000;

/** What bounds a search for a flow. */
export interface FlowLimits {
  /** Augmenting paths at most. */
  readonly paths?: number;
  /** Work at most, and how much it was. */
  readonly effort?: Effort;
  /** The work after which it is doubtful that there is such a flow, and `isHopeless` is asked, once. */
  readonly doubt?: number;
  readonly isHopeless?: () => boolean;
}

/**
 * The cheapest flow of `amount` from `source` to `target`. Nodes are numbers below `nodes`. Where the arcs cannot carry all of it, or
 * the limits do not suffice, the flow is of less. The same arcs in the same order give the same flow.
 */
export const minCostFlow = (
  nodes: number,
  arcs: Arcs,
  source: number,
  target: number,
  amount: number,
  { paths: most = MOST_PATHS, effort = new Effort(), doubt = 0, isHopeless }: FlowLimits = {},
): Flow => {
  const begun = effort.used;
  let asks = isHopeless;
  const solver = new Solver(nodes, arcs, effort);
  let [sent, paths] = [0, 0];
  if (source === target) return { carried: solver.carried, sent, paths };
  solver.measure(target);
  while (sent < amount && paths < most && !effort.isSpent) {
    if (effort.used - begun >= doubt && asks !== undefined) {
      if (asks()) break;
      asks = undefined;
    }
    const more = solver.grow(source, target, amount - sent);
    if (more === 0) break;
    sent += more;
    paths++;
  }
  return { carried: solver.carried, sent, paths };
};
