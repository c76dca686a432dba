/** The payments of our own payments: what a start reads of it, what is found in it however old it is, and what is in it but once. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PaymentRecord } from '../../node/pay/paymentrecord.ts';
import { PaymentStore } from '../../node/pay/paymentstore.ts';
import { Gate } from '../../node/store/gate.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { msat } from '../../wire/units.ts';
import { nodeOf } from '../amp/payer.ts';
import { bytes32 } from '../amp/receiver.ts';
import { collect, countingReads } from '../support/counting.ts';

const fatal = (error: unknown): void => {
  throw error;
};
const draft = (n: number, hash = n): Parameters<PaymentStore['begin']>[0] => ({
  ...{ id: `payment ${n}`, createdAt: 1_000 + n, destination: nodeOf(1), paymentHash: bytes32(hash) },
  ...{ amount: msat(1_000n), scheme: 'dynamic', label: undefined, bolt11: undefined, description: undefined },
});
const result = (why?: string): NonNullable<PaymentRecord['result']> => ({
  ...{ at: 2_000, delivered: msat(1_000n), sent: msat(1_001n), parts: 1, preimages: [], why },
});

/** A payments over a disk that can be opened again; `still` holds back what is written. */
const opened = async (disk = new Map<string, Uint8Array>(), still?: Promise<void>) => {
  const store = countingReads(memoryStore(disk, () => still ?? Promise.resolve()));
  const gate = new Gate(store, fatal);
  return { disk, store, gate, payments: await PaymentStore.load(store, gate) };
};
const ids = (records: readonly PaymentRecord[]): readonly string[] => records.map(({ id }) => id);

describe('the payments of payments', () => {
  test('is opened at the price of what is not over, and numbers on', async () => {
    const { disk, gate, payments } = await opened();
    for (let n = 1; n <= 200; n++) {
      const record = payments.begin(draft(n));
      if (n % 50 !== 0) payments.finish(record, result(n % 2 === 0 ? 'no route' : undefined));
    }
    await gate.allSaved();
    const again = await opened(disk);
    // Four marks, four payments, and whether there is a higher number that was deleted.
    expect(again.store.reads).toBe(9);
    expect(ids(again.payments.pending())).toEqual(['payment 50', 'payment 100', 'payment 150', 'payment 200']);
    expect(again.payments.begin(draft(201)).createdIndex).toBe(201n);
  });

  test('holds nothing in memory of what is over and durable', async () => {
    const { store, gate, payments } = await opened();
    payments.finish(payments.begin(draft(1)), result());
    expect(payments.pendingById('payment 1')).toBeUndefined();
    await gate.allSaved();
    const before = store.reads;
    expect(await payments.byHash(bytes32(1))).toMatchObject({ id: 'payment 1', status: 'complete' });
    expect(store.reads).toBe(before + 2);
  });

  test('finds the latest payment of a hash, as it is now, before and after it is durable and after a restart', async () => {
    let write: () => void = () => undefined;
    const still = new Promise<void>((resolve) => {
      write = resolve;
    });
    const { disk, gate, payments } = await opened(new Map(), still);
    payments.finish(payments.begin(draft(1, 7)), result('no route'));
    expect(await payments.byHash(bytes32(7))).toMatchObject({ id: 'payment 1', status: 'failed' });
    const second = payments.begin(draft(2, 7));
    expect(await payments.byHash(bytes32(7))).toMatchObject({ id: 'payment 2', status: 'pending' });
    payments.finish(second, result());
    expect(await payments.byHash(bytes32(7))).toMatchObject({ id: 'payment 2', status: 'complete' });
    expect(await payments.byHash(bytes32(8))).toBeUndefined();
    write();
    await gate.allSaved();
    for (const one of [payments, (await opened(disk)).payments]) {
      expect(await one.byHash(bytes32(7))).toMatchObject({ id: 'payment 2', status: 'complete' });
      expect(ids(await collect(one.list(0n, bytes32(7))))).toEqual(['payment 1', 'payment 2']);
    }
  });

  test('lists what was begun, from any number on, wherever each record is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ over: fc.boolean(), hash: fc.integer({ min: 1, max: 3 }) }), { maxLength: 12 }),
        fc.nat(12),
        fc.nat(14),
        async (made, durable, first) => {
          let writes = 0;
          const store = memoryStore(new Map(), () =>
            writes++ < durable ? Promise.resolve() : new Promise(() => undefined),
          );
          const gate = new Gate(store, fatal);
          const payments = await PaymentStore.load(store, gate);
          for (const [i, { over, hash }] of made.entries()) {
            const record = payments.begin(draft(i + 1, hash));
            if (over) payments.finish(record, result());
            for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
          }
          const from = made.map((one, i) => ({ ...one, n: i + 1 })).filter(({ n }) => n >= first);
          const shown = (records: readonly PaymentRecord[]) => records.map(({ id, status }) => `${id} ${status}`);
          const wanted = (some: typeof from) =>
            some.map(({ n, over }) => `payment ${n} ${over ? 'complete' : 'pending'}`);
          expect(shown(await collect(payments.list(BigInt(first))))).toEqual(wanted(from));
          expect(shown(payments.pending())).toEqual(
            wanted(made.map((one, i) => ({ ...one, n: i + 1 })).filter(({ over }) => !over)),
          );
        },
      ),
      { numRuns: 50 },
    );
  });
});
