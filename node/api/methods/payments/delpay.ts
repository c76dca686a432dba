/** `delpay`: deletes the records of payments that are over. */

import { z } from 'zod';
import { hex } from '../../../../wire/bytes.ts';
import type { Node } from '../../../core/running.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import { partFields, rowOf } from './sendpayrow.ts';

const params = z.strictObject({
  payment_hash: param.hash32.describe('the payment hash of the payments'),
  status: param.word('complete', 'failed').describe('only those that stand so; one that is pending cannot be deleted'),
  partid: param.index.optional().describe('only this part of the group; a payment of pay is part 0 of group 1'),
  groupid: param.index.optional().describe('the group of the part; both or neither'),
});

const result = z.object({
  payments: z.array(z.object({ ...partFields, status: z.enum(['pending', 'complete', 'failed']) })),
});

/** What it needs of a node. */
type Parts = Pick<Node, 'deletePayments'>;

const partFrom = (partid: number | undefined, groupid: number | undefined) => {
  if (partid === undefined && groupid === undefined) return undefined;
  if (partid === undefined || groupid === undefined)
    throw new ApiError(
      'invalid_params',
      `${partid === undefined ? 'partid' : 'groupid'}: expected both partid and groupid, or neither`,
    );
  return { partid: BigInt(partid), groupid: BigInt(groupid) };
};

export const delpay = method({
  doc: 'Deletes the records of payments of a payment hash that are complete or have failed.',
  example: ['66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925', 'failed'],
  params,
  result,
  handler: async (node: Parts, { payment_hash, status, partid, groupid }) => {
    const part = partFrom(partid, groupid);
    const found = await node.deletePayments({ paymentHash: payment_hash, status, part });
    if ('deleted' in found) return { payments: found.deleted.map(rowOf) };
    if (found.refused === 'unknown')
      throw new ApiError(
        'pay_unknown',
        `payment_hash: there is no payment of ${hex(payment_hash)}${part === undefined ? '' : ' with that partid and groupid'}`,
      );
    throw new ApiError('pay_status', `status: the payment is ${found.status}, not ${status}`);
  },
});
