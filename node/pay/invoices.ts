/**
 * The invoices made here: kept whole in memory and as one record each. An invoice becomes paid in the same atomic write as the
 * set of HTLCs that paid it (see receiver.ts), never by itself.
 */
import type { InvoiceTerms } from '../../amp/io.ts';
import type { PaidInvoice } from '../../amp/reports.ts';
import { hex, text, utf8 } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
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
import type { Msat, PaymentHash, Preimage } from '../../wire/units.ts';
import type { Store } from '../ports.ts';
import type { Gate } from '../store/gate.ts';
import { readRecord } from '../store/records.ts';

export const PAYMENT_ID_LENGTH = 11;
const PREFIX = 'invoice/';

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
  readonly bolt11: string;
  readonly description: string;
  readonly amount: Msat | undefined;
  readonly paymentHash: PaymentHash;
  readonly paymentSecret: Uint8Array;
  /** Of an ordinary one. */
  readonly preimage: Preimage | undefined;
  readonly minFinalCltv: number;
  readonly createdIndex: bigint;
  /** Unix seconds. */
  readonly expiresAt: number;
  readonly paid: InvoicePayment | undefined;
}

const string: Codec<string> = map(bytes16, text, utf8);
const record: Codec<InvoiceRecord> = struct({
  label: string,
  kind: map(
    u8,
    (n): InvoiceTerms['kind'] => (n === 0 ? 'ordinary' : 'eob_amp'),
    (kind) => (kind === 'ordinary' ? 0 : 1),
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
  paid: optional(
    struct({
      payIndex: u64,
      received: msat,
      at: map(u64, Number, BigInt),
      set: bytes32,
      preimages: list(u16, preimage),
    }),
  ),
});

const keyOf = (invoice: Pick<InvoiceRecord, 'paymentHash'>): string => PREFIX + hex(invoice.paymentHash);
const paymentIdOf = (invoice: Pick<InvoiceRecord, 'paymentSecret'>): string =>
  hex(invoice.paymentSecret.subarray(0, PAYMENT_ID_LENGTH));

/** What `listinvoices` calls it. */
export type InvoiceStatus = 'unpaid' | 'paid' | 'expired';

export class Invoices {
  private readonly store: Store;
  private readonly gate: Gate;
  private readonly now: () => number;
  private readonly byHash = new Map<string, InvoiceRecord>();
  /** Label, and payment_id of an EOB invoice, to payment hash. */
  private readonly labels = new Map<string, string>();
  private readonly paymentIds = new Map<string, string>();
  private readonly waiting = new Map<string, Set<(invoice: InvoiceRecord) => void>>();
  private lastCreated = 0n;
  private lastPaid = 0n;

  private constructor(store: Store, gate: Gate, now: () => number) {
    this.store = store;
    this.gate = gate;
    this.now = now;
  }

  /** The invoices a store holds. `now` in Unix seconds. Throws StoreError. */
  static async load(store: Store, gate: Gate, now: () => number): Promise<Invoices> {
    const invoices = new Invoices(store, gate, now);
    for await (const [key, value] of store.entries(PREFIX))
      invoices.put(readRecord(key, value, (bytes) => decode(record, bytes)));
    return invoices;
  }

  private put(invoice: InvoiceRecord): void {
    const hash = hex(invoice.paymentHash);
    this.byHash.set(hash, invoice);
    this.labels.set(invoice.label, hash);
    if (invoice.kind === 'eob_amp') this.paymentIds.set(paymentIdOf(invoice), hash);
    if (invoice.createdIndex > this.lastCreated) this.lastCreated = invoice.createdIndex;
    if (invoice.paid !== undefined && invoice.paid.payIndex > this.lastPaid) this.lastPaid = invoice.paid.payIndex;
  }

  /** Keeps a new invoice; resolves once it would survive a crash. The caller has made sure that label and hash are new. */
  async add(draft: Omit<InvoiceRecord, 'createdIndex' | 'paid'>): Promise<InvoiceRecord> {
    const invoice: InvoiceRecord = { ...draft, createdIndex: ++this.lastCreated, paid: undefined };
    this.put(invoice);
    await this.store.commit([{ key: keyOf(invoice), value: encode(record, invoice) }]);
    return invoice;
  }

  /** In order of their creation. */
  all(): readonly InvoiceRecord[] {
    return [...this.byHash.values()].sort((a, b) => (a.createdIndex < b.createdIndex ? -1 : 1));
  }

  labelled(label: string): InvoiceRecord | undefined {
    const hash = this.labels.get(label);
    return hash === undefined ? undefined : this.byHash.get(hash);
  }

  /** By `InvoiceTerms.id`. */
  byId(id: string): InvoiceRecord | undefined {
    return this.byHash.get(id);
  }

  hashed(hash: Uint8Array): InvoiceRecord | undefined {
    return this.byHash.get(hex(hash));
  }

  /** The EOB invoice of a payment_id (11 bytes). */
  identified(paymentId: Uint8Array): InvoiceRecord | undefined {
    const hash = this.paymentIds.get(hex(paymentId));
    return hash === undefined ? undefined : this.byHash.get(hash);
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
    const before = this.byHash.get(paid.invoice);
    if (before === undefined) return { changes: [], settle: () => undefined };
    const { received, at, set, preimages } = paid;
    const invoice: InvoiceRecord = { ...before, paid: { payIndex: ++this.lastPaid, received, at, set, preimages } };
    return {
      changes: [{ key: keyOf(invoice), value: encode(record, invoice) }],
      settle: () => {
        this.put(invoice);
        this.gate.after(() => {
          for (const tell of this.waiting.get(paid.invoice) ?? []) tell(invoice);
          this.waiting.delete(paid.invoice);
        });
      },
    };
  }

  /** Resolves once the invoice is paid, or has expired (checked by the caller through `status`), or the caller has gone. */
  wait(invoice: InvoiceRecord, signal: AbortSignal): Promise<InvoiceRecord> {
    const hash = hex(invoice.paymentHash);
    return new Promise((resolve) => {
      const listeners = this.waiting.get(hash) ?? new Set();
      this.waiting.set(hash, listeners);
      const end = (result: InvoiceRecord) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', gone);
        listeners.delete(end);
        resolve(result);
      };
      const gone = () => end(this.byHash.get(hash) ?? invoice);
      // Timers hold 31 bits of milliseconds; a longer wait is taken up again by whoever asks next.
      const left = Math.min(Math.max(0, (invoice.expiresAt - this.now()) * 1000), 0x7fff_ffff);
      const timer = setTimeout(gone, left);
      timer.unref();
      signal.addEventListener('abort', gone, { once: true });
    });
  }
}
