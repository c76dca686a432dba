/** `listsendpays`: HTLCs over routes of a caller's own, and each payment of `pay` as one row; in the order of their creation. */

import { z } from 'zod';
import type { Node } from '../../../core/running.ts';
import type { PaymentRecord } from '../../../pay/paymentrecord.ts';
import type { SendpayRecord } from '../../../pay/sendpayrecord.ts';
import { method } from '../../method.ts';
import { inOrder, listParams, pageOf, type Wanted, wantedOf } from './paymentlists.ts';
import { partFields, rowOfRecord } from './sendpayrow.ts';

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
  params: listParams,
  result,
  handler: async (node: Parts, params) => {
    const wanted = wantedOf(params);
    return { payments: wanted === undefined ? [] : rowsOf(node, wanted) };
  },
});
