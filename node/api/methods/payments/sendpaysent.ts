/** What `sendpay` and `sendonion` answer once the HTLC is on its way, and the errors for one that is not sent. */

import type { z } from 'zod';
import { hex } from '../../../../wire/bytes.ts';
import type { Node } from '../../../core/running.ts';
import type { SendpayRefusal, SendpayRequest } from '../../../pay/sendpays.ts';
import { ApiError } from '../../errors.ts';
import { failedError, partError, rowOf, type sentRow } from './sendpayrow.ts';
import { refuseWithoutChain } from './terms.ts';

/** What it needs of a node. */
export type SendingParts = Pick<Node, 'follower' | 'keys' | 'outage' | 'ports' | 'sendpays'>;

const refusalError = (node: SendingParts, request: SendpayRequest, refusal: SendpayRefusal): ApiError => {
  const hash = hex(request.paymentHash);
  switch (refusal.code) {
    case 'pay_begins':
      return new ApiError('pay_in_progress', `pay is about to pay ${hash}: listpays says how far`);
    case 'other_group':
      return new ApiError(
        'pay_in_progress',
        `the payment of group ${refusal.groupid} of this payment_hash is still under way: waitsendpay says when it ends`,
      );
    case 'parallel':
      return new ApiError(
        'pay_in_progress',
        refusal.pending === 'single'
          ? 'the whole payment is under way in one part: waitsendpay says when it ends'
          : 'parts of this payment are under way: give partid, or wait for them by waitsendpay',
      );
    case 'differs':
      return new ApiError(
        'pay_hash_used',
        `this part is ${refusal.status} with another ${refusal.field}: listsendpays shows it`,
      );
    case 'part_used':
      return new ApiError(
        'pay_hash_used',
        `part ${refusal.partid} of group ${refusal.groupid} was sent before and failed: give another partid or groupid`,
      );
    case 'other_part_complete':
      return new ApiError('pay_hash_used', `${hash} is paid already, by another part: listsendpays shows it`);
    case 'total_changed':
      return new ApiError(
        'invalid_params',
        `amount_msat: parts under way say ${refusal.before} is what all come to, expected the same`,
        { field: 'amount_msat' },
      );
    case 'total_reached':
      return new ApiError(
        'pay_in_progress',
        `parts under way come to ${refusal.pending} msat already, of ${refusal.total} msat`,
      );
    case 'total_exceeded':
      return new ApiError(
        'invalid_params',
        `route: with ${refusal.pending} msat under way, this part would exceed the total of ${refusal.total} msat`,
        { field: 'route' },
      );
    case 'own_hash':
      return new ApiError(
        'pay_user_error',
        'payment_hash: this node knows its preimage, so the destination is not the only one who can claim it; only a route that ends at this node may have it',
      );
    case 'unsendable': {
      const { reason, message, data } = failedError(node.keys.nodeId, request, refusal.failure);
      const field = request.route.length > 0 ? 'route.0.channel' : 'first_hop.channel';
      return new ApiError(reason, `${field}: ${message}`, { ...data, field });
    }
  }
};

/** Sends the HTLC. Throws ApiError where that may not be, or the first channel refused it. */
export const sent = async (node: SendingParts, request: SendpayRequest): Promise<z.output<typeof sentRow>> => {
  refuseWithoutChain(node);
  const answer = await node.sendpays.begin(request);
  if ('refused' in answer) throw refusalError(node, request, answer.refused);
  const { status, ...shown } = rowOf(answer.part);
  if (status === 'failed') throw partError(node.keys.nodeId, answer.part);
  if (status === 'complete') return { ...shown, status };
  return { ...shown, status, message: 'waitsendpay says what comes of it, listsendpays how it stands' };
};
