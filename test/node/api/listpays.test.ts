/** Why a payment failed, as `listpays` shows it: with the number that `pay` answers, however the payment was kept. */
import { expect, test } from 'vitest';
import { codes } from '../../../node/api/errors.ts';
import { listpays } from '../../../node/api/methods/payments/listpays.ts';
import { decodePaymentRecord, encodePaymentRecord, type PaymentRecord } from '../../../node/pay/paymentrecord.ts';
import type { SendpayRecord } from '../../../node/pay/sendpayrecord.ts';
import { type PlanRecord, Shards } from '../../../node/pay/shards.ts';
import { msat, scidText } from '../../../wire/units.ts';
import { outlet, scid } from '../../amp/byhand.ts';
import { nodeOf } from '../../amp/payer.ts';
import { bytes32 } from '../../amp/receiver.ts';
import { patient } from '../../support/api.ts';
import { collect } from '../../support/counting.ts';
import { request } from '../../support/sendpays.ts';

type Code = NonNullable<PaymentRecord['result']>['code'];

const record = (status: PaymentRecord['status'], code?: Code): PaymentRecord => ({
  ...{ id: 'p', createdIndex: 1n, createdAt: 1_001, destination: nodeOf(1), paymentHash: bytes32(1), status },
  ...{ amount: msat(1_000n), scheme: 'dynamic', label: undefined, bolt11: undefined, description: undefined },
  result: {
    ...{ at: 2_000, delivered: msat(0n), sent: msat(0n), parts: 0, preimages: [] },
    ...{ why: status === 'failed' ? 'the sentence' : undefined, code },
  },
});

/** `listpays` over one record, with the part of a node that it needs and nothing else. */
const listed = async (one: PaymentRecord, plan?: PlanRecord) => {
  const payments = {
    shardsOf: () => [],
    shards: { plan: (): PlanRecord | undefined => plan },
    pending: () => [],
    list: async function* () {
      yield one;
    },
  };
  const sendpays = { pending: () => [], list: async function* () {} };
  const { pays } = await listpays.handler({ payments, sendpays, keys: { nodeId: nodeOf(9) } }, {}, patient);
  return Array.isArray(pays) ? pays : collect(pays as AsyncIterable<unknown>);
};

test.each<[Code, number]>([
  ['refused_by_destination', 203],
  ['no_route', 205],
  ['amount_too_large', 205],
  ['invoice_expired', 207],
  ['deadline', 210],
  ['too_many_attempts', 210],
  ['preimage_known', 217],
  ['internal', codes.internal_error],
  [undefined, 209],
])('listpays shows a payment that failed with the code %s as error %i, with the sentence', async (code, number) => {
  expect(await listed(record('failed', code))).toMatchObject([{ error: { code: number, message: 'the sentence' } }]);
});

test.each([
  ['failed', 1_000n],
  ['complete', 0n],
  ['pending', 1_000n],
] as const)('of a payment that is %s listpays shows an amount of %i msat', async (status, amount) => {
  expect(await listed(record(status))).toMatchObject([{ amount_msat: amount }]);
});

test('listpays shows no error of a payment that is complete', async () => {
  const [row] = await listed(record('complete'));
  expect(row).not.toHaveProperty('error');
});

test('listpays shows how a payment was cut at first, and the limits of the channels that it was cut for', async () => {
  const shards = new Shards();
  const outlets = Array.from({ length: 25 }, (_, n) => ({
    ...outlet(n, BigInt(n) * 1_000n),
    ...{ slots: 3, minimum: msat(7n) },
  }));
  const pieces = [msat(600n), msat(400n)];
  shards.note('p', { payment: 'p', event: 'payment_planned', strategy: 'halving', pieces, outlets }, 0);
  const [row] = (await listed({ ...record('complete'), strategy: 'halving' }, shards.plan('p'))) as {
    plan?: { channels: unknown[] };
  }[];
  expect(row).toMatchObject({ strategy: 'halving', plan: { strategy: 'halving', parts_msat: [600n, 400n] } });
  expect(row).toMatchObject({ plan: { htlc_slots: 75, channels: { length: 20 } } });
  expect(row?.plan?.channels[0]).toEqual({
    ...{ short_channel_id: scidText(scid(24)), spendable_msat: 24_000n, minimum_htlc_msat: 7n, htlc_slots: 3 },
  });
  expect(shards.plan('q')).toBeUndefined();
});

test('the record of a payment keeps its strategy, and one of earlier versions, which ends before it, has none', () => {
  const old = encodePaymentRecord(record('complete'));
  expect(decodePaymentRecord(old).strategy).toBeUndefined();
  const now = encodePaymentRecord({ ...record('complete'), strategy: 'halving' });
  expect(now.slice(0, old.length)).toEqual(old);
  expect(decodePaymentRecord(now).strategy).toBe('halving');
});

test('many parts of one payment hash, each a group of its own, are read a few times, not once for each of them', async () => {
  const parts = Array.from({ length: 200 }, (_, n): SendpayRecord => {
    const { first: _first, onion: _onion, ...kept } = request();
    const number = BigInt(n + 1);
    return { ...kept, createdIndex: number, groupid: number, createdAt: 1, amountSent: msat(1n), result: undefined };
  });
  let read = 0;
  const sendpays = {
    pending: () => parts,
    list: async function* () {
      for (const part of parts) {
        read++;
        yield part;
      }
    },
  };
  const payments = {
    shardsOf: () => [],
    shards: { plan: () => undefined },
    pending: () => [],
    list: async function* () {},
  };
  const node = { payments, sendpays, keys: { nodeId: nodeOf(9) } };
  for (const params of [{}, { status: 'pending' as const }]) {
    const { pays } = await listpays.handler(node, params, patient);
    expect(Array.isArray(pays) ? pays : await collect(pays as AsyncIterable<unknown>)).toHaveLength(200);
  }
  expect(read).toBeLessThanOrEqual(3 * 200);
});
