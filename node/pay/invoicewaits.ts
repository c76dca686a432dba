/** Who waits for invoices to be paid. Told once a payment would survive a crash, so that nobody hands out goods that were not paid. */
import type { InvoiceRecord } from './invoicerecord.ts';

interface Wait {
  readonly wants: (invoice: InvoiceRecord) => boolean;
  readonly end: (invoice: InvoiceRecord | undefined) => void;
}

export class InvoiceWaits {
  private readonly waits = new Set<Wait>();

  /** How many wait. */
  get count(): number {
    return this.waits.size;
  }

  /** The first invoice `wants` is true of that is paid from now on; undefined when `signal` is aborted before, or is already. */
  wait(wants: Wait['wants'], signal: AbortSignal): Promise<InvoiceRecord | undefined> {
    if (signal.aborted) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const gone = (): void => wait.end(undefined);
      const wait: Wait = {
        wants,
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

  /** An invoice was paid, and that is durable. */
  paid(invoice: InvoiceRecord): void {
    for (const wait of [...this.waits]) if (wait.wants(invoice)) wait.end(invoice);
  }
}
