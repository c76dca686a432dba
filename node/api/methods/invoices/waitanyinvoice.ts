/** `waitanyinvoice`: answers with the next invoice that is paid. */

import { z } from 'zod';
import type { Node } from '../../../core/running.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import { invoiceFields, invoiceRow, MOST_EXPIRY } from './invoicerow.ts';
import { checkRoom, gone, within } from './waiting.ts';

const params = z.strictObject({
  lastpay_index: param.index.default(0).describe('the pay_index of the payment that was heard of last; 0 for none'),
  timeout: param.seconds(0, MOST_EXPIRY).optional().describe('how long to wait at most; else without end'),
});

const result = z.object({ ...invoiceFields, status: z.enum(['paid', 'expired']) });

type Result = z.output<typeof result>;

/** What it needs of a node. */
type Parts = Pick<Node, 'invoices' | 'ports'>;

export const waitanyinvoice = method({
  doc: 'Answers with the first invoice that was or is paid behind a payment: call it with the pay_index it gave last, and none is missed.',
  example: ['7', 'timeout=60'],
  params,
  result,
  handler: async (node: Parts, { lastpay_index: last, timeout }, { signal }): Promise<Result> => {
    checkRoom(node);
    const ms = timeout === undefined ? undefined : timeout * 1000;
    const record = await within(node, ms, signal, (until) => node.invoices.waitAnyPaid(BigInt(last), until));
    if (record !== undefined) return { ...invoiceRow(node, record), status: 'paid' };
    if (signal.aborted) throw gone();
    throw new ApiError('invoice_wait_over', `no invoice was paid behind pay_index ${last} within ${timeout} seconds`);
  },
});
