/** Whether there is any way at all: what looking at every way says, and never no where the search finds one. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Connection } from '../../node/graph/connection.ts';
import { nodeKey } from '../../node/graph/graph.ts';
import { UNIFORM } from '../../node/graph/likelihood.ts';
import { findRoute } from '../../node/graph/routing.ts';
import { CLOSED, LIMITED, type SearchTerms } from '../../node/graph/search.ts';
import { msat, scidOf } from '../../wire/units.ts';
import { idOf, NOW } from '../support/graph.ts';
import { network } from '../support/network.ts';
import { propertyRuns } from '../support/runs.ts';

/** The last two are not in the graph but by channels of hints. */
const names = ['a', 'b', 'c', 'd', 'e', 'f', 'x', 'y'];
const STALE = 100;
const node = fc.nat(names.length - 1);

interface Channel {
  readonly ends: readonly [number, number];
  readonly most: readonly [number, number];
  readonly mark: number;
}

const inGraph = fc.nat(5);
const channels: fc.Arbitrary<readonly Channel[]> = fc.array(
  fc
    .record({
      ends: fc.tuple(inGraph, inGraph),
      most: fc.tuple(fc.nat(10), fc.nat(10)),
      mark: fc.constantFrom(0, 0, 0, LIMITED, CLOSED),
    })
    .filter(({ ends }) => ends[0] !== ends[1]),
  { maxLength: 12 },
);
const beside = fc.array(fc.record({ from: node, to: node, ceiling: fc.nat(10) }), { maxLength: 6 });
/** Of channels that something limits. */
const LIMIT = 4;

test('there is a way where one of all ways carries the amount, and the search finds none where there is not', () => {
  const question = fc.record({
    ...{ channels, beside, source: node, target: node, amount: fc.integer({ min: 1, max: 10 }) },
    ...{ avoided: fc.uniqueArray(node, { maxLength: 2 }), strange: fc.option(inGraph), again: fc.nat(1) },
  });
  fc.assert(
    fc.property(question, ({ channels: all, beside: besides, avoided: avoidedNodes, strange, again, ...ends }) => {
      const { source, target, amount } = ends;
      fc.pre(source !== target);
      const graph = network(all.map(({ ends: [a, b] }, n) => [names[a] ?? '', names[b] ?? '', n + 1] as const));
      const { compact } = graph;
      const outside = new Map<number, number>();
      const number = (n: number): number => {
        const known = compact.nodeNumber(nodeKey(idOf(names[n] ?? '')));
        if (known !== undefined) return known;
        if (!outside.has(n)) outside.set(n, compact.nodesEnd + outside.size);
        return outside.get(n) ?? 0;
      };
      const special = new Uint8Array(compact.channelsEnd);
      const arcs: { from: number; to: number; most: number }[] = [];
      const avoided = new Set(avoidedNodes.map(number));
      const [s, t] = [number(source), number(target)];
      const strangeNode = strange === null ? undefined : compact.nodeNumber(nodeKey(idOf(names[strange] ?? '')));
      if (strangeNode !== undefined) compact.unknownFeature[strangeNode] = 1;
      all.forEach(({ ends: [a, b], most, mark }, n) => {
        const channel = compact.channelNumber(scidOf(n + 1, 0, 0)) ?? 0;
        special[channel] = mark;
        for (const direction of [2 * channel, 2 * channel + 1]) {
          const from = compact.from[direction] ?? 0;
          const top = most[from === number(a) ? 0 : 1];
          compact.maximum[direction] = top;
          const isClosed = mark === CLOSED || from === s || avoided.has(from) || from === strangeNode;
          const to = from === number(a) ? number(b) : number(a);
          if (!isClosed) arcs.push({ from, to, most: mark === LIMITED ? Math.min(top, LIMIT) : top });
        }
      });
      const extras = besides
        .filter(({ from, to }) => from !== to)
        .map(({ from, to, ceiling }) => ({
          ...{ from: number(from), to: number(to), ceiling, floor: 0 },
          ...{ feeBase: 0, feeProportional: 0, delay: 0, more: () => 0 },
        }));
      for (const { from, to, ceiling } of extras)
        if (from === s || !avoided.has(from)) arcs.push({ from, to, most: ceiling });
      const terms: SearchTerms = {
        ...{ source: s, target: t, nodes: compact.nodesEnd + outside.size, amount, avoided, extras, special },
        ...{ maxFee: 1e9, finalExpiry: 0, maxExpiry: 1e6, maxHops: 100, riskPerBlock: 0, perBlock: 0, weight: 0 },
        ...{ prior: UNIFORM, scale: 0, staleSince: STALE, withoutMinimum: true },
        ceiling: (_, maximum) => Math.min(maximum, LIMIT),
        known: () => ({ low: 0, high: 1 }),
        penalty: () => 0,
      };
      const reached = new Set([s]);
      for (const one of reached)
        for (const { from, to, most } of arcs) if (from === one && amount <= most) reached.add(to);
      const connection = new Connection(compact);
      for (let n = 0; n < again; n++) connection.exists({ ...terms, amount: 1 });
      expect(connection.exists(terms)).toBe(reached.has(t));
      if (!reached.has(t)) expect(graph.search.cheapest(terms).path).toBeUndefined();
    }),
    { numRuns: propertyRuns(80) },
  );
});

test('no route is searched for where no channel on the way carries even a small part, nor one for halves that none carries', () => {
  const { compact, connection, search } = network([
    ['me', 'b', 1],
    ['b', 'c', 2],
    ['c', 'd', 3],
  ]);
  const amounts: number[] = [];
  const cheapest = (terms: SearchTerms) => {
    amounts.push(terms.amount);
    return search.cheapest(terms);
  };
  const context = {
    ...{ graph: { compact, connection, search: { cheapest } }, source: idOf('me'), hints: [] },
    outlets: [{ scid: scidOf(1, 0, 0), peer: idOf('b'), spendable: msat(990_000_000n), slots: 483 }],
    ...{ now: () => NOW, tlvOnly: () => false },
  };
  const found = (atLeast: bigint, parts?: () => bigint) => {
    const query = {
      ...{ query: 1, shard: 0, destination: idOf('d'), amount: msat(640_000n), maxFee: msat(1_000_000n) },
      ...{ finalExpiry: 500, maxExpiry: 2516, maxHops: 20, excludedNodes: [], reserved: [] },
      excluded: [{ scid: scidOf(2, 0, 0), from: idOf('b'), atLeast: msat(atLeast) }],
    };
    return findRoute(context, query, parts);
  };
  expect([found(10_000n), amounts]).toEqual([{ route: undefined, largest: 0n }, []]);
  expect(found(400_000n, () => 1n)).toEqual({ route: undefined });
  expect([found(100_000n), amounts]).toEqual([{ route: undefined, largest: 80_000n }, [80_000]]);
});
