/**
 * The setting in which redundant parts were first measured (Bagaria, Neu and Tse 2020, "Boomerang: Redundancy Improves Latency and
 * Throughput in Payment-Channel Networks"): a small world, parts of one size that each take one of a few edge-disjoint paths at
 * random, no fees and nothing learnt. A hop forwards in 50 to 150 ms, and takes as long to let go of a part; news travel at once. Each
 * node makes one payment after another.
 */
import { Frontier } from '../../node/graph/frontier.ts';
import { smallWorld } from '../../node/simulate/generators.ts';
import type { SimGraph } from '../../node/simulate/network.ts';
import { type Random, randomOf } from '../../node/simulate/random.ts';

/** How a payer gets all its parts through: it sends more in place of those that fail, or more from the beginning, or both. */
export type Way = 'retry' | 'redundancy' | 'redundant-retry';

export interface Setting {
  readonly nodes: number;
  readonly paymentsEach: number;
  /** Parts that have to arrive, and parts beyond them that may be sent in all. */
  readonly parts: number;
  readonly extra: number;
  readonly way: Way;
  readonly seed: number;
}

export interface Outcome {
  readonly wanted: number;
  readonly delivered: number;
  /** Amount delivered per second of the run. */
  readonly throughput: number;
  /** Mean seconds until a payment that was delivered was complete. */
  readonly seconds: number;
  readonly attempts: number;
}

/** With 'redundant-retry', so many parts more than needed are under way at once. */
const LEEWAY = 10;
const [LEAST_BALANCE, MOST_BALANCE] = [100, 1000];

/** Directed edges away from each node, and the node that each leads to. */
const edgesOf = ({ nodes, channels, start, end }: SimGraph) => {
  const away = Array.from({ length: nodes }, (): number[] => []);
  const to = new Uint32Array(2 * channels);
  for (let channel = 0; channel < channels; channel++) {
    const [a = 0, b = 0] = [start[channel], end[channel]];
    away[a]?.push(2 * channel);
    away[b]?.push(2 * channel + 1);
    to.set([b, a], 2 * channel);
  }
  return { away, to };
};

/** Edge-disjoint paths, the shortest first, as many as are found one after the other. */
const disjointPaths = (away: readonly (readonly number[])[], to: Uint32Array, from: number, target: number) => {
  const used = new Set<number>();
  const paths: number[][] = [];
  for (;;) {
    const via = new Map<number, number>([[from, -1]]);
    const queue = [from];
    for (const node of queue) {
      if (via.has(target)) break;
      for (const edge of away[node] ?? []) {
        const next = to[edge] ?? 0;
        if (used.has(edge) || via.has(next)) continue;
        via.set(next, edge);
        queue.push(next);
      }
    }
    if (!via.has(target)) return paths;
    const path: number[] = [];
    for (let node = target; node !== from; ) {
      const edge = via.get(node) ?? 0;
      path.unshift(edge);
      used.add(edge);
      node = to[edge ^ 1] ?? from;
    }
    paths.push(path);
  }
};

/** Heavy-tailed, as amounts of payments are: half of them are below 4, one in ten is above 100. */
const amountOf = (random: Random): number => 4 * Math.exp(2.5 * random.normal());

/** Runs all payments to their end. */
export const boomerang = ({ nodes, paymentsEach, parts, extra, way, seed }: Setting): Outcome => {
  const { away, to } = edgesOf(smallWorld(nodes, seed, { neighbours: 8, rewired: 0.8 }));
  const random = randomOf(`boomerang/${seed}`);
  const [amounts, weather] = [random.fork('payments'), random.fork('weather')];
  const balances = random.fork('balances');
  const balance = Float64Array.from(to, () => LEAST_BALANCE * (MOST_BALANCE / LEAST_BALANCE) ** balances.next());
  const events: (() => void)[] = [];
  const times: number[] = [];
  const agenda = new Frontier();
  let now = 0;
  const after = (seconds: number, run: () => void): void => {
    times.push(now + seconds);
    agenda.push(events.push(run) - 1, now + seconds);
  };
  const hop = (): number => 0.05 + 0.1 * weather.next();
  const known = new Map<number, readonly (readonly number[])[]>();
  const pathsTo = (from: number, target: number) => {
    const key = from * nodes + target;
    const paths = known.get(key) ?? disjointPaths(away, to, from, target);
    known.set(key, paths);
    return paths;
  };
  const total = { wanted: 0, delivered: 0, volume: 0, seconds: 0, attempts: 0 };

  const pay = (from: number, left: number): void => {
    if (left === 0) return;
    let target = from;
    while (target === from) target = amounts.below(nodes);
    const part = amountOf(amounts) / parts;
    const paths = pathsTo(from, target);
    const begun = now;
    const arrived: (readonly number[])[] = [];
    let [unknown, more, isOver] = [0, extra, false];
    total.wanted++;

    /** What has passed so many hops of a path goes back, or is kept by those whom it reached. */
    const letGo = (path: readonly number[], hops: number, isKept: boolean): void => {
      if (hops === 0) return;
      after(hop(), () => {
        const edge = path[hops - 1] ?? 0;
        const side = isKept ? edge ^ 1 : edge;
        balance[side] = (balance[side] ?? 0) + part;
        letGo(path, hops - 1, isKept);
      });
    };
    const end = (): void => {
      isOver = true;
      const isDelivered = arrived.length >= parts;
      arrived.forEach((path, n) => void letGo(path, path.length, isDelivered && n < parts));
      if (isDelivered) {
        total.delivered++;
        total.volume += part * parts;
        total.seconds += now - begun;
      }
      after(0, () => pay(from, left - 1));
    };
    const look = (): void => {
      if (isOver) return;
      const atOnce = parts + (way === 'redundant-retry' ? Math.min(LEEWAY, extra) : 0);
      while (way !== 'redundancy' && more > 0 && unknown + arrived.length < atOnce) {
        more--;
        send();
      }
      if (arrived.length >= parts || unknown + arrived.length < parts) end();
    };
    const forward = (path: readonly number[], hops: number): void => {
      const edge = path[hops];
      const isThere = edge === undefined;
      if (!isThere && !isOver && (balance[edge] ?? 0) >= part) {
        balance[edge] = (balance[edge] ?? 0) - part;
        after(hop(), () => forward(path, hops + 1));
        return;
      }
      unknown--;
      if (isThere && !isOver) arrived.push(path);
      else letGo(path, hops, false);
      look();
    };
    const send = (): void => {
      unknown++;
      total.attempts++;
      const path = paths[weather.below(paths.length)] ?? [];
      after(0, () => forward(path, 0));
    };
    const first = way === 'redundancy' ? extra : way === 'redundant-retry' ? Math.min(LEEWAY, extra) : 0;
    more -= first;
    for (let n = 0; n < parts + first; n++) send();
  };

  for (let node = 0; node < nodes; node++) pay(node, paymentsEach);
  for (let event = agenda.pop(); event >= 0; event = agenda.pop()) {
    now = times[event] ?? now;
    events[event]?.();
    events[event] = () => undefined;
  }
  const { wanted, delivered, volume, seconds, attempts } = total;
  return { wanted, delivered, attempts, throughput: volume / now, seconds: seconds / delivered };
};
