/** `waitsendpay`: answers once a part of a payment has ended, as Core Lightning has it. */

import { z } from 'zod';
import { hex } from '../../../../wire/bytes.ts';
import type { Node } from '../../../core/running.ts';
import { lastGroup } from '../../../pay/sendpayprogress.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import { gone, within } from '../invoices/waiting.ts';
import { partError, partFields, rowOf } from './sendpayrow.ts';

/** Two weeks in seconds: no HTLC lasts longer. */
const MOST_SECONDS = 1_209_600;
/** Calls that wait at the same time, over all connections. */
const MOST_WAITING = 4096;
/** Milliseconds after which it is looked again: a payment of `pay` is paid with its first part, and ends with its last. */
const LOOK_AGAIN = 10_000;

const params = z.strictObject({
  payment_hash: param.hash32.describe('the payment'),
  timeout: param.seconds(0, MOST_SECONDS).optional().describe('how long to wait; else until it has ended'),
  partid: param.index.default(0).describe('its part, else the only one'),
  groupid: param.index.optional().describe('its group, else the last one'),
});

const result = z.object({ ...partFields, status: z.literal('complete') });

type Parts = Pick<Node, 'keys' | 'ports' | 'sendpays'>;

export const waitsendpay = method({
  doc: 'Answers once an HTLC of sendpay was paid, or with an error once it failed.',
  example: ['66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925', 'timeout=60'],
  params,
  result,
  handler: async (node: Parts, params, { signal }): Promise<z.output<typeof result>> => {
    const { payment_hash, timeout, partid, groupid } = params;
    const { sendpays, ports, keys } = node;
    const end = timeout === undefined ? Number.POSITIVE_INFINITY : ports.clock.now() + timeout * 1000;
    for (;;) {
      const parts = await sendpays.partsOf(payment_hash);
      const group = groupid === undefined ? lastGroup(parts) : BigInt(groupid);
      const part = parts.filter((one) => one.partid === BigInt(partid) && one.groupid === group).at(-1);
      if (part === undefined)
        throw new ApiError(
          'pay_unknown',
          `part ${partid} of ${groupid === undefined ? 'the last group' : `group ${groupid}`} of ${hex(payment_hash)} was never sent: listsendpays shows what was`,
        );
      const { status, ...shown } = rowOf(part);
      if (status === 'complete') return { ...shown, status };
      if (status === 'failed') throw partError(keys.nodeId, part);
      const left = end - ports.clock.now();
      if (left <= 0) throw new ApiError('pay_in_progress', 'the payment is still under way: wait again by waitsendpay');
      if (signal.aborted) throw gone();
      if (sendpays.waiting >= MOST_WAITING)
        throw new ApiError('busy', `${MOST_WAITING} calls wait for payments already: end some`);
      await within(node, Math.min(left, LOOK_AGAIN), signal, (until) => sendpays.whenOver(part, until));
    }
  },
});
