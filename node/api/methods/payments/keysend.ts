/** `keysend`: pays a node without an invoice, by AMP over 65-byte frames, which the node must say that it reads. */

import { z } from 'zod';
import type { PaymentRequest } from '../../../../amp/io.ts';
import { LEAST_SHARE, SPONTANEOUS_FINAL_CLTV } from '../../../../amp/limits.ts';
import { equal, zeros } from '../../../../wire/bytes.ts';
import { hasFeature } from '../../../../wire/features.ts';
import type { Point } from '../../../../wire/units.ts';
import type { Node } from '../../../core/running.ts';
import { nodeKey } from '../../../graph/graph.ts';
import { PAYMENT_ID_LENGTH } from '../../../pay/invoicerecord.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import { devShards } from '../dev.ts';
import { ampParams, ampTerms } from './ampterms.ts';
import { finished, paidFields } from './paymentrow.ts';
import { limitParams, maxfeeParam, refuseWithoutChain, SLACK, terms } from './terms.ts';

const params = z.strictObject({
  destination: param.nodeId.describe('the node to pay'),
  amount_msat: param.amountMsat.describe('what to pay'),
  label: param.label.optional().describe('our name for the payment'),
  maxfeepercent: limitParams.maxfeepercent,
  retry_for: limitParams.retry_for,
  maxdelay: limitParams.maxdelay,
  exemptfee: limitParams.exemptfee,
  routehints: param.refused.describe('private ways to the node'),
  extratlvs: param.refused.describe('further records for the node'),
  maxfee: maxfeeParam,
  ...ampParams,
  force: param.flag.optional().describe('pay a node that does not say that it can be paid so'),
  ...devShards,
});

const result = z.object({ ...paidFields, status: z.literal('complete') });

type Result = z.output<typeof result>;

/** What of a node is asked. */
interface Known {
  readonly peers: Pick<Node['peers'], 'get'>;
  readonly graph: Pick<Node['graph'], 'node'>;
}

/**
 * Throws ApiError where a payment without an invoice could not be read at its destination: that one says so in its `init` if it
 * is our peer, otherwise in its announcement. `force` pays one of which nothing is known, or that says nothing of AMP.
 */
export const checkTakesAmp = ({ peers, graph }: Known, destination: Point, force: boolean): void => {
  const announced = graph.node(nodeKey(destination));
  if (announced?.unknownFeature !== undefined)
    throw new ApiError(
      'pay_user_error',
      `destination: the node demands feature bit ${announced.unknownFeature}, which is unknown here; only an invoice can say how to pay it`,
    );
  if (force) return;
  const features = peers.get(destination)?.theirFeatures ?? announced?.features;
  if (features === undefined)
    throw new ApiError(
      'pay_user_error',
      'destination: nothing is known of this node, so it may not be able to read a payment without an invoice; pay an invoice of it, or send with force=true',
    );
  if (!hasFeature(features, 'option_eob_amp'))
    throw new ApiError(
      'pay_user_error',
      'destination: the node does not say that it takes payments by AMP (option_eob_amp, feature bit 171), the only ones sent from here without an invoice; pay an invoice of it, or send with force=true',
    );
};

/** What it needs of a node. */
type Parts = Pick<Node, 'channels' | 'graph' | 'keys' | 'now' | 'outage' | 'payments' | 'peers' | 'ports'>;

export const keysend = method({
  doc: 'Pays a node without an invoice: a spontaneous atomic multi-path payment.',
  params,
  result,
  handler: async (node: Parts, params): Promise<Result> => {
    const { destination, amount_msat, label } = params;
    if (equal(destination, node.keys.nodeId)) throw new ApiError('pay_user_error', 'destination: that is this node');
    if (amount_msat === 0n) throw new ApiError('invalid_params', 'amount_msat: expected more than nothing');
    checkTakesAmp(node, destination, params.force ?? false);
    const request: PaymentRequest = {
      ...terms(node, amount_msat, params),
      // A payee holds nothing smaller without an invoice.
      minShard: LEAST_SHARE,
      destination,
      finalCltv: SPONTANEOUS_FINAL_CLTV + SLACK,
      ...ampTerms(node, amount_msat, params),
      paymentId: zeros(PAYMENT_ID_LENGTH),
    };
    const note = { paymentHash: node.ports.entropy.bytes(32), label, bolt11: undefined, description: undefined };
    refuseWithoutChain(node);
    const record = await node.payments.start(request, { ...note, hints: [] });
    return { ...finished(node, record), status: 'complete' };
  },
});
