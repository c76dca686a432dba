/** Decomposes a flow into paths, the widest first, so that few paths carry nearly all of it. */

import type { Arcs } from './flow.ts';
import { Frontier } from './frontier.ts';

/** A path by the numbers of its arcs, from the source on, and what it carries. */
export interface FlowPath {
  readonly arcs: readonly number[];
  readonly amount: number;
}

/** The arcs that still carry something, by the node that they leave. */
const leftover = ({ count, tail }: Arcs, carried: Float64Array): Map<number, number[]> => {
  const away = new Map<number, number[]>();
  for (let arc = 0; arc < count; arc++) {
    if ((carried[arc] ?? 0) <= 0) continue;
    const node = tail[arc] ?? 0;
    const others = away.get(node);
    if (others === undefined) away.set(node, [arc]);
    else others.push(arc);
  }
  return away;
};

/** The path whose narrowest arc carries the most; undefined where none is left. */
const widest = (
  { tail, head }: Arcs,
  away: ReadonlyMap<number, readonly number[]>,
  width: (arc: number) => number,
  source: number,
  target: number,
): FlowPath | undefined => {
  const best = new Map<number, number>([[source, Number.POSITIVE_INFINITY]]);
  const via = new Map<number, number>();
  const done = new Set<number>();
  const frontier = new Frontier();
  frontier.push(source, Number.NEGATIVE_INFINITY);
  for (let node = frontier.pop(); node >= 0 && node !== target; node = frontier.pop()) {
    if (done.has(node)) continue;
    done.add(node);
    for (const arc of away.get(node) ?? []) {
      const to = head[arc] ?? 0;
      const wide = Math.min(best.get(node) ?? 0, width(arc));
      if (done.has(to) || wide <= (best.get(to) ?? 0)) continue;
      best.set(to, wide);
      via.set(to, arc);
      frontier.push(to, -wide);
    }
  }
  const amount = best.get(target);
  if (amount === undefined || source === target) return undefined;
  const arcs: number[] = [];
  for (let node = target; node !== source; ) {
    const arc = via.get(node) ?? 0;
    arcs.unshift(arc);
    node = tail[arc] ?? source;
  }
  return { arcs, amount };
};

/**
 * The paths of a flow from `source` to `target`, up to `most` of them, the widest first. No path carries more than `largest`
 * of each of its arcs; several paths may take the same arcs. Together they carry the whole flow, unless that takes more than `most`.
 */
export const pathsOf = (
  arcs: Arcs,
  carried: Float64Array,
  source: number,
  target: number,
  most: number,
  largest: (arc: number) => number = () => Number.POSITIVE_INFINITY,
): readonly FlowPath[] => {
  const left = carried.slice();
  const away = leftover(arcs, left);
  const paths: FlowPath[] = [];
  while (paths.length < most) {
    const path = widest(arcs, away, (arc) => Math.min(left[arc] ?? 0, largest(arc)), source, target);
    if (path === undefined) break;
    for (const arc of path.arcs) left[arc] = (left[arc] ?? 0) - path.amount;
    paths.push(path);
  }
  return paths;
};
