/**
 * Our invoices. Those that can still be paid (open) are in memory and have a mark in the store, so that a start reads only those;
 * all others are read when somebody asks for them. An invoice becomes paid in the same atomic write as the set of HTLCs that paid it
 * (receiver.ts), never by itself.
 */

import type { PaidInvoice } from '../../amp/events.ts';
import type { InvoiceTerms } from '../../amp/io.ts';
import { hex } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { addMsat, msat } from '../../wire/units.ts';
import { Listeners } from '../base/listeners.ts';
import type { Store } from '../ports/ports.ts';
import { StoreError } from '../store/errors.ts';
import type { Gate } from '../store/gate.ts';
import { lastNumber, Numbered, numberIn, numbersBelow, numberText } from '../store/numbered.ts';
import { readRecord } from '../store/records.ts';
import { InvoiceDeletion, type InvoiceRemoval } from './invoicedeletion.ts';
import { indexKeys, OPEN, ofHash, ofLabel, PAID } from './invoicekeys.ts';
import {
  decodeInvoiceRecord,
  encodeInvoiceRecord,
  INVOICE_RECORDS,
  type InvoicePayment,
  type InvoiceRecord,
  type InvoiceStatus,
  isReusable,
} from './invoicerecord.ts';
import { type InvoiceSet, lastSetOf, latestSetsOf, paidMark, readPaidMark, setChange, setOf } from './invoicesets.ts';
import { InvoiceWaiters } from './invoicewaits.ts';
import { keysendInvoice } from './keysendinvoice.ts';
import { OpenInvoices } from './openinvoices.ts';

const EMPTY = new Uint8Array();
/** Seconds between two checks for expired invoices. */
const EXPIRY_CHECK_SECONDS = 60;

/** One that may be paid again, with its latest payment. */
const withSet = (invoice: InvoiceRecord, { number, sum, payment }: InvoiceSet): InvoiceRecord => ({
  ...invoice,
  paid: payment,
  all: { count: number, received: sum },
});

/** The field in which a new invoice is the same as an earlier one. */
export type DuplicateField = 'label' | 'hash';

export class Invoices {
  private readonly store: Store;
  private readonly gate: Gate;
  private readonly now: () => number;
  private readonly records: Numbered<InvoiceRecord>;
  private readonly open: OpenInvoices;
  /** Payments of invoices that may be paid again which are not durable yet, in order. */
  private recent: readonly InvoiceRecord[] = [];
  /** Labels and hashes of invoices that `add` is still looking up. */
  private readonly beingAdded = new Set<string>();
  private readonly waits = new InvoiceWaiters();
  /** Told of every invoice made here, and of every payment of one, once that is durable. */
  readonly made = new Listeners<InvoiceRecord>();
  readonly paid = this.waits.allPaid;
  private readonly deletion: InvoiceDeletion;
  private lastCreated = 0n;
  private lastPaid = 0n;
  private lastExpiryCheck: number;

  private constructor(store: Store, gate: Gate, now: () => number) {
    this.store = store;
    this.gate = gate;
    this.now = now;
    this.lastExpiryCheck = now();
    this.records = new Numbered(store, INVOICE_RECORDS, decodeInvoiceRecord);
    this.open = new OpenInvoices(this.records.inMemory);
    this.deletion = new InvoiceDeletion({
      ...{ store, gate, records: this.records, open: this.open },
      status: (invoice) => this.status(invoice),
      whole: (invoice) => this.whole(invoice),
      highest: () => ({ created: this.lastCreated, paid: this.lastPaid }),
    });
  }

  /** Reads the open invoices. `now` in Unix seconds. Throws StoreError. */
  static async load(store: Store, gate: Gate, now: () => number): Promise<Invoices> {
    const invoices = new Invoices(store, gate, now);
    const { records } = invoices;
    invoices.lastCreated = await records.last();
    invoices.lastPaid = await lastNumber(store, PAID);
    for await (const n of numbersBelow(store, OPEN)) {
      const invoice = await records.get(n);
      if (invoice === undefined)
        throw new StoreError({ code: 'corrupt', key: records.key(n), detail: 'an open invoice has no record' });
      invoices.open.cache(await invoices.whole(invoice));
    }
    invoices.evictExpired();
    return invoices;
  }

  /** Drops expired invoices from memory, and their marks from the store. */
  private evictExpired(): void {
    this.lastExpiryCheck = this.now();
    for (const invoice of this.open.values()) {
      if (this.terms(invoice).status !== 'expired') continue;
      this.gate.save([{ key: OPEN + numberText(invoice.createdIndex), value: undefined }]);
      this.gate.afterSaved(() => this.open.evict(invoice));
    }
  }

  /** Saves a new invoice; resolves once it is durable, or with the field in which an earlier one is the same. Throws StoreError. */
  async add(draft: Omit<InvoiceRecord, 'createdIndex' | 'paid'>): Promise<InvoiceRecord | DuplicateField> {
    const hash = hex(draft.paymentHash);
    const names = { label: `label ${draft.label}`, hash: `hash ${hash}` };
    for (const what of ['label', 'hash'] as const) if (this.beingAdded.has(names[what])) return what;
    for (const name of Object.values(names)) this.beingAdded.add(name);
    try {
      if ((await this.byLabel(draft.label)) !== undefined) return 'label';
      if ((await this.byId(hash)) !== undefined) return 'hash';
      // From here on this label and hash are found in memory.
      return await this.keep({ ...draft, createdIndex: this.lastCreated + 1n, paid: undefined });
    } finally {
      for (const name of Object.values(names)) this.beingAdded.delete(name);
    }
  }

  private async keep(invoice: InvoiceRecord): Promise<InvoiceRecord> {
    // Encoded first: an invoice whose fields fit no record is refused before anything has changed.
    const value = encodeInvoiceRecord(invoice);
    this.lastCreated = invoice.createdIndex;
    this.open.cache(invoice);
    const n = numberText(invoice.createdIndex);
    const kept = this.store.commit([
      { key: INVOICE_RECORDS + n, value },
      ...indexKeys(invoice).map((key) => ({ key, value: EMPTY })),
    ]);
    if (this.now() >= this.lastExpiryCheck + EXPIRY_CHECK_SECONDS) this.evictExpired();
    await kept;
    this.made.tell(invoice);
    return invoice;
  }

  /** One that may be paid again, with its latest payment and what all come to; any other as it is. Throws StoreError. */
  private async whole(invoice: InvoiceRecord): Promise<InvoiceRecord> {
    if (!isReusable(invoice) || invoice.paid !== undefined) return invoice;
    const last = await lastSetOf(this.store, invoice.createdIndex);
    return last === undefined ? invoice : withSet(invoice, last);
  }

  /** Invoices from number `first` on, in order of creation. Throws StoreError. */
  async *list(first = 0n): AsyncGenerator<InvoiceRecord> {
    for await (const invoice of this.records.list(first)) yield await this.whole(invoice);
  }

  /** The latest payments of an invoice that may be paid again, `most` at most, once they are durable. Throws StoreError. */
  async payments(invoice: InvoiceRecord, most: number): Promise<readonly InvoicePayment[]> {
    await this.gate.allSaved();
    return (await latestSetsOf(this.store, invoice.createdIndex, most)).map(({ payment }) => payment);
  }

  /** Paid invoices in order of their pay_index, from `first` on; one that may be paid again once for each payment. Throws StoreError. */
  async *listPaid(first = 0n): AsyncGenerator<InvoiceRecord> {
    const indexOf = ({ paid }: InvoiceRecord): bigint => paid?.payIndex ?? 0n;
    const held = [...this.open.values(), ...this.recent]
      .filter((invoice) => invoice.paid !== undefined && invoice.all === undefined && indexOf(invoice) >= first)
      .sort((a, b) => (indexOf(a) < indexOf(b) ? -1 : 1));
    let next = first;
    const after = first === 0n ? undefined : PAID + numberText(first - 1n);
    for await (const [key, value] of this.store.entries(PAID, after)) {
      const invoice = await this.markedPaid(key, value);
      if (invoice !== undefined) yield invoice;
      next = numberIn(key) + 1n;
    }
    // Payments that are not durable yet have a higher pay_index than all durable ones.
    for (const invoice of held) if (indexOf(invoice) >= next) yield invoice;
  }

  /** The invoice of a mark that it was paid, with the payment that the mark is of. */
  private async markedPaid(key: string, value: Uint8Array): Promise<InvoiceRecord | undefined> {
    const { invoice: n, set } = readRecord(key, value, readPaidMark);
    const invoice = await this.records.get(n);
    if (invoice === undefined || set === undefined) return invoice;
    const one = await setOf(this.store, n, set);
    return one && { ...invoice, paid: one.payment, all: undefined };
  }

  /** The invoice with this label. Throws StoreError. */
  async byLabel(label: string): Promise<InvoiceRecord | undefined> {
    return this.find(this.open.numberByLabel(label), ofLabel(label));
  }

  /** By `InvoiceTerms.id`, which is the payment hash in hex. Throws StoreError. */
  async byId(id: string): Promise<InvoiceRecord | undefined> {
    return this.find(this.open.numberByHash(id), ofHash(id));
  }

  private async numberOf(here: bigint | undefined, prefix: string): Promise<bigint | undefined> {
    const key = here === undefined ? await this.store.last(prefix) : undefined;
    return here ?? (key === undefined ? undefined : numberIn(key));
  }

  private async find(here: bigint | undefined, prefix: string): Promise<InvoiceRecord | undefined> {
    const n = await this.numberOf(here, prefix);
    const found = n === undefined ? undefined : await this.records.get(n);
    return found && this.whole(found);
  }

  /** The invoice with this payment hash, if it is open. */
  openByHash(hash: Uint8Array): InvoiceRecord | undefined {
    return this.open.byHash(hex(hash));
  }

  /** The EOB invoice with this payment_id (11 bytes), if it is open. */
  openByPaymentId(paymentId: Uint8Array): InvoiceRecord | undefined {
    return this.open.byPaymentId(paymentId);
  }

  /** The invoice with this payment_secret (32 bytes), if it is open. */
  openBySecret(secret: Uint8Array): InvoiceRecord | undefined {
    return this.open.bySecret(secret);
  }

  /** `paid` is also one that was paid and may be paid again. */
  status(invoice: InvoiceRecord): InvoiceStatus {
    if (invoice.paid !== undefined) return 'paid';
    return invoice.expiresAt <= this.now() ? 'expired' : 'unpaid';
  }

  /** An invoice as the receiving machine sees it. */
  terms(invoice: InvoiceRecord): InvoiceTerms {
    const status = { paid: 'paid', expired: 'expired', unpaid: 'open' } as const;
    return {
      id: hex(invoice.paymentHash),
      kind: invoice.kind,
      status: status[this.status(isReusable(invoice) ? { ...invoice, paid: undefined } : invoice)],
      amount: invoice.amount,
      paymentSecret: invoice.paymentSecret,
      preimage: invoice.preimage,
      minFinalCltv: invoice.minFinalCltv,
    };
  }

  /** The changes that make an invoice paid, a new one for a keysend, to be saved with the set that paid it. Call `settle` after the save: it answers those who wait. */
  paidChange(paid: PaidInvoice): { readonly changes: readonly Change[]; readonly settle: () => void } {
    const before =
      paid.keysend === undefined
        ? this.open.byHash(paid.invoice)
        : keysendInvoice(paid, paid.keysend.extraTlvs, this.lastCreated + 1n);
    if (before === undefined) throw new RangeError(`a payment of invoice ${paid.invoice}, which is not open`);
    const { received, at, set, preimages } = paid;
    const payment: InvoicePayment = { payIndex: ++this.lastPaid, received, at, set, preimages };
    if (isReusable(before)) return this.paidAgain(before, payment);
    const invoice: InvoiceRecord = { ...before, paid: payment };
    const n = numberText(invoice.createdIndex);
    const isNew = invoice.createdIndex > this.lastCreated;
    if (isNew) this.lastCreated = invoice.createdIndex;
    return {
      changes: [
        { key: INVOICE_RECORDS + n, value: encodeInvoiceRecord(invoice) },
        ...(isNew
          ? [
              { key: ofHash(paid.invoice) + n, value: EMPTY },
              { key: ofLabel(invoice.label) + n, value: EMPTY },
            ]
          : [{ key: OPEN + n, value: undefined }]),
        { key: PAID + numberText(this.lastPaid), value: paidMark(invoice.createdIndex) },
      ],
      settle: () => {
        this.open.cache(invoice);
        this.gate.afterSaved(() => {
          this.open.evict(invoice);
          this.waits.paid(invoice);
        });
      },
    };
  }

  /** The same for an invoice that stays open. */
  private paidAgain(before: InvoiceRecord, payment: InvoicePayment): ReturnType<Invoices['paidChange']> {
    const { createdIndex: n, all } = before;
    const number = (all?.count ?? 0n) + 1n;
    const set = { number, sum: addMsat(all?.received ?? msat(0n), payment.received), payment };
    const alone: InvoiceRecord = { ...before, paid: payment, all: undefined };
    return {
      changes: [setChange(n, set), { key: PAID + numberText(payment.payIndex), value: paidMark(n, number) }],
      settle: () => {
        this.open.cache(withSet(before, set));
        this.recent = [...this.recent, alone];
        this.gate.afterSaved(() => {
          this.recent = this.recent.filter((one) => one !== alone);
          this.waits.paid(alone);
        });
      },
    };
  }

  /** Callers that wait for an invoice to be paid. */
  get waiting(): number {
    return this.waits.count;
  }

  /**
   * Deletes the invoice with this label, or its description alone, if its status is `expected`; resolves once that is durable, with
   * the invoice as it was or is now, or with why not. Throws StoreError.
   */
  async remove(label: string, expected: InvoiceStatus, what: 'invoice' | 'description'): Promise<InvoiceRemoval> {
    const n = await this.numberOf(this.open.numberByLabel(label), ofLabel(label));
    if (n === undefined) return { refused: 'unknown' };
    const removed = await this.deletion.remove(n, expected, what);
    if ('invoice' in removed && what === 'invoice') this.waits.deleted(n);
    return removed;
  }

  /** The invoice as it is now, a paid one only once that is durable; undefined where it was deleted. Throws StoreError. */
  async reread({ createdIndex }: InvoiceRecord): Promise<InvoiceRecord | undefined> {
    const record = await this.records.get(createdIndex);
    const found = record && (await this.whole(record));
    if (found?.paid !== undefined) await this.gate.allSaved();
    return found;
  }

  /** Resolves once the invoice is paid or deleted, or `signal` is aborted; `reread` says which. */
  async waitPaid(invoice: InvoiceRecord, signal: AbortSignal): Promise<void> {
    const found = await this.reread(invoice);
    if (found === undefined || found.paid !== undefined) return;
    const n = invoice.createdIndex;
    await this.waits.wait(({ createdIndex }) => createdIndex === n, signal, n);
  }

  /**
   * The invoice with the lowest pay_index above `last`, once there is one and its payment is durable; undefined when `signal` is
   * aborted before. Throws StoreError.
   */
  async waitAnyPaid(last: bigint, signal: AbortSignal): Promise<InvoiceRecord | undefined> {
    if (last < this.lastPaid)
      for await (const invoice of this.listPaid(last + 1n)) {
        await this.gate.allSaved();
        return invoice;
      }
    return this.waits.wait(({ paid }) => paid !== undefined && paid.payIndex > last, signal);
  }
}
