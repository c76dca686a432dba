/**
 * Routes through a network of the real one's size, from a node with five outlets to one destination after the other, in
 * milliseconds of CPU, so that what else the machine does counts little. Slow ones count as much as quick ones, so the median and the 95th percentile are shown.
 */
import type { Outlet, RouteQuery } from '../../amp/route.ts';
import type { RouteContext } from '../../node/graph/routecontext.ts';
import { findRoute } from '../../node/graph/routing.ts';
import { MAX_MONEY, msat, scidOf } from '../../wire/units.ts';
import { ANNOUNCED, bigNetwork, pointOfNode, random } from './bignetwork.ts';
import type { Bench } from './harness.ts';

/** The peers of our outlets, among the well connected as among others. */
const PEERS = [2, 20, 150, 900, 4000];
const DESTINATIONS = 1000;
const amounts = [1_000n, 100_000n, 2_000_000n];

const outlets = PEERS.map(
  (peer, n): Outlet => ({
    ...{ scid: scidOf(0xf0_0000, n, 0), peer: pointOfNode(peer), spendable: msat(20_000_000_000n), slots: 483 },
  }),
);

const queryFor = (node: number, sat: bigint): RouteQuery => ({
  ...{ query: 1, shard: 0, destination: pointOfNode(node), amount: msat(sat * 1000n), maxFee: msat(MAX_MONEY) },
  ...{ finalExpiry: 18, maxExpiry: 2016, maxHops: 20, excludedNodes: [], excluded: [], reserved: [] },
});

const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;

export const bench: Bench = {
  name: 'routes',
  about: 'a route through a network of the real size',
  run: ({ table, put, note }) => {
    const { file, compact, search, connection, name } = bigNetwork();
    table(`a route through ${file.channels} channels, ${name}`, 'ms of CPU');
    const context: RouteContext = {
      ...{ graph: { compact, search, connection }, outlets, source: pointOfNode(2 ** 24), hints: [] },
      ...{ tlvOnly: () => true, now: () => ANNOUNCED },
    };
    for (const sat of amounts) {
      const next = random(3);
      const nodes = Array.from({ length: DESTINATIONS }, () => Math.floor(next() * file.nodes));
      for (const node of nodes.slice(0, 50)) findRoute(context, queryFor(node, sat), () => 1n);
      const took = nodes.flatMap((node) => {
        const begun = process.cpuUsage();
        const { route } = findRoute(context, queryFor(node, sat), () => 1n);
        const { user, system } = process.cpuUsage(begun);
        return route === undefined ? [] : [(user + system) / 1000];
      });
      took.sort((a, b) => a - b);
      const row = `${sat} sat`;
      put(row, 'median', quantile(took, 0.5));
      put(row, 'p95', quantile(took, 0.95));
      put(row, 'slowest', quantile(took, 1));
      put(row, 'found', took.length);
    }
    note(`${DESTINATIONS} destinations, five outlets; of those to which there is a route`);
  },
};
