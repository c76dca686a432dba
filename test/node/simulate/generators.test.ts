/** Networks made by a seed: the shape that was asked for, terms as in mainnet, and the same again for the same seed. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  GeneratorError,
  generated,
  generatorForms,
  preferential,
  ring,
  smallWorld,
} from '../../../node/simulate/generators.ts';
import type { SimGraph } from '../../../node/simulate/network.ts';
import { plainTerms } from '../../../node/simulate/terms.ts';

/** How many channels each node has. */
const degrees = ({ nodes, start, end }: SimGraph): readonly number[] => {
  const all = Array<number>(nodes).fill(0);
  for (const node of [...start, ...end]) all[node] = (all[node] ?? 0) + 1;
  return all;
};

/** How many nodes can be reached from the first one. */
const reached = ({ channels, start, end }: SimGraph): number => {
  const peers = new Map<number, number[]>();
  for (let channel = 0; channel < channels; channel++) {
    const [a = 0, b = 0] = [start[channel], end[channel]];
    peers.set(a, [...(peers.get(a) ?? []), b]);
    peers.set(b, [...(peers.get(b) ?? []), a]);
  }
  const seen = new Set([0]);
  for (const node of seen) for (const peer of peers.get(node) ?? []) seen.add(peer);
  return seen.size;
};

const pairs = ({ channels, start, end }: SimGraph): readonly string[] =>
  Array.from({ length: channels }, (_, i) => [start[i] ?? 0, end[i] ?? 0].sort((a, b) => a - b).join());

const quantile = (values: Iterable<number>, at: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(at * sorted.length)] ?? Number.NaN;
};

describe('a made network', () => {
  test('of a seed is the same each time, and of another seed another one', () => {
    for (const form of ['ring:20', 'small-world:40,6,0.5', 'preferential:50,2']) {
      expect(generated(form, 7)).toEqual(generated(form, 7));
      expect(generated(form, 8)).not.toEqual(generated(form, 7));
    }
  });
  test('is sound: ends that are nodes and differ, no parallel channels, policies within the capacity', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 5, max: 60 }),
        fc.integer(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (nodes, seed, rewired) => {
          for (const graph of [
            ring(nodes, seed),
            smallWorld(nodes, seed, { neighbours: 2, rewired }),
            preferential(nodes, seed),
          ]) {
            expect(new Set(pairs(graph)).size).toBe(graph.channels);
            const faults = [...graph.capacity].filter((capacity, channel) => {
              const ends = [graph.start[channel] ?? nodes, graph.end[channel] ?? nodes];
              const most = Math.max(graph.htlcMaximum[2 * channel] ?? 0, graph.htlcMaximum[2 * channel + 1] ?? 0);
              return ends[0] === ends[1] || Math.max(...ends) >= nodes || capacity < 20_000 || most > capacity * 1000;
            });
            expect(faults).toEqual([]);
          }
        },
      ),
      { numRuns: 10, seed: 1 },
    );
  });
  test('that is a ring has two channels for each node, and one way round', () => {
    const graph = ring(12, 1);
    expect([degrees(graph), reached(graph)]).toEqual([Array(12).fill(2), 12]);
  });
  test('that is a small world has the channels of a circle, of which about as many are moved as was asked for', () => {
    const circle = new Set(pairs(smallWorld(200, 3, { neighbours: 8, rewired: 0 })));
    expect(circle.size).toBe(800);
    for (const rewired of [0.1, 0.8]) {
      const graph = smallWorld(200, 3, { neighbours: 8, rewired });
      const moved = pairs(graph).filter((pair) => !circle.has(pair)).length;
      expect([graph.channels, reached(graph)]).toEqual([800, 200]);
      expect(Math.abs(moved / 800 - rewired)).toBeLessThan(0.06);
    }
  });
  test('that grew by preferential attachment is connected, and few nodes have most of its channels', () => {
    const graph = preferential(1000, 5, { channels: 3 });
    const all = degrees(graph);
    expect([graph.channels, reached(graph)]).toEqual([3 * 997, 1000]);
    expect(quantile(all, 0.5)).toBeLessThan(6);
    expect(Math.max(...all)).toBeGreaterThan(60);
    expect(Math.max(...all.slice(0, 20))).toBe(Math.max(...all));
  });
  test('has capacities and fees as in mainnet, unless others are wanted', () => {
    const graph = preferential(2000, 9);
    const within = (value: number, low: number, high: number) =>
      expect(value >= low && value <= high, `${value}`).toBe(true);
    within(quantile(graph.capacity, 0.1), 90_000, 600_000);
    within(quantile(graph.capacity, 0.5), 2_500_000, 4_500_000);
    within(quantile(graph.capacity, 0.9), 15_000_000, 40_000_000);
    expect([quantile(graph.feeBase, 0.25), quantile(graph.feeBase, 0.75)]).toEqual([0, 1000]);
    within(quantile(graph.feeProportional, 0.5), 50, 200);
    expect(new Set(ring(9, 1, plainTerms(5000)).capacity)).toEqual(new Set([5000]));
  });
  test('is the same shape whatever the terms', () => {
    expect(pairs(smallWorld(50, 4, {}, plainTerms(1)))).toEqual(pairs(smallWorld(50, 4)));
  });
});

describe('a generator', () => {
  test('is asked for by a text; any other text is left to whoever reads files', () => {
    expect(generatorForms).toEqual(['ring:N', 'small-world:N[,NEIGHBOURS[,REWIRED]]', 'preferential:N[,CHANNELS]']);
    expect(generated('small-world:30,4,0.8', 2)).toEqual(smallWorld(30, 2, { neighbours: 4, rewired: 0.8 }));
    for (const text of ['graph.json', './ring', 'ring', 'C:graph', 'toString:5'])
      expect(generated(text, 1)).toBeUndefined();
  });
  test.each([
    ['ring:2', 'nodes'],
    ['ring:many', 'ring'],
    ['ring:', 'ring'],
    ['ring:10,3', 'ring'],
    ['ring:-5', 'ring'],
    ['ring:10000000', 'nodes'],
    ['small-world:100,7', 'neighbours'],
    ['small-world:100,200', 'neighbours'],
    ['small-world:100,4,1.5', 'rewired'],
    ['preferential:10,20', 'channels of a new node'],
    ['preferential:500000,500', 'channels'],
    ['preferential:10.5', 'nodes'],
  ])('that is asked for %s says what it expected', (text, field) => {
    try {
      generated(text, 1);
      expect.unreachable();
    } catch (error) {
      if (!(error instanceof GeneratorError)) throw error;
      expect([error.fault.field, error.message]).toEqual([field, expect.stringContaining('expected')]);
    }
  });
});
