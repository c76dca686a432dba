/** Our own payments while our channels have no room for them, or their peers are away. */
import { expect, test } from 'vitest';
import type { Outlet } from '../../amp/route.ts';
import type { PaymentRecord } from '../../node/pay/paymentrecord.ts';
import { msat } from '../../wire/units.ts';
import { outlet } from '../amp/byhand.ts';
import { ordinaryRequest } from '../amp/payer.ts';
import { secretOf } from '../amp/receiver.ts';
import { noteOf, openPayments, turn } from '../support/ownpayments.ts';

test('a new payment does not wait for a peer that is away, and one that was begun before a restart does', async () => {
  const rest = { spendable: msat(2_000_000n), slots: 10 };
  const gone: Outlet = { ...outlet(0, 0n), slots: 0, atRest: rest };
  const fresh = await openPayments();
  const request = ordinaryRequest();
  const failed = fresh.payments.start(request, noteOf(request));
  Object.assign(fresh.carries, { outlets: [], away: [gone] });
  expect(await failed).toMatchObject({ status: 'failed', result: { code: 'no_route' } });

  const before = await openPayments();
  void before.payments.start(request, noteOf(request));
  await turn();
  const after = await openPayments(before.disk, [], true, { outlets: [], away: [gone] });
  await after.tick(3);
  expect([after.sent, after.payments.pending().length]).toEqual([[], 1]);
  Object.assign(after.carries, { outlets: [outlet(0, 2_000_000n)], away: [] });
  after.payments.roomFreed(1);
  await turn();
  expect(after.sent).not.toEqual([]);
});

test('a payment that waits for room is offered as soon as an HTLC leaves, and not before', async () => {
  const full: Outlet = { ...outlet(0, 0n), slots: 0, atRest: { spendable: msat(2_000_000n), slots: 1 } };
  const node = await openPayments(undefined, [], true, { outlets: [full] });
  const request = ordinaryRequest({ scheme: 'single' });
  const told: PaymentRecord[] = [];
  void node.payments.start(request, noteOf(request)).then((record) => told.push(record));
  await turn();
  node.payments.roomFreed(1);
  await turn();
  expect([node.sent, told]).toEqual([[], []]);
  Object.assign(node.carries, { outlets: [outlet(0, 2_000_000n)] });
  node.payments.roomFreed(1);
  await turn();
  expect(node.sent).toHaveLength(1);
  await node.payments.outcome(request.id, node.sent[0]?.attempt ?? -1, {
    kind: 'fulfilled',
    preimage: secretOf(1).preimage,
  });
  await turn();
  expect(told).toMatchObject([{ status: 'complete' }]);
});
