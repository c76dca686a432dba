/**
 * Whether arcs can carry an amount at all, whatever it costs: a maximum flow by shortest augmenting paths, a whole layer of them at a
 * time (Dinitz 1970). It takes a few rounds, where a search for the cheapest flow that there is not fills one path after the other.
 */
import type { Effort } from './effort.ts';
import { type Arcs, incidence, SEGMENTS } from './flow.ts';

const UNREACHED = -1;

class Layers {
  private readonly arcs: Arcs;
  private readonly source: number;
  private readonly target: number;
  private readonly effort: Effort;
  private readonly first: Int32Array;
  private readonly ends: Int32Array;
  private readonly carried: Float64Array;
  /** By node: the steps from there to the target. */
  private readonly level: Int32Array;
  /** By node: the end of an arc, by its place in `ends`, that this round looks at next. */
  private readonly next: Int32Array;
  private readonly queue: Int32Array;

  constructor(nodes: number, arcs: Arcs, source: number, target: number, effort: Effort) {
    this.arcs = arcs;
    this.source = source;
    this.target = target;
    this.effort = effort;
    [this.first, this.ends] = incidence(nodes, arcs);
    this.carried = new Float64Array(arcs.count);
    this.level = new Int32Array(nodes);
    this.next = new Int32Array(nodes);
    this.queue = new Int32Array(nodes);
  }

  /** The node on the other side of an arc, seen from this end of it. */
  private across(end: number): number {
    return ((end & 1) === 0 ? this.arcs.head : this.arcs.tail)[end >> 1] ?? this.source;
  }

  /** What can still go from this end of an arc to the other: over it, or back what it carries. */
  private room(end: number): number {
    const arc = end >> 1;
    const flow = this.carried[arc] ?? 0;
    return (end & 1) === 0 ? (this.arcs.ends[(arc + 1) * SEGMENTS - 1] ?? 0) - flow : flow;
  }

  /** Counts the steps from each node to the target, as far as the source. Whether it was reached. */
  rank(): boolean {
    const { level, queue, first, ends, effort, source, target } = this;
    level.fill(UNREACHED);
    level[target] = 0;
    queue[0] = target;
    let size = 1;
    for (let done = 0; done < size && level[source] === UNREACHED; done++) {
      const node = queue[done] ?? target;
      const last = first[node + 1] ?? 0;
      effort.used += last - (first[node] ?? 0);
      for (let at = first[node] ?? 0; at < last; at++) {
        const end = ends[at] ?? 0;
        const from = this.across(end);
        if (level[from] !== UNREACHED || this.room(end ^ 1) <= 0) continue;
        level[from] = (level[node] ?? 0) + 1;
        queue[size++] = from;
      }
    }
    return level[source] !== UNREACHED;
  }

  /** Sends up to `most` over paths that come nearer to the target with each step, until there is none. Returns how much was sent. */
  fill(most: number): number {
    const { level, next, first, ends, effort, source, target } = this;
    next.set(first.subarray(0, next.length));
    const path: number[] = [];
    let [sent, node] = [0, source];
    while (sent < most && !effort.isSpent) {
      if (node === target) {
        const amount = path.reduce((least, end) => Math.min(least, this.room(end)), most - sent);
        for (const end of path)
          this.carried[end >> 1] = (this.carried[end >> 1] ?? 0) + ((end & 1) === 0 ? amount : -amount);
        sent += amount;
        path.length = 0;
        node = source;
        continue;
      }
      const nearer = (level[node] ?? 0) - 1;
      const last = first[node + 1] ?? 0;
      const begun = next[node] ?? 0;
      let at = begun;
      while (at < last && (level[this.across(ends[at] ?? 0)] !== nearer || this.room(ends[at] ?? 0) <= 0)) at++;
      next[node] = at;
      effort.used += at - begun + 1;
      if (at < last) {
        const end = ends[at] ?? 0;
        path.push(end);
        node = this.across(end);
        continue;
      }
      const back = path.pop();
      if (back === undefined) break;
      node = this.across(back ^ 1);
      next[node] = (next[node] ?? 0) + 1;
    }
    return sent;
  }
}

/**
 * How much of `amount` the arcs can carry from `source` to `target`: all of it, or the most there is; less than that where `effort` is
 * spent before the answer is known. Amounts are whole numbers.
 */
export const greatestFlow = (
  nodes: number,
  arcs: Arcs,
  source: number,
  target: number,
  amount: number,
  effort: Effort,
): number => {
  if (source === target) return 0;
  const layers = new Layers(nodes, arcs, source, target, effort);
  let sent = 0;
  while (sent < amount && !effort.isSpent && layers.rank()) sent += layers.fill(amount - sent);
  return sent;
};
