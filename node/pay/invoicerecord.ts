/** The record of an invoice of ours: written when it is made, and once more when it is paid. */
import type { InvoiceTerms } from '../../amp/io.ts';
import { text, utf8 } from '../../wire/bytes.ts';
import {
  bytes16,
  type Codec,
  decode,
  encode,
  list,
  map,
  optional,
  struct,
  u8,
  u16,
  u32,
  u64,
} from '../../wire/codec.ts';
import { bytes32, msat, paymentHash, preimage } from '../../wire/fields.ts';
import type { RawRecord } from '../../wire/tlv.ts';
import type { Msat, PaymentHash, Preimage } from '../../wire/units.ts';

export const PAYMENT_ID_LENGTH = 11;

export interface InvoicePayment {
  readonly payIndex: bigint;
  readonly received: Msat;
  /** Unix seconds. */
  readonly at: number;
  /** The set_id of an AMP, the payment hash of an ordinary payment. */
  readonly set: Uint8Array;
  readonly preimages: readonly Preimage[];
}

export interface InvoiceRecord {
  readonly label: string;
  readonly kind: InvoiceTerms['kind'];
  /** Empty where it is the record of a keysend, which was paid without an invoice. */
  readonly bolt11: string;
  readonly description: string;
  readonly amount: Msat | undefined;
  readonly paymentHash: PaymentHash;
  readonly paymentSecret: Uint8Array;
  /** Of an ordinary invoice; an AMP invoice has none. */
  readonly preimage: Preimage | undefined;
  readonly minFinalCltv: number;
  readonly createdIndex: bigint;
  /** Unix seconds. */
  readonly expiresAt: number;
  /** Of one that may be paid again: its latest payment, or the one that is told of. It stands in a record of its own. */
  readonly paid: InvoicePayment | undefined;
  /** Further records that came with a keysend, increasing by type. */
  readonly extraTlvs?: readonly RawRecord[] | undefined;
  /** All payments of one that may be paid again, where not one of them is told of. */
  readonly all?: { readonly count: bigint; readonly received: Msat } | undefined;
}

/** What `listinvoices` calls it. */
export type InvoiceStatus = 'unpaid' | 'paid' | 'expired';

/** Whether an invoice may be paid any number of times. */
export const isReusable = ({ kind }: Pick<InvoiceRecord, 'kind'>): boolean => kind === 'deployed_amp';

export const invoicePayment: Codec<InvoicePayment> = struct({
  payIndex: u64,
  received: msat,
  at: map(u64, Number, BigInt),
  set: bytes32,
  preimages: list(u16, preimage),
});

const string: Codec<string> = map(bytes16, text, utf8);
const fields = struct({
  label: string,
  kind: map(
    u8,
    (n): InvoiceTerms['kind'] => (n === 0 ? 'ordinary' : n === 1 ? 'eob_amp' : 'deployed_amp'),
    (kind) => ({ ordinary: 0, eob_amp: 1, deployed_amp: 2 })[kind],
  ),
  bolt11: string,
  description: string,
  amount: optional(msat),
  paymentHash,
  paymentSecret: bytes32,
  preimage: optional(preimage),
  minFinalCltv: u32,
  createdIndex: u64,
  expiresAt: map(u64, Number, BigInt),
  paid: optional(invoicePayment),
});

const extraTlvs: Codec<readonly RawRecord[]> = list(u16, struct({ type: u64, value: bytes16 }));

/** Versions before knew no further records, and nothing stands behind the fields of an invoice without any. */
const record: Codec<InvoiceRecord> = {
  write: (w, invoice) => {
    fields.write(w, invoice);
    if (invoice.extraTlvs !== undefined && invoice.extraTlvs.length > 0) extraTlvs.write(w, invoice.extraTlvs);
  },
  read: (r) => ({ ...fields.read(r), ...(r.left > 0 && { extraTlvs: extraTlvs.read(r) }) }),
};

export const INVOICE_RECORDS = 'invoice/';
export const encodeInvoiceRecord = (invoice: InvoiceRecord): Uint8Array => encode(record, invoice);
/** Throws WireError. */
export const decodeInvoiceRecord = (bytes: Uint8Array): InvoiceRecord => decode(record, bytes);
