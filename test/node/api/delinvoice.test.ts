/** Deleting invoices: what is refused, what is left of one that was deleted, and that no number is given twice. */
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../../node/api/errors.ts';
import { delinvoice } from '../../../node/api/methods/invoices/delinvoice.ts';
import { waitinvoice } from '../../../node/api/methods/invoices/waitinvoice.ts';
import type { InvoiceRecord } from '../../../node/pay/invoicerecord.ts';
import { Invoices } from '../../../node/pay/invoices.ts';
import { Gate } from '../../../node/store/gate.ts';
import { memoryStore } from '../../../node/store/memory.ts';
import { schemaRowOf } from '../../../node/store/schema.ts';
import { hex } from '../../../wire/bytes.ts';
import { msat, paymentHash } from '../../../wire/units.ts';
import { bytes32 } from '../../amp/receiver.ts';
import { patient } from '../../support/api.ts';
import { collect } from '../../support/counting.ts';
import { heldClock } from '../../support/quiet.ts';

const fatal = (error: unknown): void => {
  throw error;
};

/** A node's invoices, the first `bills` of them made, with the methods about them. */
const shop = async (bills: number, disk = new Map<string, Uint8Array>(), kind: InvoiceRecord['kind'] = 'ordinary') => {
  const time = { now: 100 };
  const store = memoryStore(disk);
  const gate = new Gate(store, fatal);
  const invoices = await Invoices.load(store, gate, () => time.now);
  let ticks = 0;
  const receiver = { tick: () => void ticks++ };
  const make = async (n: number) =>
    invoices.add({
      ...{ label: `bill ${n}`, kind, bolt11: 'lnbcrt', description: `tea ${n}`, amount: msat(1_000n) },
      ...{ paymentHash: paymentHash(bytes32(n)), paymentSecret: bytes32(500 + n), preimage: undefined },
      ...{ minFinalCltv: 18, expiresAt: 1_000 },
    });
  for (let n = 1; n <= bills; n++) await make(n);
  const pay = (n: number, set = n): void => {
    const { changes, settle } = invoices.paidChange({
      ...{ invoice: hex(bytes32(n)), received: msat(1_000n), at: time.now, set: bytes32(set), preimages: [] },
    });
    gate.save(changes);
    settle();
  };
  const remove = (n: number, status: 'paid' | 'unpaid' | 'expired', desconly = false) =>
    delinvoice.handler({ invoices, receiver }, { label: `bill ${n}`, status, desconly }, patient);
  const listed = async () => (await collect(invoices.list())).map(({ label }) => label);
  const paid = async (after = 0n) => (await collect(invoices.listPaid(after))).map(({ label }) => label);
  return { disk, time, gate, invoices, make, pay, remove, listed, paid, ticks: () => ticks };
};

describe('delinvoice', () => {
  test.each(['unpaid', 'paid', 'expired'] as const)(
    'deletes an invoice that is %s, with all its records',
    async (status) => {
      const { disk, time, gate, pay, remove, listed } = await shop(2);
      await gate.allSaved();
      if (status === 'paid') pay(1);
      if (status === 'expired') time.now = 1_001;
      expect(await remove(1, status)).toMatchObject({ label: 'bill 1', status, payment_hash: hex(bytes32(1)) });
      expect(await listed()).toEqual(['bill 2']);
      expect(await (await shop(0, disk)).listed()).toEqual(['bill 2']);
      // Beside the records of bill 2, what is left is that numbers were given.
      const left = [...disk.keys()].map(schemaRowOf).filter((row) => row !== 'highest/');
      expect(left.sort()).toEqual(['invoice/', 'invoicehash/', 'invoicelabel/', 'invoiceopen/']);
      expect([...disk.keys()].every((key) => schemaRowOf(key) !== undefined)).toBe(true);
    },
  );

  test('refuses a label that no invoice has, or no longer has', async () => {
    const { remove } = await shop(1);
    await expect(remove(9, 'unpaid')).rejects.toMatchObject({ code: 905 });
    const [first, second] = await Promise.allSettled([remove(1, 'unpaid'), remove(1, 'unpaid')]);
    expect([first.status, second]).toMatchObject(['fulfilled', { reason: { code: 905 } }]);
    await expect(remove(1, 'unpaid')).rejects.toMatchObject({ code: 905 });
  });

  test('refuses an invoice whose status is another, says which, and deletes nothing', async () => {
    const { pay, remove, listed } = await shop(1);
    pay(1);
    const refused = await remove(1, 'unpaid').catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ApiError);
    expect(refused).toMatchObject({ code: 906, data: { current_status: 'paid', expected_status: 'unpaid' } });
    expect(await listed()).toEqual(['bill 1']);
  });

  test('takes an unpaid invoice from the HTLCs that were to pay it, and has those that are held failed', async () => {
    const { invoices, remove, ticks } = await shop(1);
    expect(invoices.openByHash(bytes32(1))).toBeDefined();
    const removing = remove(1, 'unpaid');
    await removing;
    expect(invoices.openByHash(bytes32(1))).toBeUndefined();
    expect(ticks()).toBe(1);
  });

  test('gives neither the number nor the pay_index of a deleted invoice again, also after a restart', async () => {
    const first = await shop(3);
    for (const n of [1, 2, 3]) first.pay(n);
    await first.remove(3, 'paid');
    const again = await shop(0, first.disk);
    expect(await again.make(4)).toMatchObject({ createdIndex: 4n });
    again.pay(4);
    await again.gate.allSaved();
    expect((await again.invoices.byLabel('bill 4'))?.paid?.payIndex).toBe(4n);
    expect(await again.paid(3n)).toEqual(['bill 4']);
    expect(await again.paid()).toEqual(['bill 1', 'bill 2', 'bill 4']);
  });

  test('frees the label and the payment hash of an invoice', async () => {
    const { make, remove } = await shop(1);
    expect(await make(1)).toBe('label');
    await remove(1, 'unpaid');
    expect(await make(1)).toMatchObject({ label: 'bill 1', createdIndex: 2n });
  });

  test('deletes all payments of an invoice that was paid several times, and it is paid no more', async () => {
    const { disk, invoices, pay, remove, paid } = await shop(2, undefined, 'deployed_amp');
    for (const set of [11, 12, 13]) pay(1, set);
    pay(2, 14);
    expect(await remove(1, 'paid')).toMatchObject({ times_paid: 3, amount_received_msat: 3_000n });
    expect(invoices.openBySecret(bytes32(501))).toBeUndefined();
    expect(await paid()).toEqual(['bill 2']);
    expect([...disk.keys()].filter((key) => key.startsWith('invoiceset/'))).toHaveLength(1);
  });

  test('answers whoever waits for the invoice', async () => {
    const { invoices, remove } = await shop(1);
    const clock = heldClock();
    const waiting = waitinvoice.handler(
      { invoices, ports: { clock } } as unknown as Parameters<typeof waitinvoice.handler>[0],
      { label: 'bill 1' },
      patient,
    );
    const told = expect(waiting).rejects.toMatchObject({ code: -1, message: expect.stringContaining('deleted') });
    await new Promise(setImmediate);
    await remove(1, 'unpaid');
    await told;
  });
});

describe('delinvoice with desconly', () => {
  test.each(['unpaid', 'paid', 'expired'] as const)(
    'deletes the description of one that is %s, and no more',
    async (status) => {
      const { disk, time, gate, pay, remove, invoices } = await shop(1);
      if (status === 'paid') {
        pay(1);
        await gate.allSaved();
      }
      if (status === 'expired') time.now = 1_001;
      expect(await remove(1, status, true)).toMatchObject({ label: 'bill 1', status, description: '' });
      for (const one of [invoices, (await shop(0, disk)).invoices])
        expect(await one.byLabel('bill 1')).toMatchObject({ description: '', amount: 1_000n });
      await expect(remove(1, status, true)).rejects.toMatchObject({ code: 908 });
    },
  );

  test('leaves an invoice payable, alone or several times', async () => {
    for (const kind of ['ordinary', 'deployed_amp'] as const) {
      const { disk, gate, invoices, pay, remove } = await shop(1, new Map(), kind);
      if (kind === 'deployed_amp') pay(1, 11);
      await remove(1, kind === 'ordinary' ? 'unpaid' : 'paid', true);
      pay(1, 12);
      await gate.allSaved();
      for (const one of [invoices, (await shop(0, disk)).invoices])
        expect(await one.byLabel('bill 1')).toMatchObject({ description: '', paid: { received: 1_000n } });
    }
  });

  test('of a payment that is not durable yet leaves nothing of the invoice in memory', async () => {
    const { gate, invoices, pay, remove } = await shop(1);
    pay(1);
    await remove(1, 'paid', true);
    await gate.allSaved();
    expect(invoices.openByHash(bytes32(1))).toBeUndefined();
  });
});
