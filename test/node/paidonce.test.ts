/** A whole node that pays and is paid: an invoice costs money once, whoever asks, and also after the node has started again. */
import { afterEach, expect, test } from 'vitest';
import { type LocalPair, startPair } from '../support/pair.ts';

const pairs: LocalPair[] = [];
afterEach(async () => {
  for (const pair of pairs.splice(0)) await pair.stop();
});

const words = (error: Error): string => error.message;

test('an invoice that two ask to pay at once, before and after a restart, is paid once', async () => {
  const pair = await startPair();
  pairs.push(pair);
  await pair.endow('alice', 1_010_000n);
  const id = await pair.open(1_000_000n);
  const { bolt11, payment_hash } = await pair.nodes.bob.call('invoice', {
    ...{ amount_msat: 50_000_000n, label: 'bill', description: 'bill' },
  });
  const both = () => Promise.all([0, 1].map(() => pair.nodes.alice.call('pay', { bolt11 }).catch(words)));
  const [first, second] = await both();
  expect(first).toMatchObject({ status: 'complete' });
  expect(second).toContain('being paid already');

  for (const who of ['alice', 'bob'] as const) await pair.restart(who);
  await pair.reaches('alice', id, 'CHANNELD_NORMAL');
  const [again, meanwhile] = await both();
  expect(again).toMatchObject({ status: 'complete', payment_hash });
  expect(meanwhile).toContain('being paid already');
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
