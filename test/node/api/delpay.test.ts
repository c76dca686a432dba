/** Deleting payments that are over: what is refused, what goes, and that no number is given twice. */
import { describe, expect, test } from 'vitest';
import { delpay } from '../../../node/api/methods/payments/delpay.ts';
import { paymentDeletion } from '../../../node/pay/paymentdeletion.ts';
import { PaymentNumbers } from '../../../node/pay/paymentnumbers.ts';
import type { PaymentRecord } from '../../../node/pay/paymentrecord.ts';
import { PaymentStore } from '../../../node/pay/paymentstore.ts';
import type { SendpayResult } from '../../../node/pay/sendpayrecord.ts';
import { SendpayStore } from '../../../node/pay/sendpaystore.ts';
import { Gate } from '../../../node/store/gate.ts';
import { memoryStore } from '../../../node/store/memory.ts';
import { schemaRowOf } from '../../../node/store/schema.ts';
import { hex, zeros } from '../../../wire/bytes.ts';
import { msat, paymentHash, preimage } from '../../../wire/units.ts';
import { nodeOf } from '../../amp/payer.ts';
import { bytes32 } from '../../amp/receiver.ts';
import { patient } from '../../support/api.ts';
import { collect } from '../../support/counting.ts';
import { request } from '../../support/sendpays.ts';

const HASH = paymentHash(bytes32(7));
const complete: SendpayResult = { at: 2_000, kind: 'complete', preimage: preimage(bytes32(8)) };

/** The payments of a node: of `pay` and of `sendpay`, on a disk that can be opened again. */
const opened = async (disk = new Map<string, Uint8Array>()) => {
  const store = memoryStore(disk);
  const gate = new Gate(store, (error) => {
    throw error;
  });
  const numbers = new PaymentNumbers();
  const payments = await PaymentStore.load(store, gate, numbers);
  const sendpays = await SendpayStore.load(store, gate, numbers);
  const begin = (hash: Uint8Array = HASH): PaymentRecord =>
    payments.begin({
      ...{ id: `payment ${numbers.next}`, createdAt: 1_000, destination: nodeOf(1), paymentHash: hash },
      ...{ amount: msat(1_000n), scheme: 'single', label: undefined, bolt11: undefined, description: undefined },
    });
  const finish = (record: PaymentRecord, why?: string): void =>
    void payments.finish(record, {
      ...{ at: 2_000, delivered: msat(1_000n), sent: msat(1_001n), parts: 1, why },
      preimages: why === undefined ? [preimage(bytes32(8))] : [],
    });
  const send = (partid: bigint, groupid = 1n) => {
    const { first, onion: _, ...draft } = request({ paymentHash: HASH, partid });
    return sendpays.begin({ ...draft, groupid, amountSent: first.amount, createdAt: 1_000 });
  };
  const deletePayments = paymentDeletion({ store, gate, payments, sendpays });
  const remove = async (given: Partial<Parameters<typeof delpay.handler>[1]>) => {
    const params = { payment_hash: HASH, status: 'failed', ...given } as Parameters<typeof delpay.handler>[1];
    const { payments: gone } = await delpay.handler({ deletePayments }, params, patient);
    return gone as Exclude<typeof gone, AsyncIterable<unknown>>;
  };
  const left = async () =>
    [...(await collect(payments.list())), ...(await collect(sendpays.list()))].map(({ createdIndex }) =>
      Number(createdIndex),
    );
  return { disk, gate, numbers, payments, sendpays, begin, finish, send, remove, left };
};

describe('delpay', () => {
  test('deletes the payments of a hash that stand as they should, and no others', async () => {
    const { begin, finish, send, sendpays, remove, left, disk } = await opened();
    finish(begin(), 'no route');
    finish(begin(paymentHash(bytes32(9))), 'no route');
    finish(begin());
    sendpays.finish(send(1n), complete);
    const gone = await remove({ status: 'complete' });
    expect(gone).toMatchObject([
      {
        created_index: 3,
        payment_hash: hex(HASH),
        status: 'complete',
        groupid: 1,
        amount_sent_msat: 1_001n,
        completed_at: 2_000,
      },
      { created_index: 4, status: 'complete', groupid: 1, partid: 1, payment_preimage: hex(bytes32(8)) },
    ]);
    expect(await left()).toEqual([1, 2]);
    expect(await (await opened(disk)).left()).toEqual([1, 2]);
    expect((await remove({ status: 'failed' })).map(({ id }) => id)).toEqual([1]);
    expect([...disk.keys()].map(schemaRowOf).sort()).toEqual(['highest/', 'highest/', 'pay/', 'payhash/']);
  });

  test.each(['complete', 'failed'] as const)(
    'refuses a payment that is under way as one that is %s, and keeps it',
    async (status) => {
      const { begin, send, remove, left } = await opened();
      begin();
      send(1n);
      await expect(remove({ status })).rejects.toMatchObject({
        code: 211,
        message: expect.stringContaining('is pending'),
      });
      expect(await left()).toEqual([1, 2]);
    },
  );

  test('refuses a payment that stands otherwise, and one that there is not', async () => {
    const { begin, finish, remove, left } = await opened();
    finish(begin());
    await expect(remove({ status: 'failed' })).rejects.toMatchObject({ code: 211 });
    await expect(remove({ payment_hash: paymentHash(zeros(32)) })).rejects.toMatchObject({ code: 208 });
    expect(await left()).toEqual([1]);
    await remove({ status: 'complete' });
    await expect(remove({ status: 'complete' })).rejects.toMatchObject({ code: 208 });
  });

  test('deletes one part of a group where both are named, and refuses one without the other', async () => {
    const { send, sendpays, remove, left } = await opened();
    for (const [partid, groupid] of [
      [1n, 1n],
      [2n, 1n],
      [1n, 2n],
    ] as const)
      sendpays.finish(send(partid, groupid), complete);
    await remove({ status: 'complete', partid: 1, groupid: 2 });
    expect(await left()).toEqual([1, 2]);
    await expect(remove({ status: 'complete', partid: 9, groupid: 1 })).rejects.toMatchObject({ code: 208 });
    await expect(remove({ status: 'complete', partid: 1 })).rejects.toMatchObject({ code: -32602 });
    expect(await left()).toEqual([1, 2]);
  });

  test('gives no number of a deleted payment again, also after a restart', async () => {
    const first = await opened();
    first.finish(first.begin(), 'no route');
    first.sendpays.finish(first.send(1n), complete);
    await first.remove({ status: 'complete' });
    await first.remove({ status: 'failed' });
    expect(await first.left()).toEqual([]);
    const again = await opened(first.disk);
    expect(again.begin().createdIndex).toBe(3n);
  });
});
