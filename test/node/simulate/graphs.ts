/** Networks for tests of simulations: small, and the same each time. */
import type { SimGraph } from '../../../node/simulate/network.ts';
import { type Random, randomOf } from '../../../node/simulate/random.ts';

export interface TestChannel {
  readonly ends: readonly [number, number];
  /** Sat. */
  readonly capacity: number;
  readonly disabled?: boolean;
  readonly htlcMaximum?: number;
  readonly htlcMinimum?: number;
}

/** A network of these channels, whose directions ask one thousandth of a sat and a hundred millionths. */
export const graphOf = (nodes: number, list: readonly TestChannel[]): SimGraph => {
  const directions = (value: (channel: TestChannel) => number): Float64Array =>
    Float64Array.from(list.flatMap((channel) => [value(channel), value(channel)]));
  return {
    ...{ nodes, channels: list.length },
    start: Uint32Array.from(list, ({ ends }) => ends[0]),
    end: Uint32Array.from(list, ({ ends }) => ends[1]),
    capacity: Float64Array.from(list, ({ capacity }) => capacity),
    disabled: Uint8Array.from(list.flatMap(({ disabled = false }) => (disabled ? [1, 1] : [0, 0]))),
    htlcMinimum: directions(({ htlcMinimum = 1 }) => htlcMinimum),
    htlcMaximum: directions(({ htlcMaximum, capacity }) => htlcMaximum ?? capacity * 1000),
    feeBase: directions(() => 1),
    feeProportional: directions(() => 100),
    cltvDelta: directions(() => 40),
  };
};

/** A ring with chords: every node has a way to every other, and most have several. */
export const ringWithChords = (nodes: number, chords: number, seed: number): SimGraph => {
  const random: Random = randomOf(seed);
  const capacity = () => 100_000 + random.below(900_000);
  const ring = Array.from(
    { length: nodes },
    (_, n): TestChannel => ({ ends: [n, (n + 1) % nodes], capacity: capacity() }),
  );
  const across = Array.from({ length: chords }, (): TestChannel => {
    const from = random.below(nodes);
    return { ends: [from, (from + 2 + random.below(nodes - 3)) % nodes], capacity: capacity() };
  });
  return graphOf(nodes, [...ring, ...across]);
};
