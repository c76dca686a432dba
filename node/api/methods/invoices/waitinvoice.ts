/** `waitinvoice`: answers once an invoice is paid. */

import { z } from 'zod';
import type { Node } from '../../../core/running.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import { invoiceFields, invoiceRow } from './invoicerow.ts';
import { checkRoom, gone, within } from './waiting.ts';

const params = z.strictObject({ label: param.label.describe('the label of the invoice') });

const result = z.object({ ...invoiceFields, status: z.enum(['paid', 'expired']) });

type Result = z.output<typeof result>;

/** What it needs of a node. */
type Parts = Pick<Node, 'invoices' | 'ports'>;

export const waitinvoice = method({
  doc: 'Answers once the invoice is paid, or with an error once it has expired.',
  example: ['coffee'],
  params,
  result,
  handler: async (node: Parts, { label }, { signal }): Promise<Result> => {
    const { invoices, ports } = node;
    const found = await invoices.byLabel(label);
    if (found === undefined) throw new ApiError('invoice_unknown', `label: there is no invoice "${label}"`);
    checkRoom(node);
    for (;;) {
      const record = await invoices.reread(found);
      if (record === undefined) throw new ApiError('general', `the invoice "${label}" was deleted meanwhile`);
      const { status, ...row } = invoiceRow(node, record);
      if (status === 'paid') return { ...row, status };
      if (status === 'expired') throw new ApiError('invoice_expired', `the invoice "${label}" has expired unpaid`);
      if (signal.aborted) throw gone();
      const left = Math.max(0, record.expiresAt * 1000 - ports.clock.now());
      await within(node, left, signal, (until) => invoices.waitPaid(record, until));
    }
  },
});
