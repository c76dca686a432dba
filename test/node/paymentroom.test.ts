/** Our own payments while our channels have no room for them, or their peers are away. */
import { expect, test } from 'vitest';
import type { Outlet } from '../../amp/route.ts';
import { hintsOf } from '../../node/pay/invoicehints.ts';
import type { PaymentRecord } from '../../node/pay/paymentrecord.ts';
import { ourFeatures } from '../../wire/features.ts';
import { decodeInvoice, encodeInvoice } from '../../wire/invoice.ts';
import { msat } from '../../wire/units.ts';
import { outlet, scid } from '../amp/byhand.ts';
import { nodeOf, ordinaryRequest } from '../amp/payer.ts';
import { bytes32, secretOf } from '../amp/receiver.ts';
import { sign } from '../support/invoices.ts';
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

test('a payment that waits for room takes the way of its invoice after a restart, too', async () => {
  const full: Outlet = { ...outlet(1, 0n), slots: 0, atRest: { spendable: msat(2_000_000n), slots: 1 } };
  const hint = { pubkey: nodeOf(1), short_channel_id: scid(7), fee_base_msat: msat(0n), cltv_expiry_delta: 6 };
  const request = ordinaryRequest({ scheme: 'single', deadline: 3_000_000 });
  const bolt11 = encodeInvoice(
    {
      ...{ network: 'regtest', amount: request.amount, timestamp: 1_000_000, expiry: 3_600, description: 'd' },
      ...{ paymentHash: secretOf(1).paymentHash, paymentSecret: bytes32(2), minFinalCltvExpiryDelta: 40 },
      ...{ features: ourFeatures('9'), routes: [[{ ...hint, fee_proportional_millionths: 0 }]] },
    },
    sign,
  );
  const { payee, routes } = decodeInvoice(bolt11);
  expect(routes).toHaveLength(1);
  const before = await openPayments(undefined, [], true, { outlets: [full] });
  const hints = hintsOf(decodeInvoice(bolt11));
  void before.payments.start({ ...request, destination: payee }, { ...noteOf(request), bolt11, hints });
  await turn();
  expect(before.payments.stateOf(request.id)).toMatchObject({ progress: { room: { waits: true } } });

  const after = await openPayments(before.disk, [], true, { outlets: [full] });
  Object.assign(after.carries, { outlets: [outlet(1, 2_000_000n)] });
  after.payments.roomFreed(1);
  await turn();
  expect(after.sent).toHaveLength(1);
});
