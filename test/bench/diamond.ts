/**
 * Payments in many shards over two-hop routes, by each scheme, one after the other in the same run: every node is a process of its own
 * with real TCP, a synced disk and a chain behind it. The amounts need every route. `dynamic` keeps its last share back where it does
 * not know its routes, and takes longer then.
 */
import { readFileSync } from 'node:fs';
import { DEPLOYED } from '../../amp/deployed.ts';
import { schemeNames } from '../../amp/schemes.ts';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { restingBalances } from '../support/regtest.ts';
import { type Bench, median, type Scope } from './harness.ts';

const forwarders = ['ada', 'bea', 'cleo', 'dora'] as const;
type Name = 'payer' | 'payee' | (typeof forwarders)[number];

const sizes = [4, 16] as const;

const capacity = 8_000_000n;
/** In msat: more than three routes carry; and what the payee is given at the start beyond what it pays back each time. */
const amount = 25_000_000_000n;
const lead = 1_000_000_000n;
/** Payments by each scheme, in turns so that all meet the same machine; and those before them, which count for nothing. */
const counts = { warm: 3, measured: 9 } as const;

/** Milliseconds of CPU that the nodes have had, where the system says so as Linux does: in hundredths of a second. */
const cpuOf = ({ nodes, names }: Network<Name>): number | undefined => {
  try {
    const fields = names.map((name) => readFileSync(`/proc/${nodes[name].pid}/stat`, 'utf8').split(' '));
    return fields.reduce((sum, { 13: user, 14: system }) => sum + 10 * (Number(user) + Number(system)), 0);
  } catch {
    return undefined;
  }
};

interface Cost {
  readonly took: number;
  /** Of all nodes together, until no HTLC is left. */
  readonly cpu: number | undefined;
}

const pay = async (network: Network<Name>, scheme: string, shards: number): Promise<Cost> => {
  const { payer, payee } = network.nodes;
  const [before, from] = [cpuOf(network), performance.now()];
  const { parts } = await payer.call('keysend', { destination: payee.id, amount_msat: amount, scheme, shards });
  const took = performance.now() - from;
  if (parts !== shards) throw new Error(`${scheme}: the payment came in ${parts} parts`);
  await restingBalances(network);
  const after = cpuOf(network);
  await payee.call('keysend', { destination: payer.id, amount_msat: amount, scheme: 'fixed' });
  await restingBalances(network);
  return { took, cpu: before === undefined || after === undefined ? undefined : after - before };
};

const measure = async (scope: Scope, network: Network<Name>, shards: number): Promise<void> => {
  const costs = new Map<string, Cost[]>([...schemeNames, DEPLOYED].map((scheme) => [scheme, []]));
  for (let turn = 0; turn < counts.warm + counts.measured; turn++)
    for (const [scheme, figures] of costs) {
      const cost = await pay(network, scheme, shards);
      if (turn >= counts.warm) figures.push(cost);
    }
  const middle = (scheme: string): number => median((costs.get(scheme) ?? []).map(({ took }) => took));
  for (const [scheme, figures] of costs) {
    scope.put(scheme, 'ms a payment', middle(scheme));
    scope.put(scheme, 'times fixed', middle(scheme) / middle('fixed'));
    const cpu = figures.flatMap((one) => one.cpu ?? []);
    if (cpu.length > 0) scope.put(scheme, 'ms of CPU, all nodes', median(cpu));
  }
};

export const bench: Bench = {
  name: 'diamond',
  about: 'one payment in 4 and in 16 shards over four forwarders, by each scheme',
  run: async (scope) => {
    const nodes = { payer: [], ada: [], bea: [], cleo: [], dora: [], payee: [] };
    const network = await startNetwork<Name>({ nodes, flags: ['--log-level', 'warn'], embedded: true });
    try {
      const coin = capacity + 200_000n;
      await network.fund({ payer: forwarders.map(() => coin), ada: [coin], bea: [coin], cleo: [coin], dora: [coin] });
      const ways = forwarders.map((name) => [
        { from: 'payer', to: name, sat: capacity } as const,
        { from: name, to: 'payee', sat: capacity } as const,
      ]);
      await network.open(ways.flat());
      const { payer, payee } = network.nodes;
      await payer.call('keysend', { destination: payee.id, amount_msat: lead, shards: forwarders.length });
      for (const shards of sizes) {
        scope.table(`A payment in ${shards} shards over four forwarders`, 'medians');
        await measure(scope, network, shards);
      }
      scope.note('dynamic keeps nothing back here: its routes have just carried as much, which is as good as a probe.');
      scope.note('The CPU includes what is still done after the payer has its preimages, until no HTLC is left.');
    } finally {
      await network.stop();
    }
  },
};
