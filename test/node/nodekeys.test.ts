/** Node ids as keys: the same both ways, and those of a graph's nodes though their numbers are used again. */
import { expect, test } from 'vitest';
import { CompactGraph } from '../../node/graph/compact.ts';
import { keyOfNode, nodeOfKey } from '../../node/graph/nodekeys.ts';
import { hex } from '../../wire/bytes.ts';
import { shortChannelId } from '../../wire/units.ts';

const [a, b, c] = ['02', '03', '02'].map((first, n) => `${first}${`${n + 1}0`.repeat(32)}`) as [string, string, string];

test('a key is the hex of an id, asked once or twice, and leads back to it', () => {
  const id = nodeOfKey(a);
  expect(hex(id)).toBe(a);
  expect([keyOfNode(id), keyOfNode(id)]).toEqual([a, a]);
  const other = nodeOfKey(a).slice() as typeof id;
  expect(keyOfNode(other)).toBe(a);
  expect(() => nodeOfKey('04'.repeat(33))).toThrow('point');
});

test('the id of a node in the graph is its own, also where it has the number of one that is gone', () => {
  const graph = new CompactGraph();
  const add = (scid: bigint, nodes: readonly [string, string]): void => {
    const channel = { scid: shortChannelId(scid), nodes, capacity: 1000n, policies: [undefined, undefined] } as const;
    graph.add(channel, () => false);
  };
  add(1n, [a, b]);
  for (const key of [a, b]) expect(hex(graph.point(graph.nodeNumber(key) ?? -1))).toBe(key);
  const before = graph.nodeNumber(a);
  graph.remove(shortChannelId(1n));
  expect(() => graph.point(before ?? -1)).toThrow('there is no node');
  add(2n, [c, b]);
  for (const key of [b, c]) expect(hex(graph.point(graph.nodeNumber(key) ?? -1))).toBe(key);
});
