/** A payee, or a forwarder, that could not pay for a claim on chain tells no preimage of value over a channel with anchors. */

import { afterEach, expect, test } from 'vitest';
import { costOf } from '../../amp/claimable.ts';
import type { AtStake, Claiming } from '../../amp/io.ts';
import { defaultReserve } from '../../node/channels/anchorreserve.ts';
import { canForward, claimBudgetOf, claimCosts } from '../../node/channels/claimbudget.ts';
import { msat, sat } from '../../wire/units.ts';
import { type LocalPair, startPair } from '../support/pair.ts';

const pairs: LocalPair[] = [];
afterEach(async () => {
  for (const pair of pairs.splice(0)) await pair.stop();
});

const elsewhere = 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080';

/** A channel of alice's with bob, who spent all of his coins since. */
const withPoorPayee = async (flags: Readonly<Record<string, string>>) => {
  const pair = await startPair(flags);
  pairs.push(pair);
  const { alice, bob } = pair.nodes;
  await pair.endow('alice', 1_100_000n);
  await pair.endow('bob', 50_000n);
  await pair.open(1_000_000n);
  await bob.call('withdraw', { destination: elsewhere, satoshi: 'all', use_reserve: true });
  await pair.mine();
  let bills = 0;
  const pays = async (amount: bigint) => {
    const { bolt11 } = await bob.call('invoice', { amount_msat: amount, label: `${++bills}`, description: '' });
    return alice.call('pay', { bolt11, retry_for: 2 }).then(
      ({ status }) => status,
      (error: Error) => error.message,
    );
  };
  return { pair, pays };
};

test('a payment of value goes back, a small one is taken, and all once there are coins', async () => {
  const { pair, pays } = await withPoorPayee({ 'anchor-reserve': '25000' });
  expect(await pays(600_000_000n)).toMatch(/^gave up: the time to retry was over; the last failure was \w+ at node/);
  expect(
    pair.logs.bob.filter((line) => line.includes('the wallet is too short to claim its HTLCs on chain')),
  ).toHaveLength(1);
  // Worth less than a claim: nothing more is lost without coins than with them.
  expect(await pays(3_000_000n)).toBe('complete');
  await pair.endow('bob', 30_000n);
  expect(await pays(600_000_000n)).toBe('complete');
});

test('with the reserve a payee claims in time what a payer owes who takes the preimage and falls silent', async () => {
  const pair = await startPair({ 'anchor-reserve': '25000' });
  pairs.push(pair);
  const { alice, bob } = pair.nodes;
  await pair.endow('alice', 1_100_000n);
  await pair.endow('bob', 25_000n);
  const id = await pair.open(1_000_000n);
  const { bolt11 } = await bob.call('invoice', { amount_msat: 600_000_000n, label: 'a', description: '' });
  await alice.call('dev-disconnect', { rules: ['xWIRE_REVOKE_AND_ACK*2'] });
  const { payment_preimage: preimage } = await alice.call('pay', { bolt11 });
  expect(preimage).toBeDefined();
  const [htlc] = (await pair.channel('bob', id))?.htlcs ?? [];
  const expiry = htlc?.expiry ?? 0;
  expect(expiry).toBeGreaterThan(0);
  // Fees are twice what the commitment pays by the time it must be in a block.
  while (pair.ground.regtest.ledger.tip.height < expiry - 18) await pair.mine();
  pair.ground.regtest.demand = 5_000;
  await pair.mine(3);
  await pair.reaches('bob', id, 'ONCHAIN');
  await pair.mine(8);
  expect(pair.ground.regtest.ledger.tip.height).toBeLessThan(expiry);
  const claimed = pair.logs.bob.filter((line) => line.includes('our claim is confirmed'));
  expect(claimed.length).toBeGreaterThan(0);
  expect(pair.logs.bob.join('\n')).toMatch(/claiming an output on chain.*htlc_success/);
  expect((await bob.call('listpeerchannels', { channel_id: id })).channels[0]?.status.join()).not.toContain(
    'htlc_success',
  );
});

test('where nothing is kept, a payee who starts with nothing is paid', async () => {
  const { pays } = await withPoorPayee({});
  expect(await pays(600_000_000n)).toBe('complete');
});

test.each([
  [253, 419n, 482n],
  [2_500, 4_133n, 4_743n],
  [6_250, 10_332n, 18_007n],
])('at an estimate of %i a claim costs %i sat, and a commitment %i', (estimate, claim, commitment) => {
  expect(claimCosts(estimate)).toEqual({ claim, commitment });
});

test('the default reserve pays for an HTLC of one channel at 20 sat/vbyte', () => {
  const { claim, commitment } = claimCosts(5_000);
  expect(defaultReserve.perChannel).toBeGreaterThanOrEqual(claim + commitment);
});

test('an HTLC is passed on where the wallet can pay for its claim beside those of others', () => {
  const parts = {
    reserve: defaultReserve,
    wallet: { forClaims: () => sat(20_000n) },
    entries: () => [],
    feerate: () => 2_500,
  };
  const held = claimBudgetOf(parts, () => []);
  const room = held && { ...held, channels: new Set(['a', 'b']) };
  const one = (amount: bigint) => ({ channels: ['a', 'x'], amount: msat(amount) });
  expect(canForward(one(90_000_000n), room, [])).toBe(true);
  expect(canForward(one(90_000_000n), room, [one(90_000_000n), one(90_000_000n)])).toBe(true);
  expect(canForward(one(90_000_000n), room, [one(90_000_000n), one(90_000_000n), one(90_000_000n)])).toBe(false);
  expect(canForward(one(4_000_000n), room, [one(90_000_000n), one(90_000_000n), one(90_000_000n)])).toBe(true);
  expect(claimBudgetOf({ ...parts, reserve: { perChannel: sat(0n), most: sat(0n) } }, () => [])).toBeUndefined();
});

test('HTLCs that are passed on and held leave half of the room to what is paid to this node', () => {
  const parts = {
    reserve: defaultReserve,
    wallet: { forClaims: () => sat(50_000n) },
    entries: () => [],
    feerate: () => 2_500,
  };
  const held: AtStake[] = [];
  const one = { channels: ['a'], amount: msat(4_200_000n) };
  const room = (): Claiming => {
    const made = claimBudgetOf(parts, () => held);
    if (made === undefined) throw new Error('no reserve is kept');
    return { ...made, channels: new Set(['a', 'b']) };
  };
  while (held.length < 100 && canForward(one, room(), [])) held.push(one);
  // At 4,133 sat each, and 4,743 for the commitment.
  expect(held).toHaveLength(4);
  const receipt = { channels: ['b'], amount: msat(100_000_000n) };
  expect(costOf([receipt, ...held], room())).toBeLessThanOrEqual(room().available);
  // What is being claimed for this node counts against what is passed on, too.
  held.length = 0;
  const paid = Array.from({ length: 9 }, () => receipt);
  expect(canForward(one, room(), paid.slice(0, 8))).toBe(true);
  expect(canForward(one, room(), paid)).toBe(false);
});
