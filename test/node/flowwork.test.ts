/** How much work a flow may be, counted in looks at arcs, in a network as large as the real one. */
import { expect, test, vi } from 'vitest';
import { Effort } from '../../node/graph/effort.ts';
import { type FlowQuery, findFlow, MOST_WORK } from '../../node/graph/flowroutes.ts';
import type { RouteContext } from '../../node/graph/routecontext.ts';
import { msat, scidOf } from '../../wire/units.ts';
import { ANNOUNCED, bigNetwork, pointOfNode } from '../bench/bignetwork.ts';

vi.stubEnv('AMPERE_GOSSMAP', undefined);
const { compact, search, connection } = bigNetwork();
const context: RouteContext = {
  ...{ graph: { compact, search, connection }, source: pointOfNode(2 ** 24), hints: [] },
  ...{ tlvOnly: () => true, now: () => ANNOUNCED },
  outlets: [2, 20, 60, 150, 400].map((peer, n) => ({
    ...{ scid: scidOf(0xf0_0000, n, 0), peer: pointOfNode(peer), slots: 483, spendable: msat(10_000_000_000n) },
  })),
};
const query = (node: number, sat: bigint): FlowQuery => ({
  ...{ query: 1, shard: 0, destination: pointOfNode(node), amount: msat(sat * 1000n), maxFee: msat(sat * 10n) },
  ...{ finalExpiry: 18, maxExpiry: 2016, maxHops: 20, excludedNodes: [], excluded: [], reserved: [] },
  flow: { most: 16, least: msat(354_000n) },
});
/** As many looks as there are ends of arcs at most: no round of a search takes more. */
const ROUND = 4 * compact.channelsEnd;
const sumOf = (routes: ReturnType<typeof findFlow>): bigint =>
  (routes ?? []).reduce((sum, route) => sum + (route.at(-1) ?? route[0]).amount, 0n);

test('an amount that channels near the payee cannot carry together is given up after the work of a few rounds', () => {
  for (const [node, sat] of [
    [740, 2_000_000n],
    [1100, 2_000_000n],
    [1010, 10_000_000n],
  ] as const) {
    const effort = new Effort();
    expect(findFlow(context, query(node, sat), effort)).toBeUndefined();
    // It is in doubt for itself, not known at once from what enters the payee.
    expect(effort.used).toBeGreaterThan(ROUND);
    expect(effort.used).toBeLessThan(6 * ROUND);
  }
});

test('a flow that takes long to find is found all the same, though it was doubtful in between', () => {
  const effort = new Effort(MOST_WORK);
  expect(sumOf(findFlow(context, query(1280, 2_000_000n), effort))).toBe(2_000_000_000n);
  expect(effort.used).toBeGreaterThan(5 * ROUND);
});

test('a search ends within two rounds of the work that it may be, and has no result', () => {
  for (const most of [0, ROUND, 3 * ROUND, 4 * ROUND]) {
    const effort = new Effort(most);
    expect(findFlow(context, query(1280, 2_000_000n), effort)).toBeUndefined();
    expect(effort.used).toBeLessThanOrEqual(most + 2 * ROUND);
  }
});
