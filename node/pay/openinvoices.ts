/** The invoices in memory, by all that an HTLC or a caller may name them with: those that can still be paid, and those whose payment is not durable yet. */
import { hex } from '../../wire/bytes.ts';
import { type InvoiceRecord, PAYMENT_ID_LENGTH } from './invoicerecord.ts';

const paymentIdOf = ({ paymentSecret }: InvoiceRecord): string => hex(paymentSecret.subarray(0, PAYMENT_ID_LENGTH));

export class OpenInvoices {
  private readonly byNumber: Map<bigint, InvoiceRecord>;
  /** Their numbers: by payment hash, by label, by payment_id of an EOB invoice, and by payment_secret. */
  private readonly hashes = new Map<string, bigint>();
  private readonly labels = new Map<string, bigint>();
  private readonly paymentIds = new Map<string, bigint>();
  private readonly secrets = new Map<string, bigint>();

  /** `byNumber` is written by this class alone. */
  constructor(byNumber: Map<bigint, InvoiceRecord>) {
    this.byNumber = byNumber;
  }

  /** Puts an invoice into memory, in the place of an earlier state of it. */
  cache(invoice: InvoiceRecord): void {
    const n = invoice.createdIndex;
    this.byNumber.set(n, invoice);
    this.hashes.set(hex(invoice.paymentHash), n);
    this.labels.set(invoice.label, n);
    this.secrets.set(hex(invoice.paymentSecret), n);
    if (invoice.kind === 'eob_amp') this.paymentIds.set(paymentIdOf(invoice), n);
  }

  /** Takes an invoice out of memory, unless a later state of it is there. */
  evict(invoice: InvoiceRecord): void {
    if (this.byNumber.get(invoice.createdIndex) !== invoice) return;
    this.byNumber.delete(invoice.createdIndex);
    this.hashes.delete(hex(invoice.paymentHash));
    this.labels.delete(invoice.label);
    this.secrets.delete(hex(invoice.paymentSecret));
    if (invoice.kind === 'eob_amp') this.paymentIds.delete(paymentIdOf(invoice));
  }

  /** The number of the one with this payment hash (hex). */
  numberByHash(hash: string): bigint | undefined {
    return this.hashes.get(hash);
  }

  /** The number of the one with this label. */
  numberByLabel(label: string): bigint | undefined {
    return this.labels.get(label);
  }

  private at(n: bigint | undefined): InvoiceRecord | undefined {
    return n === undefined ? undefined : this.byNumber.get(n);
  }

  /** The one with this payment hash (hex). */
  byHash(hash: string): InvoiceRecord | undefined {
    return this.at(this.hashes.get(hash));
  }

  /** The EOB invoice with this payment_id (11 bytes). */
  byPaymentId(paymentId: Uint8Array): InvoiceRecord | undefined {
    return this.at(this.paymentIds.get(hex(paymentId)));
  }

  /** The one with this payment_secret (32 bytes). */
  bySecret(secret: Uint8Array): InvoiceRecord | undefined {
    return this.at(this.secrets.get(hex(secret)));
  }

  values(): IterableIterator<InvoiceRecord> {
    return this.byNumber.values();
  }
}
