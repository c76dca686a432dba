/** Sixty payments under way over a line of three nodes, one of them killed: no HTLC is left over and no millisatoshi missing. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { built } from '../support/regtest.ts';

type Name = 'alice' | 'bob' | 'carol';
const names = ['alice', 'bob', 'carol'] as const;
const amount = 5_000_000n;
const count = 60;

let network: Network<Name>;
beforeAll(async () => {
  built('node/main.js');
  network = await startNetwork<Name>({ nodes: { alice: [], bob: [], carol: [] } });
  await network.fund({ alice: [20_000_000n], bob: [20_000_000n] });
  await network.open([
    { from: 'alice', to: 'bob', sat: 15_000_000n },
    { from: 'bob', to: 'carol', sat: 15_000_000n },
  ]);
});
afterAll(async () => {
  await network.stop();
});

const channelsOf = async (name: Name) => (await network.nodes[name].call('listpeerchannels')).channels;
const heldBy = async (name: Name): Promise<bigint> => {
  let sum = 0n;
  for (const { to_us_msat } of await channelsOf(name)) sum += BigInt(to_us_msat);
  return sum;
};
/** Nothing under way on any channel, no payment pending. */
const quiet = async (): Promise<true | undefined> => {
  for (const name of names) for (const { htlcs } of await channelsOf(name)) if (htlcs.length > 0) return undefined;
  const { pays } = await network.nodes.alice.call('listpays', { status: 'pending' });
  return pays.length === 0 ? true : undefined;
};

describe('when a node is killed while sixty payments pass', () => {
  test.each([
    ['the forwarder', 'bob'],
    ['the payer', 'alice'],
    ['the payee', 'carol'],
  ] as const)(
    'sixty payments end the same on both sides when %s is killed while they are under way',
    async (_, victim) => {
      const { alice, carol } = network.nodes;
      const invoices: string[] = [];
      for (let i = 0; i < count; i++) {
        const label = `${victim} ${i}`;
        invoices.push((await carol.call('invoice', { amount_msat: amount, label, description: victim })).bolt11);
      }
      const calls = invoices.map((bolt11) => alice.call('pay', { bolt11 }).catch(() => undefined));
      await until('some of them to be paid', async () => {
        const { invoices: made } = await carol.call('listinvoices');
        return made.some(({ status, label }) => status === 'paid' && label.startsWith(victim)) ? true : undefined;
      });
      await network.nodes[victim].kill();
      await network.nodes[victim].start();
      await Promise.all(calls);
      await until('all HTLCs to end', quiet, { timeout: 120_000 });

      const { invoices: made } = await carol.call('listinvoices');
      const paid = made.filter(({ status }) => status === 'paid');
      const { pays } = await alice.call('listpays', { status: 'complete' });
      expect(paid.length).toBe(pays.length);
      expect(paid.length).toBeGreaterThan(0);
      expect(await heldBy('carol')).toBe(amount * BigInt(paid.length));
      const all = (await heldBy('alice')) + (await heldBy('bob')) + (await heldBy('carol'));
      expect(all).toBe(30_000_000_000n);
    },
  );
});
