/** Where nodes stand: a drawing in which channels are about equally long, the same for the same network each time. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

const STEPS = 300;

/** Drawings that are tried, from which the one with the fewest crossings is taken. */
const tries = (count: number): number => (count < 3 ? 1 : count <= 12 ? 24 : count <= 30 ? 4 : 1);

/** The same numbers each time, which look like chance. */
const shuffled = (count: number, seed: number): readonly number[] => {
  const order = Array.from({ length: count }, (_, i) => i);
  let state = seed * 7919 + 1;
  for (let i = count - 1; i > 0 && seed > 0; i--) {
    state = (state * 16_807) % 2_147_483_647;
    const j = state % (i + 1);
    [order[i], order[j]] = [order[j] ?? 0, order[i] ?? 0];
  }
  return order;
};

type Pair = readonly [number, number];

/** Nodes push each other away, channels pull their ends together, and all comes to rest; from a circle in this order. */
const settled = (order: readonly number[], pairs: readonly Pair[]): readonly Point[] => {
  const count = order.length;
  const places = order.map((at) => {
    const angle = (2 * Math.PI * at) / count;
    return { x: 0.5 + 0.35 * Math.cos(angle), y: 0.5 + 0.35 * Math.sin(angle) };
  });
  const wanted = 0.9 / Math.sqrt(Math.max(2, count));
  for (let step = 0; step < STEPS; step++) {
    const heat = 0.05 * (1 - step / STEPS);
    const forces = places.map(() => ({ x: 0, y: 0 }));
    const push = (i: number, j: number, strength: (distance: number) => number): void => {
      const [p, q, f, g] = [places[i], places[j], forces[i], forces[j]];
      if (p === undefined || q === undefined || f === undefined || g === undefined) return;
      const [dx, dy] = [q.x - p.x || 0.001 * (i + 1), q.y - p.y || 0.001 * (j + 1)];
      const distance = Math.max(0.01, Math.hypot(dx, dy));
      const force = strength(distance) / distance;
      f.x += dx * force;
      f.y += dy * force;
      g.x -= dx * force;
      g.y -= dy * force;
    };
    for (let i = 0; i < count; i++)
      for (let j = i + 1; j < count; j++) push(i, j, (distance) => -(wanted * wanted) / distance);
    for (const [i, j] of pairs) push(i, j, (distance) => (distance * distance) / wanted);
    for (const [i, p] of places.entries()) {
      const f = forces[i] ?? { x: 0, y: 0 };
      const size = Math.max(1e-9, Math.hypot(f.x, f.y));
      p.x += (f.x / size) * Math.min(size, heat);
      p.y += (f.y / size) * Math.min(size, heat);
    }
  }
  return places;
};

const isLeft = (p: Point, q: Point, r: Point): boolean => (q.x - p.x) * (r.y - p.y) > (q.y - p.y) * (r.x - p.x);

/** How many pairs of channels cross. */
const crossings = (places: readonly Point[], pairs: readonly Pair[]): number => {
  let found = 0;
  for (const [n, [i, j]] of pairs.entries())
    for (const [k, l] of pairs.slice(n + 1)) {
      const [a, b, c, d] = [places[i], places[j], places[k], places[l]];
      if (a === undefined || b === undefined || c === undefined || d === undefined) continue;
      if (new Set([i, j, k, l]).size < 4) continue;
      if (isLeft(a, b, c) !== isLeft(a, b, d) && isLeft(c, d, a) !== isLeft(c, d, b)) found++;
    }
  return found;
};

/** Places in a field of 1 by 1, with room at the edges. The first node stands at the left. */
export const layoutOf = (
  ids: readonly string[],
  links: readonly (readonly [string, string])[],
): ReadonlyMap<string, Point> => {
  const at = new Map(ids.map((id, i) => [id, i]));
  const pairs = links.flatMap(([a, b]): Pair[] => {
    const [i, j] = [at.get(a), at.get(b)];
    return i === undefined || j === undefined || i === j ? [] : [[i, j]];
  });
  let best: readonly Point[] = [];
  let fewest = Number.POSITIVE_INFINITY;
  for (let seed = 0; seed < tries(ids.length) && fewest > 0; seed++) {
    const places = settled(shuffled(ids.length, seed), pairs);
    const found = crossings(places, pairs);
    if (found < fewest) [best, fewest] = [places, found];
  }
  return stretched(ids, best);
};

/** The same turned so that the first node stands at the left, and filling the field, with room for names below. */
const stretched = (ids: readonly string[], places: readonly Point[]): ReadonlyMap<string, Point> => {
  const middle = (of: (point: Point) => number): number =>
    places.reduce((sum, one) => sum + of(one), 0) / places.length;
  const [mx, my] = [middle(({ x }) => x), middle(({ y }) => y)];
  const [first = { x: mx - 1, y: my }] = places;
  const angle = Math.PI - Math.atan2(first.y - my, first.x - mx);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const turned = places.map(({ x, y }) => ({
    x: (x - mx) * cos - (y - my) * sin,
    y: (x - mx) * sin + (y - my) * cos,
  }));
  const scaled = (of: (point: Point) => number, low: number, high: number) => {
    const all = turned.map(of);
    const [from, to] = [Math.min(...all), Math.max(...all)];
    return (point: Point): number =>
      to - from < 0.05 ? (low + high) / 2 : low + ((high - low) * (of(point) - from)) / (to - from);
  };
  const [x, y] = [scaled((point) => point.x, 0.08, 0.92), scaled((point) => point.y, 0.13, 0.82)];
  return new Map(turned.map((point, i) => [ids[i] ?? '', { x: x(point), y: y(point) }]));
};

/** Where several channels between the same two nodes lie: how far each bends to the side, of 1. */
export const bends = (channels: readonly { readonly id: string; readonly a: string; readonly b: string }[]) => {
  const between = new Map<string, string[]>();
  for (const { id, a, b } of channels) between.set(`${a}${b}`, [...(between.get(`${a}${b}`) ?? []), id]);
  return new Map(
    [...between.values()].flatMap((ids) => ids.map((id, i) => [id, (i - (ids.length - 1) / 2) * 0.5] as const)),
  );
};
