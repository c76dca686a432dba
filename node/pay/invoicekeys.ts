/** Keys of the store beside the records of invoices: marks, and indexes by what an invoice is looked for. */
import { hex, utf8 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { numberText } from '../store/numbered.ts';
import type { KeyPrefix } from '../store/schema.ts';
import type { InvoiceRecord } from './invoicerecord.ts';

/** A mark for each open invoice, by its number: not paid, and not expired when that was last checked. */
export const OPEN = 'invoiceopen/';
/** An index: the pay_index, with the invoice's number as value. */
export const PAID = 'invoicepaid/';
const HASHES = 'invoicehash/';
const LABELS = 'invoicelabel/';

/** Of the payment hash in hex; the invoice's number follows. */
export const ofHash = (hash: string): KeyPrefix => `${HASHES}${hash}/`;
/** Of the label; the invoice's number follows. */
export const ofLabel = (label: string): KeyPrefix => `${LABELS}${hex(sha256(utf8(label)))}/`;

/** The keys by which an invoice is found, and the mark that it is open. */
export const indexKeys = ({ createdIndex, paymentHash, label }: InvoiceRecord): readonly string[] => {
  const n = numberText(createdIndex);
  return [ofHash(hex(paymentHash)) + n, ofLabel(label) + n, OPEN + n];
};
