/** `listsendpays`: HTLCs over routes of a caller's own, and each payment of `pay` as one row; in the order of their creation. */

import { z } from 'zod';
import { equal } from '../../../../wire/bytes.ts';
import type { Node } from '../../../core/running.ts';
import type { PaymentRecord } from '../../../pay/paymentrecord.ts';
import type { SendpayRecord } from '../../../pay/sendpayrecord.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import { readInvoice } from '../invoices/invoicetext.ts';
import { inOrder, pageOf, type Wanted } from './inorder.ts';
import { partFields, rowOfRecord } from './sendpayrow.ts';

const params = z.strictObject({
  bolt11: param.text.optional().describe('only payments of this invoice'),
  payment_hash: param.hash32.optional().describe('only payments of this hash'),
  status: param.word('pending', 'complete', 'failed').optional().describe('only payments that stand so'),
  index: param.word('created').optional().describe('the order: there is one'),
  start: param.index.optional().describe('first index to show'),
  limit: param.u32.optional().describe('how many to show'),
});

const result = z.object({
  payments: z.array(z.object({ ...partFields, status: z.enum(['pending', 'complete', 'failed']) })),
});

type Row = z.output<typeof result>['payments'][number];

type Parts = Pick<Node, 'payments' | 'sendpays'>;

const rowsOf = (node: Parts, wanted: Wanted<Row['status']>): AsyncGenerator<Row> => {
  const first = BigInt(wanted.start ?? 0);
  const onlyPending = wanted.status === 'pending';
  const all = inOrder<PaymentRecord | SendpayRecord>(
    onlyPending ? node.payments.pending() : node.payments.list(first, wanted.hash),
    onlyPending ? node.sendpays.pending() : node.sendpays.list(first, wanted.hash),
  );
  return pageOf(all, wanted, rowOfRecord);
};

export const listsendpays = method({
  doc: 'HTLCs sent by sendpay and sendonion, and payments of pay, and what became of them.',
  aliases: { invstring: 'bolt11' },
  example: ['status=failed'],
  params,
  result,
  handler: async (node: Parts, { bolt11, payment_hash, status, start, limit }) => {
    const named = bolt11 === undefined ? undefined : readInvoice('bolt11', bolt11).paymentHash;
    if (named !== undefined && payment_hash !== undefined && !equal(named, payment_hash)) return { payments: [] };
    return { payments: rowsOf(node, { status, start, limit, hash: named ?? payment_hash }) };
  },
});
