/**
 * Payments per second between two nodes, processes of their own with real TCP, synced disks and a real chain behind them,
 * over one channel: one after the other, and with a hundred callers at once. A payment counts when its payer has its preimage.
 */
import { findBitcoind, NoBitcoind } from '../../node/regtest/demo/find.ts';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import type { Bench, Scope } from './harness.ts';

type Name = 'payer' | 'payee';

const capacity = 16_000_000n;
const callers = 100;
/** Payments of each figure, and those before it that count for nothing. */
const counts = { one: 300, many: 1_500, warm: 50 } as const;

const dust = 1_000n;
const large = 3_000_000n;

/** Makes payments: each call is one, begun and ended. */
type Pay = () => Promise<unknown>;

const makeInvoices = async (network: Network<Name>, prefix: string, count: number, amount: bigint) => {
  const { payee } = network.nodes;
  const made: string[] = [];
  for (let at = 0; at < count; at += callers) {
    const batch = Array.from({ length: Math.min(callers, count - at) }, (_, i) =>
      payee.call('invoice', { amount_msat: amount, label: `${prefix} ${at + i}`, description: prefix }),
    );
    for (const { bolt11 } of await Promise.all(batch)) made.push(bolt11);
  }
  return made;
};

/** Ordinary invoices made beforehand, one HTLC each. */
const byInvoice = async (network: Network<Name>, prefix: string, count: number, amount: bigint): Promise<Pay> => {
  const invoices = await makeInvoices(network, prefix, count, amount);
  let next = 0;
  return () => {
    const bolt11 = invoices[next++];
    if (bolt11 === undefined) throw new RangeError('more payments than invoices');
    return network.nodes.payer.call('pay', { bolt11, shards: 1 });
  };
};

/** Spontaneous payments: an extra onion blob each, a set of one. */
const byKeysend =
  ({ nodes }: Network<Name>, amount: bigint): Pay =>
  () =>
    nodes.payer.call('keysend', { destination: nodes.payee.id, amount_msat: amount, scheme: 'fixed', shards: 1 });

/** Payments per second with so many callers, each paying again as soon as it has paid. */
const rateOf = async (pay: Pay, count: number, at: number): Promise<number> => {
  let left = count;
  const from = performance.now();
  await Promise.all(
    Array.from({ length: at }, async () => {
      while (left-- > 0) await pay();
    }),
  );
  return count / ((performance.now() - from) / 1000);
};

const measure = async (scope: Scope, column: string, pay: Pay): Promise<void> => {
  await rateOf(pay, counts.warm, 10);
  scope.put('one at a time', column, await rateOf(pay, counts.one, 1));
  scope.put(`${callers} at once`, column, await rateOf(pay, counts.many, callers));
};

export const bench: Bench = {
  name: 'payments',
  about: 'payments between two node processes over one channel, synced to disk',
  run: async (scope) => {
    try {
      await findBitcoind();
    } catch (error) {
      if (!(error instanceof NoBitcoind)) throw error;
      scope.note(`payments: left out. ${error.message}`);
      return;
    }
    const network = await startNetwork<Name>({
      nodes: { payer: [], payee: [] },
      flags: ['--log-level', 'warn', '--fee-base', '0'],
    });
    try {
      await network.fund({ payer: [capacity + 100_000n] });
      await network.open([{ from: 'payer', to: 'payee', sat: capacity }]);
      scope.table('Payments over one channel, sync on');
      const each = counts.warm + counts.one + counts.many;
      await measure(scope, 'invoice, 1 sat (dust)', await byInvoice(network, 'dust', each, dust));
      await measure(scope, 'invoice, 3,000 sat', await byInvoice(network, 'large', each, large));
      await measure(scope, 'AMP, 3,000 sat', byKeysend(network, large));
      scope.note(
        'Invoices are made beforehand. An HTLC of 1 sat has no output of its own in a commitment, so no signature.',
      );
      scope.note('AMP: spontaneous, scheme fixed, one share in an extra onion blob.');
    } finally {
      await network.stop();
    }
  },
};
