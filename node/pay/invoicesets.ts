/**
 * Payments of invoices that may be paid any number of times: a record for each set, numbered from 1 for each invoice. The invoice's
 * own record stays as it was made.
 */
import { concat, u64be } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { type Codec, decode, encode, struct, u64 } from '../../wire/codec.ts';
import { msat } from '../../wire/fields.ts';
import type { Msat } from '../../wire/units.ts';
import type { Store } from '../ports/ports.ts';
import { numberText } from '../store/numbered.ts';
import { readRecord } from '../store/records.ts';
import { type InvoicePayment, invoicePayment } from './invoicerecord.ts';

export const INVOICE_SETS = 'invoiceset/';

/** One payment, its number among those of its invoice, and what they come to up to this one. */
export interface InvoiceSet {
  readonly number: bigint;
  readonly sum: Msat;
  readonly payment: InvoicePayment;
}

const record: Codec<InvoiceSet> = struct({ number: u64, sum: msat, payment: invoicePayment });
const ofInvoice = (invoice: bigint): string => `${INVOICE_SETS}${numberText(invoice)}/`;

/** What keeps one more payment of the invoice with this number. */
export const setChange = (invoice: bigint, set: InvoiceSet): Change => ({
  key: ofInvoice(invoice) + numberText(set.number),
  value: encode(record, set),
});

/** What stands under a pay_index: the invoice's number and, where it may be paid again, that of the payment. */
export const paidMark = (invoice: bigint, set?: bigint): Uint8Array =>
  set === undefined ? u64be(invoice) : concat(u64be(invoice), u64be(set));

const mark = struct({ invoice: u64, set: u64 });
const plainMark = struct({ invoice: u64 });
/** Throws WireError. */
export const readPaidMark = (value: Uint8Array): { readonly invoice: bigint; readonly set?: bigint } =>
  value.length > 8 ? decode(mark, value) : decode(plainMark, value);

/** Throws WireError. */
export const decodeInvoiceSet = (value: Uint8Array): InvoiceSet => decode(record, value);

/** One payment of an invoice, by its number. Throws StoreError. */
export const setOf = async (store: Store, invoice: bigint, number: bigint): Promise<InvoiceSet | undefined> => {
  const key = ofInvoice(invoice) + numberText(number);
  const value = await store.get(key);
  return value && readRecord(key, value, decodeInvoiceSet);
};

/** The latest payment of an invoice. Throws StoreError. */
export const lastSetOf = async (store: Store, invoice: bigint): Promise<InvoiceSet | undefined> => {
  const key = await store.last(ofInvoice(invoice));
  const value = key === undefined ? undefined : await store.get(key);
  return key === undefined || value === undefined ? undefined : readRecord(key, value, decodeInvoiceSet);
};

/** The latest payments of an invoice, `most` at most, in order. Throws StoreError. */
export const latestSetsOf = async (store: Store, invoice: bigint, most: number): Promise<readonly InvoiceSet[]> => {
  const last = await lastSetOf(store, invoice);
  if (last === undefined) return [];
  const prefix = ofInvoice(invoice);
  const behind = last.number - BigInt(most);
  const out: InvoiceSet[] = [];
  for await (const [key, value] of store.entries(prefix, behind > 0n ? prefix + numberText(behind) : undefined))
    out.push(readRecord(key, value, decodeInvoiceSet));
  return out;
};

/** The keys of all payments of an invoice, with the pay_index of each, oldest first. Throws StoreError. */
export async function* keysOfSets(
  store: Store,
  invoice: bigint,
): AsyncGenerator<{ readonly key: string; readonly payIndex: bigint }> {
  for await (const [key, value] of store.entries(ofInvoice(invoice)))
    yield { key, payIndex: readRecord(key, value, decodeInvoiceSet).payment.payIndex };
}
