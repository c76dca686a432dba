/** A disk that fails at a save: the node ends and says why, nothing that hung on the save was said, and the next start goes on. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { built } from '../support/regtest.ts';

type Name = 'alice' | 'bob';
const names = ['alice', 'bob'] as const;
const amount = 5_000_000n;

let network: Network<Name>;
beforeAll(async () => {
  built('node/main.js');
  network = await startNetwork<Name>({ nodes: { alice: [], bob: [] }, flags: ['--dev'] });
  await network.fund({ alice: [2_000_000n] });
  await network.open([{ from: 'alice', to: 'bob', sat: 1_000_000n }]);
});
afterAll(() => network?.stop());

const channelOf = async (name: Name) => (await network.nodes[name].call('listpeerchannels')).channels[0];

describe('a payee whose disk fails', () => {
  test.each([
    // What bob must have on his disk before he revokes, and before he shows a preimage.
    ['before it has an HTLC', 'channel/*/head', 0],
    ['before it says that it is paid', 'receiver/set/*', 1],
  ] as const)('a payee whose disk fails %s stops, and is paid after a restart', async (_, keys, htlcs) => {
    const { alice, bob } = network.nodes;
    const label = keys;
    const { bolt11, payment_hash } = await bob.call('invoice', { amount_msat: amount, label, description: label });
    await bob.call('dev-fail-save', { point: keys });
    const paying = alice.call('pay', { bolt11 }).catch(() => undefined);
    await until('bob to end', async () => (bob.running ? undefined : true));
    await expect(bob.call('getinfo')).rejects.toThrow('exit code 1 ');
    expect(bob.logTail()).toContain('dev-fail-save says so');
    // Alice knows of no HTLC that bob has not kept, and of no preimage.
    const acked = ((await channelOf('alice'))?.htlcs ?? []).filter(({ state }) => state.endsWith('ADD_ACK_COMMIT'));
    expect(acked).toHaveLength(htlcs);
    expect((await alice.call('listpays', { payment_hash })).pays).toMatchObject([{ status: 'pending' }]);

    await bob.start();
    await paying;
    await until('no HTLC left', async () => {
      for (const name of names) if ((await channelOf(name))?.htlcs.length !== 0) return undefined;
      return true;
    });
    const [pay] = (await alice.call('listpays', { payment_hash })).pays;
    const [invoice] = (await bob.call('listinvoices', { label })).invoices;
    expect([pay?.status, invoice?.status]).toEqual(['complete', 'paid']);
    const [a, b] = [await channelOf('alice'), await channelOf('bob')];
    expect((a?.to_us_msat ?? 0n) + (b?.to_us_msat ?? 0n)).toBe(1_000_000_000n);
  });
});
