/** What a caller of pay excludes: the end of a channel that a direction names, and that no route leads over it. */
import { expect, test } from 'vitest';
import { excludeParam, exclusions } from '../../node/api/methods/payments/exclude.ts';
import { hex, unhex } from '../../wire/bytes.ts';
import { point } from '../../wire/units.ts';
import { scid, started } from '../amp/byhand.ts';
import { nodeOf, ordinaryRequest } from '../amp/payer.ts';

const [low = '', high = ''] = [hex(nodeOf(1)), hex(nodeOf(2))].sort();
type Parts = Parameters<typeof exclusions>[0];

const parts = (nodeId: string): Parts => ({
  graph: {
    channel: (id: bigint) => (id === scid(7) ? { nodes: [low, high] } : undefined),
  } as unknown as Parts['graph'],
  channels: { byShortId: () => undefined } as unknown as Parts['channels'],
  keys: { nodeId: point(unhex(nodeId)) } as Parts['keys'],
});
const read = (given: readonly string[], us = hex(nodeOf(9))) => {
  const { nodes, excluded } = exclusions(parts(us), excludeParam.parse(given), []);
  return [...nodes.map(hex), ...excluded.map(({ from }) => (from === undefined ? 'us' : hex(from)))];
};

test('direction 0 of a channel leads away from the lesser node id, direction 1 from the greater', () => {
  expect(read(['0x0x7/0'])).toEqual([low]);
  expect(read(['0x0x7/1'])).toEqual([high]);
});

test('a direction away from this node is that of its own channel', () => {
  expect(read(['0x0x7/0'], low)).toEqual(['us']);
});

test('a node is excluded whole, and a channel that nobody knows is left out', () => {
  expect(read([low, '0x0x8/0'])).toEqual([low]);
});

test.each(['0x0x7', '0x0x7/2', 'x/0', '02ff', ''])('%j is neither a node nor a direction of a channel', (given) => {
  expect(excludeParam.safeParse([given]).success).toBe(false);
});

test('every route of a payment is asked for without what its caller excludes', () => {
  const payer = started(ordinaryRequest(), undefined, 1000, {
    nodes: [nodeOf(1)],
    excluded: [{ scid: scid(7), from: nodeOf(2), atLeast: ordinaryRequest().maxFee }],
  });
  expect(payer.query).toMatchObject({ excludedNodes: [nodeOf(1)], excluded: [{ scid: scid(7), from: nodeOf(2) }] });
});
