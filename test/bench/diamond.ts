/**
 * One payment in four shards over two forwarders, by each scheme, one after the other in the same run: four nodes, processes of
 * their own with real TCP, synced disks and a chain behind them. `dynamic` keeps its last share back
 * where it does not know its routes, and takes longer then.
 */
import { schemeNames } from '../../amp/schemes.ts';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { type Bench, median, type Scope } from './harness.ts';

type Name = 'payer' | 'left' | 'right' | 'payee';

const capacity = 8_000_000n;
const amount = 40_000_000n;
/** Payments by each scheme, in turns so that all meet the same machine; and those before them, which count for nothing. */
const counts = { warm: 4, measured: 15 } as const;

const milliseconds = async ({ nodes }: Network<Name>, scheme: string): Promise<number> => {
  const from = performance.now();
  const params = { destination: nodes.payee.id, amount_msat: amount, scheme, shards: 4 };
  const { parts } = await nodes.payer.call('keysend', params);
  if (parts !== 4) throw new Error(`${scheme}: the payment came in ${parts} parts`);
  return performance.now() - from;
};

const measure = async (scope: Scope, network: Network<Name>): Promise<void> => {
  const took = new Map<string, number[]>(schemeNames.map((scheme) => [scheme, []]));
  for (let turn = 0; turn < counts.warm + counts.measured; turn++)
    for (const [scheme, figures] of took) {
      const figure = await milliseconds(network, scheme);
      if (turn >= counts.warm) figures.push(figure);
    }
  const fixed = median(took.get('fixed') ?? []);
  for (const [scheme, figures] of took) {
    scope.put(scheme, 'ms a payment', median(figures));
    scope.put(scheme, 'times fixed', median(figures) / fixed);
  }
};

export const bench: Bench = {
  name: 'diamond',
  about: 'one payment in four shards over two forwarders, by each scheme',
  run: async (scope) => {
    const network = await startNetwork<Name>({
      nodes: { payer: [], left: [], right: [], payee: [] },
      flags: ['--log-level', 'warn'],
      embedded: true,
    });
    try {
      const coin = capacity + 200_000n;
      await network.fund({ payer: [coin, coin], left: [coin], right: [coin] });
      await network.open([
        { from: 'payer', to: 'left', sat: capacity },
        { from: 'payer', to: 'right', sat: capacity },
        { from: 'left', to: 'payee', sat: capacity },
        { from: 'right', to: 'payee', sat: capacity },
      ]);
      scope.table('A payment in four shards over two forwarders');
      await measure(scope, network);
      scope.note(
        'Medians. dynamic keeps nothing back here: its routes have just carried as much, which is as good as a probe.',
      );
    } finally {
      await network.stop();
    }
  },
};
