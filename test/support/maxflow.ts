/** The most that balances let through between two nodes, were they all known: shortest augmenting paths (Edmonds and Karp 1972). */
import type { SimGraph } from '../../node/simulate/network.ts';

/** `balance` is by direction, in msat; what a channel's other side holds counts only its own way. Directions that are disabled carry nothing. The search ends at `enough`. */
export const maxFlow = (
  { start, end, disabled }: SimGraph,
  directions: readonly (readonly number[])[],
  balance: Float64Array,
  from: number,
  to: number,
  enough = Number.POSITIVE_INFINITY,
): number => {
  const free = Float64Array.from(balance, (amount, direction) => (disabled[direction] === 1 ? 0 : amount));
  let total = 0;
  for (;;) {
    const via = new Map<number, number>([[from, -1]]);
    const queue = [from];
    for (const node of queue) {
      if (via.has(to)) break;
      for (const direction of directions[node] ?? []) {
        const next = ((direction & 1) === 0 ? end : start)[direction >> 1] ?? 0;
        if (via.has(next) || (free[direction] ?? 0) < 1) continue;
        via.set(next, direction);
        queue.push(next);
      }
    }
    if (!via.has(to) || total >= enough) return total;
    const path: number[] = [];
    for (let node = to; node !== from; ) {
      const direction = via.get(node) ?? 0;
      path.push(direction);
      node = ((direction & 1) === 0 ? start : end)[direction >> 1] ?? from;
    }
    const most = path.reduce((least, direction) => Math.min(least, free[direction] ?? 0), Number.POSITIVE_INFINITY);
    for (const direction of path) {
      free[direction] = (free[direction] ?? 0) - most;
      free[direction ^ 1] = (free[direction ^ 1] ?? 0) + most;
    }
    total += most;
  }
};
