/** Callers that wait for invoices to be paid. They are told once the payment is durable: nobody ships goods for a payment that a crash undoes. */
import { Listeners } from '../base/listeners.ts';
import type { InvoiceRecord } from './invoicerecord.ts';

interface Wait {
  readonly wants: (invoice: InvoiceRecord) => boolean;
  /** The number of the invoice, of who waits for one alone. */
  readonly of: bigint | undefined;
  readonly end: (invoice: InvoiceRecord | undefined) => void;
}

export class InvoiceWaiters {
  private readonly waits = new Set<Wait>();
  /** Told of every payment of an invoice once it is durable. */
  readonly allPaid = new Listeners<InvoiceRecord>();

  /** Callers that wait now. */
  get count(): number {
    return this.waits.size;
  }

  /** The first invoice paid from now on for which `wants` is true; undefined once `signal` is aborted, or the one of number `of` deleted. */
  wait(wants: Wait['wants'], signal: AbortSignal, of?: bigint): Promise<InvoiceRecord | undefined> {
    if (signal.aborted) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const gone = (): void => wait.end(undefined);
      const wait: Wait = {
        ...{ wants, of },
        end: (invoice) => {
          this.waits.delete(wait);
          signal.removeEventListener('abort', gone);
          resolve(invoice);
        },
      };
      this.waits.add(wait);
      signal.addEventListener('abort', gone, { once: true });
    });
  }

  /** An invoice was paid and that is durable: answers everyone who waits for it. */
  paid(invoice: InvoiceRecord): void {
    for (const wait of [...this.waits]) if (wait.wants(invoice)) wait.end(invoice);
    this.allPaid.tell(invoice);
  }

  /** The invoice of this number was deleted: it is never paid. */
  deleted(n: bigint): void {
    for (const wait of [...this.waits]) if (wait.of === n) wait.end(undefined);
  }
}
