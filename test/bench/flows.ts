/**
 * Minimum-cost flows through a network of the real one's size, from a node with five outlets to one destination after the other, in
 * milliseconds of CPU, so that what else the machine does counts little; and a few of them by push-relabel, for comparison.
 */
import type { Outlet } from '../../amp/route.ts';
import { type Arcs, minCostFlow, SEGMENTS } from '../../node/graph/flow.ts';
import { arcsOf } from '../../node/graph/flowarcs.ts';
import { type FlowQuery, findFlow } from '../../node/graph/flowroutes.ts';
import type { RouteContext } from '../../node/graph/routecontext.ts';
import { prepare } from '../../node/graph/routing.ts';
import { msat, scidOf } from '../../wire/units.ts';
import { ANNOUNCED, bigNetwork, pointOfNode, random } from './bignetwork.ts';
import type { Bench, Scope } from './harness.ts';
import { pushRelabel } from './pushrelabel.ts';

/** The peers of our outlets, among the well connected. */
const PEERS = [2, 20, 60, 150, 400];
/** Destinations are drawn from so many nodes that are best connected: few others can receive as much. */
const KNOWN = 2_000;
const DESTINATIONS = 60;
const amounts = [100_000n, 10_000_000n];
const COMPARED = 2;
/** Milliseconds after which push-relabel is given up. */
const LONGEST = 10_000;

const outletsFor = (sat: bigint): readonly Outlet[] =>
  PEERS.map((peer, n) => ({
    ...{ scid: scidOf(0xf0_0000, n, 0), peer: pointOfNode(peer), slots: 483 },
    spendable: msat(sat * 600n),
  }));

const queryFor = (node: number, sat: bigint): FlowQuery => ({
  ...{ query: 1, shard: 0, destination: pointOfNode(node), amount: msat(sat * 1000n), maxFee: msat(sat * 10n) },
  ...{ finalExpiry: 18, maxExpiry: 2016, maxHops: 20, excludedNodes: [], excluded: [], reserved: [] },
  flow: { most: 16, least: msat(354_000n) },
});

const quantile = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(part * values.length))] ?? Number.NaN;

/** Milliseconds of CPU, and what came of it. */
const timed = <T>(act: () => T): readonly [ms: number, result: T] => {
  const begun = process.cpuUsage();
  const result = act();
  const { user, system } = process.cpuUsage(begun);
  return [(user + system) / 1000, result];
};

/** What a flow costs, in units of `slopes`. */
const costOf = ({ ends, slopes }: Arcs, carried: Float64Array): number => {
  let sum = 0;
  for (let at = 0; at < carried.length * SEGMENTS; at++) {
    const flow = carried[Math.floor(at / SEGMENTS)] ?? 0;
    const start = at % SEGMENTS === 0 ? 0 : (ends[at - 1] ?? 0);
    sum += Math.max(0, Math.min(flow, ends[at] ?? 0) - start) * (slopes[at] ?? 0);
  }
  return sum;
};

/** The solvers alone over the same arcs, without the way to them and from them. */
const compare = ({ put, note }: Scope, context: RouteContext, queries: readonly FlowQuery[], row: string): void => {
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (const query of queries) {
    const prepared = prepare(context, query);
    const amount = Number(query.amount);
    const arcs = arcsOf(prepared, { grain: amount / 64, margin: 1.01, improbability: 1, delay: 1, reach: 1 });
    const { source, target, nodes } = prepared.terms;
    const [took, { carried, sent }] = timed(() => minCostFlow(nodes, arcs, source, target, amount));
    if (sent < amount) continue;
    const [other, cost] = timed(() => pushRelabel(nodes, arcs, [source, target], amount, LONGEST));
    ours.push(took);
    if (cost === undefined) note(`${row}: push-relabel was given up after ${LONGEST} ms`);
    else theirs.push(other);
    const same = costOf(arcs, carried);
    if (cost !== undefined && Math.abs(cost - same) > 1e-9 * same)
      note(`${row}: push-relabel found ${cost}, not ${same}`);
  }
  put(`${row}, solver alone`, 'median', quantile(ours, 0.5));
  put(`${row}, push-relabel`, 'median', quantile(theirs, 0.5));
};

export const bench: Bench = {
  name: 'flows',
  about: 'a minimum-cost flow through a network of the real size',
  run: (scope) => {
    const { table, put, note } = scope;
    const { file, compact, search, connection, name } = bigNetwork();
    table(`a flow through ${file.channels} channels, ${name}`, 'ms of CPU');
    for (const sat of amounts) {
      const context: RouteContext = {
        ...{
          graph: { compact, search, connection },
          outlets: outletsFor(sat),
          source: pointOfNode(2 ** 24),
          hints: [],
        },
        ...{ tlvOnly: () => true, now: () => ANNOUNCED },
      };
      const next = random(3);
      const queries = Array.from({ length: DESTINATIONS }, () => queryFor(Math.floor(next() * KNOWN), sat));
      for (const query of queries.slice(0, 10)) findFlow(context, query);
      const found: FlowQuery[] = [];
      const [took, parts, none]: [number[], number[], number[]] = [[], [], []];
      for (const query of queries) {
        const [ms, routes] = timed(() => findFlow(context, query));
        if (routes === undefined) {
          none.push(ms);
          continue;
        }
        found.push(query);
        took.push(ms);
        parts.push(routes.length);
      }
      const row = `${sat} sat`;
      put(row, 'median', quantile(took, 0.5));
      put(row, 'p95', quantile(took, 0.95));
      put(row, 'slowest', quantile(took, 1));
      put(row, 'parts', quantile(parts, 0.5));
      put(row, 'most parts', quantile(parts, 1));
      put(row, 'found', took.length);
      put(row, 'none: slowest', none.length === 0 ? 0 : quantile(none, 1));
      compare(scope, context, found.slice(0, COMPARED), row);
    }
    note(
      `${DESTINATIONS} destinations, five outlets; of those that can be paid so much, and the longest of the others`,
    );
  },
};
