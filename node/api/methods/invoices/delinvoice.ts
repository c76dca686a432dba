/** `delinvoice`: deletes an invoice, or its description. */

import { z } from 'zod';
import type { Node } from '../../../core/running.ts';
import type { InvoiceRemoval } from '../../../pay/invoicedeletion.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import { invoiceFields, invoiceRow } from './invoicerow.ts';

const params = z.strictObject({
  label: param.label.describe('the label of the invoice'),
  status: param
    .word('paid', 'expired', 'unpaid')
    .describe('what it has to be, so that none is deleted that was just paid'),
  desconly: param.flag.default(false).describe('delete its description alone, and keep the invoice'),
});

const result = z.object({ ...invoiceFields, status: z.enum(['unpaid', 'paid', 'expired']) });

/** What it needs of a node. */
export interface Parts {
  readonly invoices: Pick<Node['invoices'], 'remove' | 'status'>;
  readonly receiver: Pick<Node['receiver'], 'tick'>;
}

const refusal = (label: string, expected: string, why: Extract<InvoiceRemoval, { refused: unknown }>): ApiError => {
  switch (why.refused) {
    case 'unknown':
      return new ApiError('invoice_unknown', `label: there is no invoice "${label}"`);
    case 'no_description':
      return new ApiError('invoice_no_description', `desconly: the invoice "${label}" has no description`);
    case 'status':
      return new ApiError('invoice_status', `status: the invoice "${label}" is ${why.status}, not ${expected}`, {
        current_status: why.status,
        expected_status: expected,
      });
  }
};

export const delinvoice = method({
  doc: 'Deletes an invoice, and fails HTLCs that were held for it; or deletes its description alone.',
  example: ['coffee', 'unpaid'],
  params,
  result,
  handler: async (node: Parts, { label, status, desconly }) => {
    const removed = await node.invoices.remove(label, status, desconly ? 'description' : 'invoice');
    if ('refused' in removed) throw refusal(label, status, removed);
    // HTLCs of an incomplete set that was to pay it go back now, not at their timeout.
    if (!desconly) node.receiver.tick();
    return { ...invoiceRow(node, removed.invoice), status: removed.status };
  },
});
