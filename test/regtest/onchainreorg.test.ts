/** A close and its claims taken out of the chain again and again, up to six blocks deep: the end is that of the chain that stays. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
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
  await network.fund({ alice: [...Array<bigint>(3).fill(1_010_000n), ...small], bob: small });
  // Their coins stay where they are whatever happens to the last blocks.
  await network.mine(8);
});
afterAll(() => network?.stop());

const capacity = 1_000_000n;
const pushed = 300_000n;

test.each([
  ['anchors', [12, 22]],
  ['static_remotekey', [12]],
] as const)('after a reorg every claim of a channel with %s is made again', async (_, type) => {
  const { alice, bob } = network.nodes;
  const channel = await endings.open('alice', 'bob', capacity, pushed, type);
  await network.mine(8);
  await endings.ignore(bob, alice, true);
  await endings.ignore(alice, bob, true);
  const there = await endings.pay(alice, bob, 50_000_000n, { channel, peer: alice });
  const back = await endings.pay(bob, alice, 40_000_000n, { channel, peer: bob });
  const wallets = { alice: await endings.wallet(alice), bob: await endings.wallet(bob) };
  await endings.forceClose(alice, channel.id);
  for (let depth = 1; depth <= 6; depth++) {
    // The commitment in the first of these blocks, claims in those after it; then none of them.
    for (let i = 0; i < depth; i++) await network.mine(1);
    for (const node of [alice, bob]) await endings.reaches(node, channel.id, 'ONCHAIN');
    if (depth === 1) {
      await endings.ignore(bob, alice, false);
      await endings.ignore(alice, bob, false);
    }
    await endings.reorganize(depth);
    for (const node of [alice, bob]) await endings.reaches(node, channel.id, 'AWAITING_UNILATERAL');
    if (depth % 3 === 0) {
      await alice.kill();
      await alice.start();
    }
  }
  // Once alice's was taken out, bob publishes his as well: whichever stays, the shares are the same, and who pushes it has
  // the anchor that alice paid for.
  const ending = await endings.sweep(channel);
  for (const payment of [there, back]) expect(await endings.outcome(payment)).toBe('complete');
  const { gained, fees, closingFee, litter, anchors } = ending;
  expect(gained.bob).toBe(pushed + 10_000n + anchors.bob - fees.bob);
  expect(gained.alice).toBe(capacity - pushed - 10_000n - closingFee - litter - anchors.bob - fees.alice);
  for (const name of ['alice', 'bob'] as const)
    expect((await endings.wallet(network.nodes[name])) - wallets[name]).toBe(gained[name]);
});
