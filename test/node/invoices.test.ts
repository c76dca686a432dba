/** The invoices of a node: what a start reads of them, what is found however old it is, and what can be had but once. */
import { describe, expect, test } from 'vitest';
import type { InvoiceRecord } from '../../node/pay/invoicerecord.ts';
import { Invoices } from '../../node/pay/invoices.ts';
import { Gate } from '../../node/store/gate.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { hex } from '../../wire/bytes.ts';
import { msat, paymentHash } from '../../wire/units.ts';
import { bytes32 } from '../amp/receiver.ts';
import { collect, countingReads } from '../support/counting.ts';

const draft = (n: number, expiresAt = 1_000): Parameters<Invoices['add']>[0] => ({
  ...{ label: `bill ${n}`, kind: 'eob_amp', bolt11: 'lnbcrt', description: '', amount: msat(1_000n) },
  ...{ paymentHash: paymentHash(bytes32(n)), paymentSecret: bytes32(500 + n), preimage: undefined },
  ...{ minFinalCltv: 18, expiresAt },
});
const fatal = (error: unknown): void => {
  throw error;
};

const opened = async (disk = new Map<string, Uint8Array>(), time = { now: 100 }) => {
  const store = countingReads(memoryStore(disk));
  const gate = new Gate(store, fatal);
  const invoices = await Invoices.load(store, gate, () => time.now);
  /** As the receiving machine does it: the invoice's record and what follows from it in one write. */
  const pay = (n: number): void => {
    const { changes, settle } = invoices.paidChange({
      ...{ invoice: hex(bytes32(n)), received: msat(1_000n), at: 100, set: bytes32(n), preimages: [] },
    });
    gate.save(changes);
    settle();
  };
  return { disk, time, store, gate, invoices, pay };
};
const labels = (records: readonly InvoiceRecord[]): readonly string[] => records.map(({ label }) => label);

describe('the invoices of a node', () => {
  test('are opened at the price of those that can still be paid, and numbered on', async () => {
    const { disk, gate, invoices, pay } = await opened();
    for (let n = 1; n <= 60; n++) await invoices.add(draft(n, n === 60 ? 150 : 1_000));
    for (let n = 1; n <= 58; n++) pay(n);
    await gate.allSaved();
    const again = await opened(disk, { now: 200 });
    // Two marks, two invoices, and whether there are higher numbers that were deleted.
    expect(again.store.reads).toBe(6);
    expect(again.invoices.openByPaymentId(bytes32(559).subarray(0, 11))?.label).toBe('bill 59');
    // Expired: its mark is gone, so that the next start does not read it.
    await again.gate.allSaved();
    expect(again.invoices.openByHash(bytes32(60))).toBeUndefined();
    expect((await opened(disk, { now: 200 })).store.reads).toBe(4);
    expect(await again.invoices.add(draft(61))).toMatchObject({ createdIndex: 61n });
    again.pay(61);
    await again.gate.allSaved();
    expect((await again.invoices.byLabel('bill 61'))?.paid?.payIndex).toBe(59n);
  });

  test('that are paid or expired are found by label and hash, and cannot be paid', async () => {
    const { disk, gate, invoices, pay, time } = await opened();
    await invoices.add(draft(1));
    await invoices.add(draft(2, 150));
    pay(1);
    await gate.allSaved();
    time.now = 200;
    await invoices.add(draft(3));
    await gate.allSaved();
    for (const one of [invoices, (await opened(disk, time)).invoices]) {
      expect((await one.byLabel('bill 1'))?.paid?.payIndex).toBe(1n);
      expect((await one.byId(hex(bytes32(2))))?.label).toBe('bill 2');
      for (const n of [1, 2]) {
        expect(one.openByHash(bytes32(n))).toBeUndefined();
        expect(one.openByPaymentId(bytes32(500 + n).subarray(0, 11))).toBeUndefined();
      }
      expect(one.openByHash(bytes32(3))?.label).toBe('bill 3');
    }
  });

  test('are alone with their label and their hash, in memory, on disk, and while two are being made', async () => {
    const { disk, gate, invoices, pay } = await opened();
    const same = { ...draft(2), label: 'bill 1' };
    expect(await Promise.all([invoices.add(draft(1)), invoices.add(same)])).toMatchObject([
      { label: 'bill 1' },
      'label',
    ]);
    expect(await invoices.add({ ...draft(1), label: 'another' })).toBe('hash');
    pay(1);
    await gate.allSaved();
    for (const one of [invoices, (await opened(disk)).invoices]) {
      expect(await one.add(same)).toBe('label');
      expect(await one.add({ ...draft(1), label: 'another' })).toBe('hash');
    }
  });

  test('are listed in the order of their making and of their payments, from any number on', async () => {
    const { disk, gate, invoices, pay } = await opened();
    for (let n = 1; n <= 5; n++) await invoices.add(draft(n));
    for (const n of [4, 2, 5]) pay(n);
    const check = async (one: Invoices): Promise<void> => {
      expect(labels(await collect(one.list(4n)))).toEqual(['bill 4', 'bill 5']);
      expect(labels(await collect(one.listPaid()))).toEqual(['bill 4', 'bill 2', 'bill 5']);
      expect(labels(await collect(one.listPaid(2n)))).toEqual(['bill 2', 'bill 5']);
    };
    await check(invoices);
    await gate.allSaved();
    await check(invoices);
    await check((await opened(disk)).invoices);
  });
});
