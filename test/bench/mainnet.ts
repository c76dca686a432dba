/**
 * The work that Core Lightning's developers give their router, on the real graph that they publish: AMPERE_GOSSMAP names the file, and
 * node 2134 is the leaf's peer. Their figures: 95 destinations for 8,026,484 msat together as asked first, and for 925,406 msat
 * where each is asked again for one msat less until nothing is found. Then the payments themselves, over balances that nobody knows.
 */
import { preferences } from '../../node/graph/likelihood.ts';
import { readGraphFile } from '../../node/simulate/graphfile.ts';
import type { SimGraph } from '../../node/simulate/network.ts';
import { networkOf } from '../../node/simulate/simulation.ts';
import { pay, possible, withNode } from '../support/hidden.ts';
import { flow, leafOf, singlePath, work } from '../support/routework.ts';
import { type Bench, median, type Scope } from './harness.ts';

const [PEER, AMOUNT] = [2134, 100_000_000n];
/** A hundred but those that they do not reach. */
const UNREACHED: ReadonlySet<number> = new Set([19, 53, 69, 72, 86]);
const destinations = Array.from({ length: 100 }, (_, node) => node).filter((node) => !UNREACHED.has(node));

/** Msat; from a leaf of the network, and from a node with channels to the five best connected ones. */
const HIDDEN = [
  { sat: 100_000, peers: [PEER] },
  { sat: 10_000_000, peers: [0, 1, 2, 3, 4] },
];
/** Sat of the payer's own channels, so that they are not what limits it. */
const OWN = 1_000_000_000;
const PLANS = [
  ['single', 'single'],
  ['halving', 'tree'],
  ['congestion', 'tree'],
  ['flow', 'tree'],
] as const;

const answers = ({ table, put, note }: Scope, graph: SimGraph): void => {
  const of = { graph, peer: PEER, amount: AMOUNT };
  table(`100,000 sat from a leaf to each of ${destinations.length} nodes, within 0.5 % of fees`, 'msat, ppm and ms');
  for (const prefer of preferences)
    for (const [name, router] of [
      ['path', singlePath],
      ['flow', flow],
    ] as const) {
      const thrifty = router === singlePath;
      const done = work(of, leafOf(of, { prefer }), router, destinations, { thrifty, now: () => performance.now() });
      const row = `${prefer}, ${name}`;
      put(row, 'reached', done.reached.length);
      put(row, 'fees', Number(done.fees));
      put(row, 'likely', 1e6 * done.probability);
      if (thrifty) put(row, 'least fees', Number(done.leastFees));
      if (thrifty) put(row, 'likely then', 1e6 * done.leastProbability);
      put(row, 'median ms', median(done.times));
    }
  note('fees of all together; likely: the mean probability that all channels of an answer carry it');
};

const payments = async ({ table, put, note }: Scope, graph: SimGraph): Promise<void> => {
  for (const { sat, peers } of HIDDEN) {
    const network = networkOf(withNode(graph, peers, OWN));
    const payees = destinations.filter((node) => !peers.includes(node));
    table(
      `${sat.toLocaleString('en-US')} sat to each of ${payees.length} nodes, over balances that nobody knows`,
      'seconds of the network',
    );
    for (const [strategy, scheme] of PLANS) {
      const all = await pay(network, { strategy, scheme, redundancy: 0 }, payees, 1000 * sat);
      const delivered = all.filter(({ result }) => result === 'delivered');
      put(strategy, 'delivered', delivered.length);
      put(strategy, 'attempts', all.reduce((sum, { attempts }) => sum + attempts, 0) / all.length);
      put(strategy, 'parts', delivered.reduce((sum, { parts }) => sum + parts, 0) / delivered.length);
      put(strategy, 'median s', median(delivered.map(({ begunAt, endedAt }) => (endedAt - begunAt) / 1000)));
      for (const { payee, result, why = result } of all)
        if (result !== 'delivered') note(`${strategy} to node ${payee}: ${why}`);
      put(strategy, 'slowest s', Math.max(...delivered.map(({ begunAt, endedAt }) => (endedAt - begunAt) / 1000)));
    }
    note(`were all balances known, ${possible(network, payees, 1000 * sat)} could be paid; a hop takes 0.1 s each way`);
  }
};

export const bench: Bench = {
  name: 'mainnet',
  about: "Core Lightning's work for a router, on the graph in AMPERE_GOSSMAP",
  run: async (scope) => {
    const path = process.env['AMPERE_GOSSMAP'];
    if (path === undefined) scope.note('AMPERE_GOSSMAP names no file of the real graph: nothing was measured');
    else {
      const { graph } = readGraphFile(path);
      answers(scope, graph);
      await payments(scope, graph);
    }
  },
};
