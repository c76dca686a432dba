/**
 * Deleting invoices, or the description of one. What can still be paid leaves memory in the same turn in which its status is looked
 * at: from then on no HTLC finds it, so it cannot become paid while its records are deleted.
 */
import type { Change } from '../../wire/change.ts';
import type { Store } from '../ports/ports.ts';
import type { Gate } from '../store/gate.ts';
import { highestGiven, type Numbered, numberText } from '../store/numbered.ts';
import { indexKeys, PAID } from './invoicekeys.ts';
import {
  encodeInvoiceRecord,
  INVOICE_RECORDS,
  type InvoiceRecord,
  type InvoiceStatus,
  isReusable,
} from './invoicerecord.ts';
import { keysOfSets } from './invoicesets.ts';
import type { OpenInvoices } from './openinvoices.ts';

/** Payments whose records one write deletes, of an invoice that was paid very often. */
const SETS_PER_WRITE = 1000;

/** The invoice as it was before it was deleted, or as it is without its description; or why nothing was deleted. */
export type InvoiceRemoval =
  | { readonly invoice: InvoiceRecord; readonly status: InvoiceStatus }
  | { readonly refused: 'unknown' | 'no_description' }
  | { readonly refused: 'status'; readonly status: InvoiceStatus };

export interface DeletionParts {
  readonly store: Store;
  readonly gate: Gate;
  readonly records: Numbered<InvoiceRecord>;
  readonly open: OpenInvoices;
  readonly status: (invoice: InvoiceRecord) => InvoiceStatus;
  /** With its payments, where it may be paid again. */
  readonly whole: (invoice: InvoiceRecord) => Promise<InvoiceRecord>;
  /** The highest numbers given so far: of an invoice, and of a payment (pay_index). */
  readonly highest: () => { readonly created: bigint; readonly paid: bigint };
}

const gone = (key: string): Change => ({ key, value: undefined });

export class InvoiceDeletion {
  private readonly parts: DeletionParts;
  private readonly beingDeleted = new Set<bigint>();

  constructor(parts: DeletionParts) {
    this.parts = parts;
  }

  /** Deletes the invoice of this number, or its description, if it has the status `expected`; resolves once durable. Throws StoreError. */
  async remove(n: bigint, expected: InvoiceStatus, what: 'invoice' | 'description'): Promise<InvoiceRemoval> {
    if (this.beingDeleted.has(n)) return { refused: 'unknown' };
    this.beingDeleted.add(n);
    try {
      return await this.removeAlone(n, expected, what);
    } finally {
      this.beingDeleted.delete(n);
    }
  }

  private async removeAlone(
    n: bigint,
    expected: InvoiceStatus,
    what: 'invoice' | 'description',
  ): Promise<InvoiceRemoval> {
    const { records, gate, status, whole } = this.parts;
    // A payment that is not durable yet is waited for: then the record on disk is the last that is written.
    await gate.allSaved();
    const stored = records.inMemory.has(n) ? undefined : await records.get(n);
    const past = stored && (await whole(stored));
    // From here to the write or to its leaving memory there is no wait: what is in memory may be paid at any time.
    const invoice = records.inMemory.get(n) ?? past;
    if (invoice === undefined) return { refused: 'unknown' };
    const found = status(invoice);
    if (found !== expected) return { refused: 'status', status: found };
    if (what === 'invoice') {
      await this.deleteAll(invoice);
      return { invoice, status: found };
    }
    if (invoice.description === '') return { refused: 'no_description' };
    return { invoice: await this.deleteDescription(invoice), status: found };
  }

  private async deleteDescription(before: InvoiceRecord): Promise<InvoiceRecord> {
    const { store, records, open } = this.parts;
    const invoice = { ...before, description: '' };
    if (records.inMemory.has(invoice.createdIndex)) open.cache(invoice);
    // The payments of one that may be paid again stand in records of their own.
    const kept = isReusable(invoice) ? { ...invoice, paid: undefined } : invoice;
    await store.commit([{ key: INVOICE_RECORDS + numberText(invoice.createdIndex), value: encodeInvoiceRecord(kept) }]);
    // Whoever takes one that is paid out of memory once that is durable takes the record it knows.
    if (kept.paid !== undefined) open.evict(invoice);
    return invoice;
  }

  /** A crash in between leaves an invoice with fewer payments on record, never payments without their invoice. */
  private async deleteAll(invoice: InvoiceRecord): Promise<void> {
    const { store, gate, open, highest } = this.parts;
    const n = invoice.createdIndex;
    open.evict(invoice);
    if (isReusable(invoice)) await gate.allSaved();
    let changes: Change[] = [];
    const paidKeys = (payIndex: bigint): readonly Change[] => [
      gone(PAID + numberText(payIndex)),
      highestGiven(PAID, highest().paid),
    ];
    if (isReusable(invoice))
      for await (const { key, payIndex } of keysOfSets(store, n)) {
        changes.push(gone(key), ...paidKeys(payIndex));
        if (changes.length < 3 * SETS_PER_WRITE) continue;
        await store.commit(changes);
        changes = [];
      }
    else if (invoice.paid !== undefined) changes.push(...paidKeys(invoice.paid.payIndex));
    await store.commit([
      ...changes,
      ...[INVOICE_RECORDS + numberText(n), ...indexKeys(invoice)].map(gone),
      highestGiven(INVOICE_RECORDS, highest().created),
    ]);
  }
}
