/** Three nodes in a line, the far channel of which ends on the chain: what happens there travels to the payer, no sooner and no later. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { Endings, type Held } from '../support/ending.ts';
import { built } from '../support/regtest.ts';

type Name = 'alice' | 'bob' | 'carol';

let network: Network<Name>;
let endings: Endings<Name>;
/** The last between bob and carol. */
let last: Held | undefined;
beforeAll(async () => {
  built('node/main.js');
  network = await startNetwork<Name>({ nodes: { alice: [], bob: [], carol: [] }, flags: ['--dev'] });
  endings = new Endings(network);
  const small = Array<bigint>(3).fill(60_000n);
  await network.fund({ alice: [1_050_000n], bob: [1_050_000n, 1_050_000n, ...small], carol: small });
});
afterAll(() => network?.stop());

const amount = 100_000_000n;

/** A channel from bob to carol, after the one from alice to bob, and a payment of alice's that carol leaves alone. */
const heldPayment = async () => {
  const { alice, bob, carol } = network.nodes;
  const near = last === undefined ? [{ from: 'alice', to: 'bob', sat: 1_000_000n } as const] : [];
  const opened = (await network.open([...near, { from: 'bob', to: 'carol', sat: 1_000_000n }])).at(-1);
  if (opened === undefined) throw new Error('no channel');
  const channel = { id: opened.channelId, funding: opened.funding };
  last = channel;
  await endings.ignore(carol, bob, true);
  return { far: channel, payment: await endings.pay(alice, carol, amount, { channel, peer: bob }) };
};

const usable = async (): Promise<boolean> => {
  const { channels } = await network.nodes.alice.call('listpeerchannels');
  return channels.some(({ state, htlcs }) => state === 'CHANNELD_NORMAL' && htlcs.length === 0);
};

test('the preimage of an HTLC claimed on chain fulfils the incoming HTLC upstream', async () => {
  const { alice, bob, carol } = network.nodes;
  const { far, payment } = await heldPayment();
  const before = (await endings.channel(bob, far.id))?.to_us_msat ?? 0n;
  await endings.forceClose(carol, far.id);
  await network.mine(1);
  await endings.reaches(carol, far.id, 'ONCHAIN');
  expect(await endings.standing(payment)).toBe('pending');
  await endings.ignore(carol, bob, false);
  // Seen in the mempool or in the next block, whichever bob looks at first.
  await network.mine(1);
  expect(await endings.outcome(payment)).toBe('complete');
  const { invoices } = await carol.call('listinvoices', { label: payment.label });
  expect(invoices[0]).toMatchObject({ status: 'paid' });
  await until("alice's channel to be at rest", async () => ((await usable()) ? true : undefined));
  const ending = await endings.sweep(far);
  expect(ending.gained.carol).toBe(amount / 1000n + ending.anchors.carol - ending.fees.carol);
  expect(ending.gained.bob).toBe(
    before / 1000n - ending.closingFee - ending.litter - ending.anchors.carol - ending.fees.bob,
  );
  const { fees_collected_msat } = await bob.call('getinfo');
  const [pay] = (await alice.call('listpays', { payment_hash: payment.hash })).pays;
  expect(fees_collected_msat).toBe((pay?.amount_sent_msat ?? 0n) - amount);
});

test('an HTLC that nobody claims is failed upstream six blocks after its timeout confirmed, not before', async () => {
  const { bob } = network.nodes;
  const { far, payment } = await heldPayment();
  const expiry = (await endings.channel(bob, far.id))?.htlcs[0]?.expiry ?? 0;
  await endings.forceClose(bob, far.id);
  let height = await network.mine(1);
  await endings.reaches(bob, far.id, 'ONCHAIN');
  height = await network.mine(expiry - height);
  await until("bob's HTLC-timeout transaction", async () => {
    const { status = [] } = (await endings.channel(bob, far.id)) ?? {};
    return status.some((line) => /htlc_timeout .* claimed by/.test(line)) ? true : undefined;
  });
  await network.mine(5);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(await endings.standing(payment)).toBe('pending');
  await network.mine(1);
  expect(await endings.outcome(payment)).toBe('failed');
  await until("alice's channel to be at rest", async () => ((await usable()) ? true : undefined));
  const ending = await endings.sweep(far);
  expect(ending.gained.carol).toBe(0n);
});
