/**
 * The work that Core Lightning's developers give their router, on the real graph that they publish: AMPERE_GOSSMAP names the file, and
 * node 2134 is the leaf's peer. Their figures: 95 destinations for 8,026,484 msat together as asked first, and for 925,406 msat
 * where each is asked again for one msat less until nothing is found.
 */
import { readGraphFile } from '../../node/simulate/graphfile.ts';
import { flow, leafOf, type Router, singlePath, work } from '../support/routework.ts';
import { type Bench, median, type Scope } from './harness.ts';

const [PEER, AMOUNT] = [2134, 100_000_000n];
/** A hundred but those that they do not reach. */
const UNREACHED: ReadonlySet<number> = new Set([19, 53, 69, 72, 86]);
const destinations = Array.from({ length: 100 }, (_, node) => node).filter((node) => !UNREACHED.has(node));

const routers: readonly (readonly [name: string, router: Router, thrifty: boolean])[] = [
  ['single path', singlePath, true],
  ['flow', flow, false],
];

const measure = ({ table, put, note }: Scope, path: string): void => {
  const { graph } = readGraphFile(path);
  const of = { graph, peer: PEER, amount: AMOUNT };
  const context = leafOf(of);
  table(`100,000 sat from a leaf to each of ${destinations.length} nodes, within 0.5 % of fees`, 'msat, ppm and ms');
  for (const [name, router, thrifty] of routers) {
    const done = work(of, context, router, destinations, { thrifty, now: () => performance.now() });
    put(name, 'reached', done.reached.length);
    put(name, 'fees', Number(done.fees));
    put(name, 'likely', 1e6 * done.probability);
    if (thrifty) put(name, 'least fees', Number(done.leastFees));
    if (thrifty) put(name, 'likely then', 1e6 * done.leastProbability);
    put(name, 'median ms', median(done.times));
  }
  note('fees of all together; likely: the mean probability that all channels of an answer carry it');
};

export const bench: Bench = {
  name: 'mainnet',
  about: "Core Lightning's work for a router, on the graph in AMPERE_GOSSMAP",
  run: (scope) => {
    const path = process.env['AMPERE_GOSSMAP'];
    if (path === undefined) scope.note('AMPERE_GOSSMAP names no file of the real graph: nothing was measured');
    else measure(scope, path);
  },
};
