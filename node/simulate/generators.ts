/**
 * Networks that a seed makes: a ring, a small world and one that grew by preferential attachment. The shape is drawn apart from the
 * channels' terms, so that another set of terms leaves the shape as it is.
 */
import { MOST_CHANNELS } from '../graph/gossmap.ts';
import type { SimGraph } from './network.ts';
import { type Random, randomOf } from './random.ts';
import { type ChannelTerms, mainnetTerms } from './terms.ts';

/** What is asked of a generator cannot be: `fault.field` is what was wrong, and the message says what was expected. */
export class GeneratorError extends Error {
  override readonly name = 'GeneratorError';
  readonly fault: { readonly code: 'bad_generator'; readonly field: string };
  constructor(field: string, expected: string) {
    super(`${field}: expected ${expected}`);
    this.fault = { code: 'bad_generator', field };
  }
}

/** Pairs of nodes with a channel between them. */
type Shape = readonly (readonly [number, number])[];

const MOST_NODES = 500_000;

const whole = (field: string, value: number, least: number, most: number): void => {
  if (!Number.isInteger(value) || value < least || value > most)
    throw new GeneratorError(field, `a whole number from ${least} to ${most}, got ${value}`);
};

/** Throws GeneratorError before anything is made of a network that is too large. */
const affordable = (channels: number): void => {
  if (channels > MOST_CHANNELS)
    throw new GeneratorError('channels', `at most ${MOST_CHANNELS} in all, got ${channels}`);
};

const withTerms = (nodes: number, shape: Shape, terms: ChannelTerms, random: Random): SimGraph => {
  const channels = shape.length;
  const directions = () => new Float64Array(2 * channels);
  const graph = {
    ...{ nodes, channels, capacity: new Float64Array(channels), disabled: new Uint8Array(2 * channels) },
    ...{ start: Uint32Array.from(shape, ([a]) => a), end: Uint32Array.from(shape, ([, b]) => b) },
    ...{ htlcMinimum: directions(), htlcMaximum: directions(), feeBase: directions() },
    ...{ feeProportional: directions(), cltvDelta: directions() },
  };
  for (let channel = 0; channel < channels; channel++) {
    const capacity = terms.capacity(random);
    graph.capacity[channel] = capacity;
    for (const direction of [2 * channel, 2 * channel + 1]) {
      const policy = terms.policy(random);
      graph.htlcMinimum[direction] = policy.htlcMinimum;
      graph.htlcMaximum[direction] = Math.floor(capacity * 1000 * policy.htlcMaximum);
      graph.feeBase[direction] = policy.feeBase;
      graph.feeProportional[direction] = policy.feeProportional;
      graph.cltvDelta[direction] = policy.cltvDelta;
    }
  }
  return graph;
};

/** Nodes in a circle, each with a channel to the next one. Throws GeneratorError. */
export const ring = (nodes: number, seed: number, terms: ChannelTerms = mainnetTerms): SimGraph => {
  whole('nodes', nodes, 3, MOST_NODES);
  const shape = Array.from({ length: nodes }, (_, node) => [node, (node + 1) % nodes] as const);
  return withTerms(nodes, shape, terms, randomOf(`ring/terms/${seed}`));
};

/**
 * A small world (Watts and Strogatz 1998): each node of a circle has channels to its `neighbours` nearest ones, and with probability
 * `rewired` the far end of a channel is moved to a node drawn at random. Channels are never parallel, and none leads from a node to
 * itself. Throws GeneratorError.
 */
export const smallWorld = (
  nodes: number,
  seed: number,
  { neighbours = 8, rewired = 0.1 }: { readonly neighbours?: number; readonly rewired?: number } = {},
  terms: ChannelTerms = mainnetTerms,
): SimGraph => {
  whole('nodes', nodes, 4, MOST_NODES);
  whole('neighbours', neighbours, 2, Math.min(nodes - 2, 1000));
  if (neighbours % 2 !== 0) throw new GeneratorError('neighbours', `an even number, got ${neighbours}`);
  if (!(rewired >= 0 && rewired <= 1)) throw new GeneratorError('rewired', `a probability from 0 to 1, got ${rewired}`);
  affordable((nodes * neighbours) / 2);
  const random = randomOf(`small-world/shape/${seed}`);
  const linked = Array.from({ length: nodes }, () => new Set<number>());
  const link = (a: number, b: number): void => {
    linked[a]?.add(b);
    linked[b]?.add(a);
  };
  for (let near = 1; near <= neighbours / 2; near++)
    for (let node = 0; node < nodes; node++) link(node, (node + near) % nodes);
  const shape: [number, number][] = [];
  for (let near = 1; near <= neighbours / 2; near++)
    for (let node = 0; node < nodes; node++) {
      const old = (node + near) % nodes;
      const mine = linked[node];
      if (mine === undefined) continue;
      if (random.next() >= rewired || mine.size >= nodes - 1) {
        shape.push([node, old]);
        continue;
      }
      let other = random.below(nodes);
      while (other === node || mine.has(other)) other = random.below(nodes);
      mine.delete(old);
      linked[old]?.delete(node);
      link(node, other);
      shape.push([node, other]);
    }
  return withTerms(nodes, shape, terms, randomOf(`small-world/terms/${seed}`));
};

/**
 * One that grew by preferential attachment (Barabási and Albert 1999): each new node opens `channels` channels, to different nodes,
 * and the more channels a node has, the likelier it is chosen. The first nodes are the best connected. Throws GeneratorError.
 */
export const preferential = (
  nodes: number,
  seed: number,
  { channels = 3 }: { readonly channels?: number } = {},
  terms: ChannelTerms = mainnetTerms,
): SimGraph => {
  whole('nodes', nodes, 2, MOST_NODES);
  whole('channels of a new node', channels, 1, Math.min(nodes - 1, 1000));
  affordable((nodes - channels) * channels);
  const random = randomOf(`preferential/shape/${seed}`);
  const shape: [number, number][] = [];
  // Each node as often as it has channels: one drawn from it is chosen by its channels.
  const ends: number[] = [];
  const open = (a: number, b: number): void => {
    shape.push([a, b]);
    ends.push(a, b);
  };
  for (let node = 1; node <= channels; node++) open(0, node);
  for (let node = channels + 1; node < nodes; node++) {
    const chosen = new Set<number>();
    while (chosen.size < channels) chosen.add(ends[random.below(ends.length)] ?? 0);
    for (const peer of chosen) open(node, peer);
  }
  return withTerms(nodes, shape, terms, randomOf(`preferential/terms/${seed}`));
};

const generators = {
  ring: { numbers: ['N'], make: ([nodes = 0]: readonly number[], seed: number) => ring(nodes, seed) },
  'small-world': {
    numbers: ['N', 'NEIGHBOURS', 'REWIRED'],
    make: ([nodes = 0, neighbours = 8, rewired = 0.1]: readonly number[], seed: number) =>
      smallWorld(nodes, seed, { neighbours, rewired }),
  },
  preferential: {
    numbers: ['N', 'CHANNELS'],
    make: ([nodes = 0, channels = 3]: readonly number[], seed: number) => preferential(nodes, seed, { channels }),
  },
} as const;

/** How the generators are asked for, as a text for people. */
export const generatorForms: readonly string[] = Object.entries(generators).map(
  ([name, { numbers }]) =>
    `${name}:${numbers[0]}${numbers
      .slice(1)
      .map((more) => `[,${more}`)
      .join('')}${']'.repeat(numbers.length - 1)}`,
);

/**
 * The network that a text asks for: `ring:100`, `small-world:100,8,0.8`, `preferential:1000,3`. undefined: the text names no
 * generator, and may be a file. Throws GeneratorError for one that is named and asked for what it cannot do.
 */
export const generated = (text: string, seed: number): SimGraph | undefined => {
  const [name = '', ...rest] = text.split(':');
  const generator = Object.entries(generators).find(([known]) => known === name)?.[1];
  if (generator === undefined || rest.length === 0) return undefined;
  const words = rest.join(':').split(',');
  const numbers = words.map((word) => (/^\d{1,9}(\.\d{1,9})?$/.test(word) ? Number(word) : Number.NaN));
  if (words.length > generator.numbers.length || numbers.some(Number.isNaN))
    throw new GeneratorError(
      name,
      `${generatorForms.find((form) => form.startsWith(`${name}:`))}, got '${text.slice(0, 40)}'`,
    );
  return generator.make(numbers, seed);
};
