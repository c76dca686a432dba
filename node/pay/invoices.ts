/**
 * Our invoices. Those that can still be paid (open) are in memory and have a mark in the store, so that a start reads only those;
 * all others are read when somebody asks for them. An invoice becomes paid in the same atomic write as the set of HTLCs that paid it
 * (receiver.ts), never by itself.
 */

import type { PaidInvoice } from '../../amp/events.ts';
import type { InvoiceTerms } from '../../amp/io.ts';
import { hex, u64be, utf8 } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { sha256 } from '../../wire/crypto.ts';
import type { Store } from '../ports/ports.ts';
import { StoreError } from '../store/errors.ts';
import type { Gate } from '../store/gate.ts';
import { Numbered, numberIn, numbersBelow, numberText } from '../store/numbered.ts';
import type { KeyPrefix } from '../store/schema.ts';
import {
  decodeInvoiceRecord,
  encodeInvoiceRecord,
  INVOICE_RECORDS,
  type InvoiceRecord,
  PAYMENT_ID_LENGTH,
} from './invoicerecord.ts';
import { InvoiceWaiters } from './invoicewaits.ts';
import { keysendInvoice } from './keysendinvoice.ts';

/** A mark for each open invoice, by its number: not paid, and not expired when that was last checked. */
const OPEN = 'invoiceopen/';
/** An index: the pay_index, with the invoice's number as value. */
const PAID = 'invoicepaid/';
const HASHES = 'invoicehash/';
const LABELS = 'invoicelabel/';
const EMPTY = new Uint8Array();
/** Seconds between two checks for expired invoices. */
const EXPIRY_CHECK_SECONDS = 60;

const ofHash = (hash: string): KeyPrefix => `${HASHES}${hash}/`;
const ofLabel = (label: string): KeyPrefix => `${LABELS}${hex(sha256(utf8(label)))}/`;
const paymentIdOf = ({ paymentSecret }: InvoiceRecord): string => hex(paymentSecret.subarray(0, PAYMENT_ID_LENGTH));

/** What `listinvoices` calls it. */
export type InvoiceStatus = 'unpaid' | 'paid' | 'expired';

/** The field in which a new invoice is the same as an earlier one. */
export type DuplicateField = 'label' | 'hash';

export class Invoices {
  private readonly store: Store;
  private readonly gate: Gate;
  private readonly now: () => number;
  private readonly records: Numbered<InvoiceRecord>;
  /** The numbers of the invoices in memory: by payment hash, by label, and by payment_id of an EOB invoice. */
  private readonly hashes = new Map<string, bigint>();
  private readonly labels = new Map<string, bigint>();
  private readonly paymentIds = new Map<string, bigint>();
  /** Labels and hashes of invoices that `add` is still looking up. */
  private readonly beingAdded = new Set<string>();
  private readonly waits = new InvoiceWaiters();
  private lastCreated = 0n;
  private lastPaid = 0n;
  private lastExpiryCheck: number;

  private constructor(store: Store, gate: Gate, now: () => number) {
    this.store = store;
    this.gate = gate;
    this.now = now;
    this.lastExpiryCheck = now();
    this.records = new Numbered(store, INVOICE_RECORDS, decodeInvoiceRecord);
  }

  /** Reads the open invoices. `now` in Unix seconds. Throws StoreError. */
  static async load(store: Store, gate: Gate, now: () => number): Promise<Invoices> {
    const invoices = new Invoices(store, gate, now);
    const { records } = invoices;
    invoices.lastCreated = await records.last();
    const paid = await store.last(PAID);
    if (paid !== undefined) invoices.lastPaid = numberIn(paid);
    for await (const n of numbersBelow(store, OPEN)) {
      const invoice = await records.get(n);
      if (invoice === undefined)
        throw new StoreError({ code: 'corrupt', key: records.key(n), detail: 'an open invoice has no record' });
      invoices.cache(invoice);
    }
    invoices.evictExpired();
    return invoices;
  }

  private cache(invoice: InvoiceRecord): void {
    const n = invoice.createdIndex;
    this.records.inMemory.set(n, invoice);
    this.hashes.set(hex(invoice.paymentHash), n);
    this.labels.set(invoice.label, n);
    if (invoice.kind === 'eob_amp') this.paymentIds.set(paymentIdOf(invoice), n);
  }

  private evict(invoice: InvoiceRecord): void {
    if (this.records.inMemory.get(invoice.createdIndex) !== invoice) return;
    this.records.inMemory.delete(invoice.createdIndex);
    this.hashes.delete(hex(invoice.paymentHash));
    this.labels.delete(invoice.label);
    if (invoice.kind === 'eob_amp') this.paymentIds.delete(paymentIdOf(invoice));
  }

  /** Drops expired invoices from memory, and their marks from the store. */
  private evictExpired(): void {
    this.lastExpiryCheck = this.now();
    for (const invoice of this.records.inMemory.values()) {
      if (this.status(invoice) !== 'expired') continue;
      this.gate.save([{ key: OPEN + numberText(invoice.createdIndex), value: undefined }]);
      this.gate.afterSaved(() => this.evict(invoice));
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
      return await this.keep({ ...draft, createdIndex: this.lastCreated + 1n, paid: undefined }, hash);
    } finally {
      for (const name of Object.values(names)) this.beingAdded.delete(name);
    }
  }

  private async keep(invoice: InvoiceRecord, hash: string): Promise<InvoiceRecord> {
    // Encoded first: an invoice whose fields fit no record is refused before anything has changed.
    const value = encodeInvoiceRecord(invoice);
    this.lastCreated = invoice.createdIndex;
    this.cache(invoice);
    const n = numberText(invoice.createdIndex);
    const kept = this.store.commit([
      { key: INVOICE_RECORDS + n, value },
      { key: ofHash(hash) + n, value: EMPTY },
      { key: ofLabel(invoice.label) + n, value: EMPTY },
      { key: OPEN + n, value: EMPTY },
    ]);
    if (this.now() >= this.lastExpiryCheck + EXPIRY_CHECK_SECONDS) this.evictExpired();
    await kept;
    return invoice;
  }

  /** Invoices from number `first` on, in order of creation. Throws StoreError. */
  list(first = 0n): AsyncGenerator<InvoiceRecord> {
    return this.records.list(first);
  }

  /** Paid invoices in order of their pay_index, from `first` on. Throws StoreError. */
  async *listPaid(first = 0n): AsyncGenerator<InvoiceRecord> {
    const indexOf = ({ paid }: InvoiceRecord): bigint => paid?.payIndex ?? 0n;
    const held = [...this.records.inMemory.values()]
      .filter((invoice) => invoice.paid !== undefined && indexOf(invoice) >= first)
      .sort((a, b) => (indexOf(a) < indexOf(b) ? -1 : 1));
    let next = first;
    const after = first === 0n ? undefined : PAID + numberText(first - 1n);
    for await (const [key, value] of this.store.entries(PAID, after)) {
      const invoice = await this.records.get(BigInt(`0x${hex(value)}`));
      if (invoice !== undefined) yield invoice;
      next = numberIn(key) + 1n;
    }
    // Payments that are not durable yet have a higher pay_index than all durable ones.
    for (const invoice of held) if (indexOf(invoice) >= next) yield invoice;
  }

  /** The invoice with this label. Throws StoreError. */
  async byLabel(label: string): Promise<InvoiceRecord | undefined> {
    return this.find(this.labels.get(label), ofLabel(label));
  }

  /** By `InvoiceTerms.id`, which is the payment hash in hex. Throws StoreError. */
  async byId(id: string): Promise<InvoiceRecord | undefined> {
    return this.find(this.hashes.get(id), ofHash(id));
  }

  private async find(here: bigint | undefined, prefix: string): Promise<InvoiceRecord | undefined> {
    if (here !== undefined) return this.records.get(here);
    const key = await this.store.last(prefix);
    return key === undefined ? undefined : this.records.get(numberIn(key));
  }

  private held(n: bigint | undefined): InvoiceRecord | undefined {
    return n === undefined ? undefined : this.records.inMemory.get(n);
  }

  /** The invoice with this payment hash, if it is open. */
  openByHash(hash: Uint8Array): InvoiceRecord | undefined {
    return this.held(this.hashes.get(hex(hash)));
  }

  /** The EOB invoice with this payment_id (11 bytes), if it is open. */
  openByPaymentId(paymentId: Uint8Array): InvoiceRecord | undefined {
    return this.held(this.paymentIds.get(hex(paymentId)));
  }

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
      status: status[this.status(invoice)],
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
        ? this.held(this.hashes.get(paid.invoice))
        : keysendInvoice(paid, paid.keysend.extraTlvs, this.lastCreated + 1n);
    if (before === undefined) throw new RangeError(`a payment of invoice ${paid.invoice}, which is not open`);
    const { received, at, set, preimages } = paid;
    const invoice: InvoiceRecord = { ...before, paid: { payIndex: ++this.lastPaid, received, at, set, preimages } };
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
        { key: PAID + numberText(this.lastPaid), value: u64be(invoice.createdIndex) },
      ],
      settle: () => {
        this.cache(invoice);
        this.gate.afterSaved(() => {
          this.evict(invoice);
          this.waits.paid(invoice);
        });
      },
    };
  }

  /** Callers that wait for an invoice to be paid. */
  get waiting(): number {
    return this.waits.count;
  }

  /** The invoice as it is now; a paid one only once that is durable. Throws StoreError. */
  async reread(invoice: InvoiceRecord): Promise<InvoiceRecord> {
    const found = (await this.records.get(invoice.createdIndex)) ?? invoice;
    if (found.paid !== undefined) await this.gate.allSaved();
    return found;
  }

  /** Resolves once the invoice is paid or `signal` is aborted; `reread` says which. */
  async waitPaid(invoice: InvoiceRecord, signal: AbortSignal): Promise<void> {
    const n = invoice.createdIndex;
    if ((await this.records.get(n))?.paid !== undefined) return;
    await this.waits.wait(({ createdIndex }) => createdIndex === n, signal);
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
