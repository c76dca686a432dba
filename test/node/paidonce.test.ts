/** A whole node that pays and is paid: an invoice costs money once, whoever asks, and also after the node has started again. */
import { afterEach, expect, test } from 'vitest';
import { hex } from '../../wire/bytes.ts';
import { preimage } from '../../wire/units.ts';
import { bytes32 } from '../amp/receiver.ts';
import { becomes, type LocalPair, startPair } from '../support/pair.ts';

const pairs: LocalPair[] = [];
afterEach(async () => {
  for (const pair of pairs.splice(0)) await pair.stop();
});

const words = (error: Error): string => error.message;

test('an invoice that two ask to pay at once, before and after a restart, is paid once', async () => {
  const pair = await startPair();
  pairs.push(pair);
  await pair.endow('alice', 1_010_000n);
  await pair.open(1_000_000n);
  const { bolt11, payment_hash } = await pair.nodes.bob.call('invoice', {
    ...{ amount_msat: 50_000_000n, label: 'bill', description: 'bill' },
  });
  const both = () => Promise.all([0, 1].map(() => pair.nodes.alice.call('pay', { bolt11 }).catch(words)));
  const [first, second] = await both();
  expect(first).toMatchObject({ status: 'complete' });
  expect(second).toContain('being paid already');

  for (const who of ['alice', 'bob'] as const) await pair.restart(who);
  const [again, meanwhile] = await both();
  expect(again).toMatchObject({ status: 'complete', payment_hash });
  expect(meanwhile).toMatchObject({ status: 'complete', payment_hash });
  const { alice, bob } = pair.nodes;
  expect((await alice.call('listpays', {})).pays).toHaveLength(1);
  expect((await alice.call('listpays', { bolt11, status: 'complete' })).pays).toMatchObject([{ created_index: 1 }]);
  expect((await alice.call('listpays', { start: 2 })).pays).toEqual([]);
  expect((await bob.call('listinvoices', { label: 'bill' })).invoices).toMatchObject([
    { status: 'paid', pay_index: 1 },
  ]);
  expect((await bob.call('listinvoices', { index: 'updated', start: 2 })).invoices).toEqual([]);
  await expect(bob.call('invoice', { amount_msat: 1_000n, label: 'bill', description: 'another' })).rejects.toThrow(
    'there is an invoice "bill" already',
  );
});

test('a payment of which one part was claimed and the other failed is answered, listed and answered again as complete', async () => {
  const pair = await startPair();
  pairs.push(pair);
  await pair.endow('alice', 1_010_000n);
  const id = await pair.open(1_000_000n);
  const { alice, bob } = pair.nodes;
  await bob.call('dev-ignore-htlcs', { id: alice.id, ignore: true });
  const secret = bytes32(7);
  const { bolt11, payment_hash } = await bob.call('invoice', {
    ...{ amount_msat: 50_000_000n, label: 'bill', description: 'bill', preimage: hex(secret) },
  });
  const answer = alice.call('pay', { bolt11, shards: 2 });
  const underWay = async (count: number) => (await pair.channel('alice', id))?.htlcs.length === count;
  await becomes('two parts under way', () => underWay(2));

  // As a payee does that cheats itself: it tells the preimage for one part and fails the other.
  const [payment] = alice.node.payments.pending();
  await alice.node.payments.outcome(payment?.id ?? '', 0, { kind: 'fulfilled', preimage: preimage(secret) });
  await alice.node.payments.outcome(payment?.id ?? '', 1, { kind: 'timed_out' });

  const proof = { status: 'complete', payment_hash, parts: 1, amount_msat: 25_000_000n, payment_preimage: hex(secret) };
  const told = { warning_partial_completion: expect.stringContaining('25000000 of 50000000 msat') };
  expect(await answer).toMatchObject({ ...proof, ...told });
  expect(await alice.call('pay', { bolt11 })).toMatchObject({ ...proof, ...told });
  expect(await alice.call('pay', { bolt11, shards: 3 })).toMatchObject(proof);
  const { pays } = await alice.call('listpays', { bolt11 });
  expect(pays).toMatchObject([
    { status: 'complete', preimage: hex(secret), number_of_parts: 1, amount_sent_msat: 25_000_000n, ...told },
  ]);
  // Not an HTLC more than the two there were.
  expect(await underWay(2)).toBe(true);
  await bob.call('dev-ignore-htlcs', { id: alice.id, ignore: false });
  await becomes('settled', () => underWay(0));
  await pair.restart('alice');
  await pair.reaches('alice', id, 'CHANNELD_NORMAL');
  expect(await pair.nodes.alice.call('pay', { bolt11 })).toMatchObject({ ...proof, ...told });
});
