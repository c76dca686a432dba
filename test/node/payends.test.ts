/** What `pay` answers of a payment that was begun before, and of one that comes to its end without having been made. */
import { afterEach, expect, test } from 'vitest';
import { ApiError } from '../../node/api/errors.ts';
import { hurriedClock } from '../support/hurried.ts';
import { becomes, type LocalPair, startPair } from '../support/pair.ts';

const pairs: LocalPair[] = [];
afterEach(async () => {
  for (const pair of pairs.splice(0)) await pair.stop();
});

const EXPIRY = 3_600;
const answerOf = (call: Promise<unknown>): Promise<unknown> =>
  call.catch((error: unknown) => (error instanceof ApiError ? { code: error.code, message: error.message } : error));

/** Alice, whose clock the test puts forward, with a channel to bob, and a bill of bob's. */
const withBill = async (flags: Readonly<Record<string, string>> = {}, bobsCoin = 50_000n) => {
  const clock = hurriedClock();
  const pair = await startPair(flags, { alice: clock });
  pairs.push(pair);
  await pair.endow('alice', 1_100_000n);
  await pair.endow('bob', bobsCoin);
  const id = await pair.open(1_000_000n);
  const { alice, bob } = pair.nodes;
  const bill = { amount_msat: 600_000_000n, label: 'bill', description: '', expiry: EXPIRY };
  const { bolt11, payment_hash } = await bob.call('invoice', bill);
  return { pair, alice, bob, clock, id, bolt11, payment_hash };
};

test('an invoice that was paid is answered with its payment, also once it has expired', async () => {
  const { alice, clock, bolt11, payment_hash } = await withBill();
  const first = await alice.call('pay', { bolt11 });
  clock.hurry(EXPIRY + 1);
  expect(await answerOf(alice.call('pay', { bolt11 }))).toMatchObject({ status: 'complete', payment_hash });
  expect(await alice.call('pay', { bolt11, amount_msat: 5n })).toMatchObject({
    payment_preimage: first.payment_preimage,
  });
});

test('an invoice whose payment is in flight is in progress, also once it has expired', async () => {
  const { pair, alice, bob, clock, id, bolt11 } = await withBill();
  await bob.call('dev-ignore-htlcs', { id: alice.id, ignore: true });
  const paying = answerOf(alice.call('pay', { bolt11 }));
  await becomes('an HTLC under way', async () => ((await pair.channel('alice', id))?.htlcs.length ?? 0) > 0);
  expect(await answerOf(alice.call('pay', { bolt11 }))).toMatchObject({ code: 200 });
  clock.hurry(EXPIRY + 1);
  expect(await answerOf(alice.call('pay', { bolt11 }))).toMatchObject({ code: 200 });
  await bob.call('dev-ignore-htlcs', { id: alice.id, ignore: false });
  expect(await paying).toMatchObject({ status: 'complete' });
});

test('an invoice that nobody has paid cannot be paid once it has expired', async () => {
  const { alice, clock, bolt11 } = await withBill();
  clock.hurry(EXPIRY + 1);
  expect(await answerOf(alice.call('pay', { bolt11 }))).toMatchObject({ code: 207 });
});

/** A payee without coins for claims says temporary_node_failure, after which the payer tries again every second. */
const refusing = async (given: { readonly retry_for: number }) => {
  const { pair, alice, bob, clock, bolt11 } = await withBill({ 'anchor-reserve': '25000' });
  await bob.call('withdraw', {
    destination: 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080',
    satoshi: 'all',
    use_reserve: true,
  });
  await pair.mine();
  const answer = answerOf(alice.call('pay', { bolt11, ...given }));
  await becomes('a part that failed', () => {
    const [payment] = alice.node.payments.pending();
    return alice.node.payments.shardsOf(payment?.id ?? '').some(({ status }) => status === 'failed');
  });
  return { answer, clock, alice, bob };
};

test('a payment that has had its time names what it failed for last', async () => {
  const { answer, clock, bob } = await refusing({ retry_for: 30 });
  clock.hurry(31);
  expect(await answer).toEqual({
    code: 210,
    message: `gave up: the time to retry was over; the last failure was temporary_node_failure at node ${bob.id}`,
  });
});

test('a payment ends with the expiry of its invoice, however long it was to be tried', async () => {
  const { answer, clock, alice, bob } = await refusing({ retry_for: 100 * EXPIRY });
  clock.hurry(EXPIRY + 1);
  expect(await answer).toEqual({
    code: 207,
    message: `gave up: the invoice has expired; the last failure was temporary_node_failure at node ${bob.id}`,
  });
  expect(alice.node.payments.pending()).toEqual([]);
});

test('what channels cannot send is told with those that cannot be used now', async () => {
  const { pair, alice, bob, bolt11 } = await withBill();
  const { bolt11: large } = await bob.call('invoice', { amount_msat: 1_500_000_000n, label: 'large', description: '' });
  expect(await answerOf(alice.call('pay', { bolt11: large }))).toMatchObject({
    code: 205,
    message: expect.stringMatching(/^our channels can send at most \d+ msat now$/),
  });
  await alice.call('fundchannel', { id: bob.id, amount: 50_000n });
  await bob.stop();
  await becomes('bob gone', async () => (await alice.call('listpeers', {})).peers.every(({ connected }) => !connected));
  expect(await answerOf(alice.call('pay', { bolt11 }))).toMatchObject({
    code: 205,
    message:
      'our channels can send at most 0 msat now; not counted are channels that cannot be used now: ' +
      '1 without a connection to its peer, 1 waiting for its funding',
  });
  await pair.restart('bob');
});
