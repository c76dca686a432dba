/**
 * The invoices made here. Those that can still be paid are in memory and have a mark in the store, which is all that is read at
 * the start; all others are read when somebody asks for them. An invoice becomes paid in the same atomic write as the set of
 * HTLCs that paid it (see receiver.ts), never by itself.
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
import {
  decodeInvoiceRecord,
  encodeInvoiceRecord,
  INVOICES,
  type InvoiceRecord,
  PAYMENT_ID_LENGTH,
} from './invoicerecord.ts';
import { InvoiceWaits } from './invoicewaits.ts';

/** A mark for each invoice that is not paid and had not expired when it was last looked at. */
const OPEN = 'invoiceopen/';
/** From the number of its payment to that of the invoice. */
const PAID = 'invoicepaid/';
const HASHES = 'invoicehash/';
const LABELS = 'invoicelabel/';
const EMPTY = new Uint8Array();
/** Seconds between two looks for invoices that have expired. */
const LOOK_EVERY = 60;

const ofHash = (hash: string): string => `${HASHES}${hash}/`;
const ofLabel = (label: string): string => `${LABELS}${hex(sha256(utf8(label)))}/`;
const paymentIdOf = ({ paymentSecret }: InvoiceRecord): string => hex(paymentSecret.subarray(0, PAYMENT_ID_LENGTH));

/** What `listinvoices` calls it. */
export type InvoiceStatus = 'unpaid' | 'paid' | 'expired';

/** What another invoice has already. */
export type Taken = 'label' | 'hash';

export class Invoices {
  private readonly store: Store;
  private readonly gate: Gate;
  private readonly now: () => number;
  private readonly records: Numbered<InvoiceRecord>;
  /** Of those in memory, to their numbers: by payment hash, label, and payment_id of an EOB invoice. */
  private readonly hashes = new Map<string, bigint>();
  private readonly labels = new Map<string, bigint>();
  private readonly paymentIds = new Map<string, bigint>();
  /** Labels and hashes of invoices that are being made. */
  private readonly asked = new Set<string>();
  private readonly waits = new InvoiceWaits();
  private lastCreated = 0n;
  private lastPaid = 0n;
  private looked: number;

  private constructor(store: Store, gate: Gate, now: () => number) {
    this.store = store;
    this.gate = gate;
    this.now = now;
    this.looked = now();
    this.records = new Numbered(store, INVOICES, decodeInvoiceRecord);
  }

  /** Reads the invoices of a store that can still be paid. `now` in Unix seconds. Throws StoreError. */
  static async load(store: Store, gate: Gate, now: () => number): Promise<Invoices> {
    const invoices = new Invoices(store, gate, now);
    const { records } = invoices;
    invoices.lastCreated = await records.last();
    const paid = await store.last(PAID);
    if (paid !== undefined) invoices.lastPaid = numberIn(paid);
    for await (const n of numbersBelow(store, OPEN)) {
      const invoice = await records.at(n);
      if (invoice === undefined)
        throw new StoreError({ code: 'corrupt', key: records.key(n), detail: 'no record of an invoice to be paid' });
      invoices.hold(invoice);
    }
    invoices.letGoOfExpired();
    return invoices;
  }

  private hold(invoice: InvoiceRecord): void {
    const n = invoice.createdIndex;
    this.records.held.set(n, invoice);
    this.hashes.set(hex(invoice.paymentHash), n);
    this.labels.set(invoice.label, n);
    if (invoice.kind === 'eob_amp') this.paymentIds.set(paymentIdOf(invoice), n);
  }

  private letGo(invoice: InvoiceRecord): void {
    if (this.records.held.get(invoice.createdIndex) !== invoice) return;
    this.records.held.delete(invoice.createdIndex);
    this.hashes.delete(hex(invoice.paymentHash));
    this.labels.delete(invoice.label);
    if (invoice.kind === 'eob_amp') this.paymentIds.delete(paymentIdOf(invoice));
  }

  /** Nobody can pay these any more. */
  private letGoOfExpired(): void {
    this.looked = this.now();
    for (const invoice of this.records.held.values()) {
      if (this.status(invoice) !== 'expired') continue;
      this.gate.keep([{ key: OPEN + numberText(invoice.createdIndex), value: undefined }]);
      this.gate.after(() => this.letGo(invoice));
    }
  }

  /** Keeps a new invoice; resolves once it would survive a crash, or with what an earlier one has already. Throws StoreError. */
  async add(draft: Omit<InvoiceRecord, 'createdIndex' | 'paid'>): Promise<InvoiceRecord | Taken> {
    const hash = hex(draft.paymentHash);
    const names = { label: `label ${draft.label}`, hash: `hash ${hash}` };
    for (const what of ['label', 'hash'] as const) if (this.asked.has(names[what])) return what;
    for (const name of Object.values(names)) this.asked.add(name);
    try {
      if ((await this.labelled(draft.label)) !== undefined) return 'label';
      if ((await this.byId(hash)) !== undefined) return 'hash';
      // From here on whoever asks for this label or hash finds it in memory.
      return await this.keep({ ...draft, createdIndex: this.lastCreated + 1n, paid: undefined }, hash);
    } finally {
      for (const name of Object.values(names)) this.asked.delete(name);
    }
  }

  private async keep(invoice: InvoiceRecord, hash: string): Promise<InvoiceRecord> {
    // Before anything is held or promised: what no record can hold is refused, and leaves nothing behind.
    const value = encodeInvoiceRecord(invoice);
    this.lastCreated = invoice.createdIndex;
    this.hold(invoice);
    const n = numberText(invoice.createdIndex);
    const kept = this.store.commit([
      { key: INVOICES + n, value },
      { key: ofHash(hash) + n, value: EMPTY },
      { key: ofLabel(invoice.label) + n, value: EMPTY },
      { key: OPEN + n, value: EMPTY },
    ]);
    if (this.now() >= this.looked + LOOK_EVERY) this.letGoOfExpired();
    await kept;
    return invoice;
  }

  /** All from a number on, in order of their creation. Throws StoreError. */
  list(first = 0n): AsyncGenerator<InvoiceRecord> {
    return this.records.from(first);
  }

  /** Those that were paid, in order of their payments, from the number of a payment on. Throws StoreError. */
  async *listPaid(first = 0n): AsyncGenerator<InvoiceRecord> {
    const indexOf = ({ paid }: InvoiceRecord): bigint => paid?.payIndex ?? 0n;
    const held = [...this.records.held.values()]
      .filter((invoice) => invoice.paid !== undefined && indexOf(invoice) >= first)
      .sort((a, b) => (indexOf(a) < indexOf(b) ? -1 : 1));
    let next = first;
    const after = first === 0n ? undefined : PAID + numberText(first - 1n);
    for await (const [key, value] of this.store.entries(PAID, after)) {
      const invoice = await this.records.at(BigInt(`0x${hex(value)}`));
      if (invoice !== undefined) yield invoice;
      next = numberIn(key) + 1n;
    }
    // What is not durable yet came later than all that is.
    for (const invoice of held) if (indexOf(invoice) >= next) yield invoice;
  }

  /** Throws StoreError. */
  async labelled(label: string): Promise<InvoiceRecord | undefined> {
    return this.find(this.labels.get(label), ofLabel(label));
  }

  /** By `InvoiceTerms.id`, which is the payment hash in hex. Throws StoreError. */
  async byId(id: string): Promise<InvoiceRecord | undefined> {
    return this.find(this.hashes.get(id), ofHash(id));
  }

  private async find(here: bigint | undefined, prefix: string): Promise<InvoiceRecord | undefined> {
    if (here !== undefined) return this.records.at(here);
    const key = await this.store.last(prefix);
    return key === undefined ? undefined : this.records.at(numberIn(key));
  }

  private held(n: bigint | undefined): InvoiceRecord | undefined {
    return n === undefined ? undefined : this.records.held.get(n);
  }

  /** The invoice of a payment hash, if it may still be payable. */
  hashed(hash: Uint8Array): InvoiceRecord | undefined {
    return this.held(this.hashes.get(hex(hash)));
  }

  /** The EOB invoice of a payment_id (11 bytes), if it may still be payable. */
  identified(paymentId: Uint8Array): InvoiceRecord | undefined {
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

  /** The change that makes an invoice paid, to be kept with the set that paid it; `settle` follows, and tells who waits. */
  paidChange(paid: PaidInvoice): { readonly changes: readonly Change[]; readonly settle: () => void } {
    const before = this.held(this.hashes.get(paid.invoice));
    if (before === undefined) throw new RangeError(`a payment of invoice ${paid.invoice}, which is not open`);
    const { received, at, set, preimages } = paid;
    const invoice: InvoiceRecord = { ...before, paid: { payIndex: ++this.lastPaid, received, at, set, preimages } };
    const n = numberText(invoice.createdIndex);
    return {
      changes: [
        { key: INVOICES + n, value: encodeInvoiceRecord(invoice) },
        { key: OPEN + n, value: undefined },
        { key: PAID + numberText(this.lastPaid), value: u64be(invoice.createdIndex) },
      ],
      settle: () => {
        this.hold(invoice);
        this.gate.after(() => {
          this.letGo(invoice);
          this.waits.paid(invoice);
        });
      },
    };
  }

  /** How many wait for invoices to be paid. */
  get waiting(): number {
    return this.waits.count;
  }

  /** As the store has it, or will have it in a moment; one that is paid only once that would survive a crash. Throws StoreError. */
  async standing(invoice: InvoiceRecord): Promise<InvoiceRecord> {
    const found = (await this.records.at(invoice.createdIndex)) ?? invoice;
    if (found.paid !== undefined) await this.gate.settled();
    return found;
  }

  /** Resolves once the invoice is paid, or when `signal` is aborted; `standing` says which. */
  async paidOr(invoice: InvoiceRecord, signal: AbortSignal): Promise<void> {
    const n = invoice.createdIndex;
    if ((await this.records.at(n))?.paid !== undefined) return;
    await this.waits.wait(({ createdIndex }) => createdIndex === n, signal);
  }

  /**
   * The first payment behind that of this number, once it is there and would survive a crash; undefined when `signal` is aborted
   * before. Throws StoreError.
   */
  async paidAfter(last: bigint, signal: AbortSignal): Promise<InvoiceRecord | undefined> {
    if (last < this.lastPaid)
      for await (const invoice of this.listPaid(last + 1n)) {
        await this.gate.settled();
        return invoice;
      }
    return this.waits.wait(({ paid }) => paid !== undefined && paid.payIndex > last, signal);
  }
}
