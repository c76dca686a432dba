/**
 * Minimum-cost flow by push-relabel with cost scaling (Goldberg and Tarjan), as question 3 of the AMP proposal has it, over the same arcs
 * as the node's own solver: to compare the two, for the node uses the other one (node/graph/flow.ts).
 */
import { type Arcs, SEGMENTS } from '../../node/graph/flow.ts';

/** By how much the error in the costs falls from one phase to the next. */
const FALL = 12;

/** Each piece of an arc, and the way back over it, as arcs `2 * i` and `2 * i + 1` of their own. */
const residual = ({ count, tail, head, ends, slopes }: Arcs, nodes: number) => {
  const [from, to, room, cost]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let arc = 0; arc < count; arc++)
    for (let at = arc * SEGMENTS; at < (arc + 1) * SEGMENTS; at++) {
      const width = (ends[at] ?? 0) - (at === arc * SEGMENTS ? 0 : (ends[at - 1] ?? 0));
      const [a, b, each] = [tail[arc] ?? 0, head[arc] ?? 0, slopes[at] ?? 0];
      if (width <= 0 || a === b) continue;
      from.push(a, b);
      to.push(b, a);
      room.push(width, 0);
      cost.push(each, -each);
    }
  const first = new Int32Array(nodes + 1);
  for (const node of from) first[node + 1] = (first[node + 1] ?? 0) + 1;
  for (let node = 0; node < nodes; node++) first[node + 1] = (first[node + 1] ?? 0) + (first[node] ?? 0);
  const next = first.slice();
  const arcs = new Int32Array(from.length);
  for (const [i, node] of from.entries()) {
    const at = next[node] ?? 0;
    arcs[at] = i;
    next[node] = at + 1;
  }
  return { to: Int32Array.from(to), room: Float64Array.from(room), cost: Float64Array.from(cost), first, arcs };
};

/**
 * The cost of the cheapest flow of `amount`, which the arcs must be able to carry, in units of `slopes`; undefined where it did not
 * come out within so many milliseconds.
 */
export const pushRelabel = (
  nodes: number,
  arcs: Arcs,
  [source, target]: readonly [number, number],
  amount: number,
  limit: number,
): number | undefined => {
  const { to, room, cost, first, arcs: away } = residual(arcs, nodes);
  const before = room.slice();
  const [price, excess] = [new Float64Array(nodes), new Float64Array(nodes)];
  const [queue, queued, current] = [new Int32Array(nodes + 1), new Uint8Array(nodes), new Int32Array(nodes)];
  const scaled = cost.map((each) => each * (nodes + 1));
  excess[source] = amount;
  excess[target] = -amount;
  const until = performance.now() + limit;
  for (let error = scaled.reduce((most, each) => Math.max(most, each), 0) / FALL; ; error = Math.max(1, error / FALL)) {
    let [head, size] = [0, 0];
    const activate = (node: number): void => {
      if ((excess[node] ?? 0) <= 0 || queued[node] === 1) return;
      queued[node] = 1;
      queue[(head + size++) % queue.length] = node;
    };
    const push = (node: number, arc: number, much: number): void => {
      const end = to[arc] ?? 0;
      room[arc] = (room[arc] ?? 0) - much;
      room[arc ^ 1] = (room[arc ^ 1] ?? 0) + much;
      excess[node] = (excess[node] ?? 0) - much;
      excess[end] = (excess[end] ?? 0) + much;
    };
    for (let node = 0; node < nodes; node++)
      for (let at = first[node] ?? 0; at < (first[node + 1] ?? 0); at++) {
        const arc = away[at] ?? 0;
        const left = room[arc] ?? 0;
        if (left > 0 && (scaled[arc] ?? 0) + (price[node] ?? 0) - (price[to[arc] ?? 0] ?? 0) < 0) push(node, arc, left);
      }
    for (let node = 0; node < nodes; node++) {
      current[node] = first[node] ?? 0;
      activate(node);
    }
    for (let n = 0; size > 0; n++) {
      if (n % 4096 === 0 && performance.now() > until) return undefined;
      const node = queue[head] ?? 0;
      head = (head + 1) % queue.length;
      size--;
      queued[node] = 0;
      while ((excess[node] ?? 0) > 0) {
        const at = current[node] ?? 0;
        if (at < (first[node + 1] ?? 0)) {
          const arc = away[at] ?? 0;
          const left = room[arc] ?? 0;
          const end = to[arc] ?? 0;
          if (left > 0 && (scaled[arc] ?? 0) + (price[node] ?? 0) - (price[end] ?? 0) < 0) {
            push(node, arc, Math.min(left, excess[node] ?? 0));
            activate(end);
          } else current[node] = at + 1;
          continue;
        }
        let least = Number.NEGATIVE_INFINITY;
        for (let i = first[node] ?? 0; i < (first[node + 1] ?? 0); i++) {
          const arc = away[i] ?? 0;
          if ((room[arc] ?? 0) > 0) least = Math.max(least, (price[to[arc] ?? 0] ?? 0) - (scaled[arc] ?? 0));
        }
        price[node] = least - error;
        current[node] = first[node] ?? 0;
      }
    }
    if (error <= 1) break;
  }
  let sum = 0;
  for (let arc = 0; arc < room.length; arc += 2) sum += ((before[arc] ?? 0) - (room[arc] ?? 0)) * (cost[arc] ?? 0);
  return sum;
};
