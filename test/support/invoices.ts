/** What invoice tests share: the key of BOLT 11's examples, and a look at why something was refused. */
import { unhex } from '../../wire/bytes.ts';
import { signRecoverable } from '../../wire/crypto.ts';
import { InvoiceError, type InvoiceFault } from '../../wire/invoice/errors.ts';
import type { InvoiceSigner } from '../../wire/invoice.ts';
import { secretKey } from '../../wire/units.ts';
import vectors from '../vectors/bolt11-invoices.json' with { type: 'json' };

export const { valid, invalid } = vectors.vectors;

const secret = secretKey(unhex(vectors.private_key));
/** Signs as the node 03e7156a… of the examples. */
export const sign: InvoiceSigner = (digest) => signRecoverable(digest, secret);

/** The fault of the InvoiceError that `run` throws; undefined when it throws nothing. */
export const fault = (run: () => unknown): InvoiceFault | undefined => {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof InvoiceError) return error.fault;
    throw error;
  }
};
