/** A peer that publishes an old commitment, with the HTLC transactions behind it, loses everything to a victim that comes back in time. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { Endings } from '../support/ending.ts';
import { built } from '../support/regtest.ts';

type Name = 'alice' | 'bob';

let network: Network<Name>;
let endings: Endings<Name>;
beforeAll(async () => {
  built('node/main.js');
  network = await startNetwork<Name>({ nodes: { alice: [], bob: [] }, flags: ['--dev', '--allow-static-remotekey'] });
  endings = new Endings(network);
  const small = Array<bigint>(4).fill(60_000n);
  await network.fund({ alice: [...Array<bigint>(4).fill(1_010_000n), ...small], bob: small });
});
afterAll(() => network?.stop());

const capacity = 1_000_000n;
const pushed = 500_000n;

describe.each([
  // With anchors an HTLC transaction waits for a block on the commitment; then a victim who looks on has it already.
  ['anchors', [12, 22], { there: 0, away: 1 }],
  ['static_remotekey', [12], { there: 1, away: 1 }],
] as const)('a thief in a channel with %s', (_, type, stages) => {
  test.each([
    ['who looks on', false],
    ['who was away, and finds it three blocks deep', true],
  ] as const)(`a thief in a channel with ${type} gains nothing from a victim %s`, async (_, away) => {
    const { alice, bob } = network.nodes;
    const channel = await endings.open('alice', 'bob', capacity, pushed, type);
    await endings.ignore(bob, alice, true);
    await endings.ignore(alice, bob, true);
    const there = await endings.pay(alice, bob, 50_000_000n, { channel, peer: alice });
    const back = await endings.pay(bob, alice, 40_000_000n, { channel, peer: bob });
    const { commitment_number: number } = await bob.call('dev-remember-commitment', { id: channel.id });
    // Life goes on: both are paid, and bob then gives most of what he had.
    await endings.ignore(bob, alice, false);
    await endings.ignore(alice, bob, false);
    for (const payment of [there, back]) expect(await endings.outcome(payment)).toBe('complete');
    const { bolt11 } = await alice.call('invoice', {
      amount_msat: 300_000_000n,
      label: channel.id,
      description: 'gone',
    });
    await bob.call('pay', { bolt11 });
    await until('no HTLC left', async () => {
      const { htlcs = [] } = (await endings.channel(bob, channel.id)) ?? {};
      return htlcs.length === 0 ? true : undefined;
    });
    const { invoices } = await bob.call('listinvoices', { label: there.label });
    const preimages = invoices.flatMap(({ payment_preimage }) => payment_preimage ?? []);
    const wallet = await endings.wallet(alice);

    if (away) await alice.kill();
    const theft = await bob.call('dev-broadcast-commitment', { id: channel.id, number, preimages, htlcs: true });
    await network.mine(1);
    const made = [...theft.htlcs];
    if (away) {
      // The HTLC-success transaction that his preimage allows; whoever publishes it again may find it published.
      const again = await bob.call('dev-broadcast-commitment', { id: channel.id, number, preimages, htlcs: true });
      made.push(...again.htlcs);
      await network.mine(3);
      await alice.start();
    }
    await endings.reaches(alice, channel.id, 'ONCHAIN');
    const ending = await endings.sweep(channel);
    expect(ending.txs[0]?.getId()).toBe(theft.txid);
    const mined = new Set(ending.txs.map((tx) => tx.getId()));
    const second = made.flatMap(({ txid }) => (txid !== undefined && mined.has(txid) ? [txid] : []));
    expect(new Set(second).size).toBe(stages[away ? 'away' : 'there']);
    expect(ending.gained.bob).toBeLessThanOrEqual(0n);
    expect(ending.gained.alice).toBe(
      capacity - ending.closingFee - ending.litter - ending.fees.alice - ending.fees.bob - ending.gained.bob,
    );
    expect((await endings.wallet(alice)) - wallet).toBe(ending.gained.alice);
    expect(ending.gained.alice).toBeGreaterThan(capacity - 20_000n);
  });
});
