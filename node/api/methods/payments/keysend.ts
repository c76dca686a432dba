/**
 * `keysend`: pays a node without an invoice. A node that says so is paid by AMP over 65-byte frames; any other by one HTLC whose
 * onion brings the preimage (record 5482373484), as all nodes speak it.
 */

import { z } from 'zod';
import type { PaymentRequest } from '../../../../amp/io.ts';
import { LEAST_SHARE, SPONTANEOUS_FINAL_CLTV } from '../../../../amp/limits.ts';
import { isOrdinary } from '../../../../amp/payment.ts';
import { defaultScheme, schemeNames } from '../../../../amp/schemes.ts';
import { equal, zeros } from '../../../../wire/bytes.ts';
import { sha256 } from '../../../../wire/crypto.ts';
import { hasFeature } from '../../../../wire/features.ts';
import { type Point, paymentHash, preimage } from '../../../../wire/units.ts';
import type { Node } from '../../../core/running.ts';
import { nodeKey } from '../../../graph/graph.ts';
import { PAYMENT_ID_LENGTH } from '../../../pay/invoicerecord.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import { devShards } from '../dev.ts';
import { ampParams, ampTerms } from './ampterms.ts';
import { extraTlvsParam } from './extratlvs.ts';
import { finished, paidFields } from './paymentrow.ts';
import { limitParams, maxfeeParam, refuseWithoutChain, SLACK, terms } from './terms.ts';

/** What `scheme` calls a payment in one HTLC with its preimage, as a payment's record does. */
const PLAIN = 'single';

const params = z.strictObject({
  destination: param.nodeId.describe('the node to pay'),
  amount_msat: param.amountMsat.describe('what to pay'),
  label: param.label.optional().describe('our name for the payment'),
  maxfeepercent: limitParams.maxfeepercent,
  retry_for: limitParams.retry_for,
  maxdelay: limitParams.maxdelay,
  exemptfee: limitParams.exemptfee,
  routehints: param.refused.describe('private ways to the node'),
  extratlvs: extraTlvsParam.optional().describe('further records for the node, with scheme single alone'),
  maxfee: maxfeeParam,
  ...ampParams,
  scheme: param.text
    .optional()
    .describe(
      `${PLAIN} for one HTLC with its preimage, as all nodes take it; ${schemeNames.join(', ')} for an atomic multi-path payment; else ${defaultScheme} where the node takes that, and ${PLAIN}`,
    ),
  force: param.flag.optional().describe('pay by AMP a node that does not say that it can be paid so'),
  ...devShards,
});

const result = z.object({ ...paidFields, status: z.literal('complete') });

type Params = z.output<typeof params>;
type Result = z.output<typeof result>;

type PlainField =
  | 'destination'
  | 'scheme'
  | 'extratlvs'
  | 'shards'
  | 'redundancy'
  | 'maxoverpayment'
  | 'shares'
  | 'force';

/** What of a node is asked. */
interface Known {
  readonly peers: Pick<Node['peers'], 'get'>;
  readonly graph: Pick<Node['graph'], 'node'>;
}

/** What is known of the features of a node: what it says in its `init` if it is our peer, otherwise in its announcement. */
const featuresOf = ({ peers, graph }: Known, destination: Point): Uint8Array | undefined =>
  peers.get(destination)?.theirFeatures ?? graph.node(nodeKey(destination))?.features;

/** Throws ApiError for a node that demands of its payers what nobody here knows. */
const refuseUnknownDemand = ({ graph }: Known, destination: Point): void => {
  const unknown = graph.node(nodeKey(destination))?.unknownFeature;
  if (unknown !== undefined)
    throw new ApiError(
      'pay_user_error',
      `destination: the node demands feature bit ${unknown}, which is unknown here; only an invoice can say how to pay it`,
    );
};

/**
 * Whether a payment without an invoice goes as one HTLC with its preimage: as the caller says with `scheme`, or with what only the one
 * or the other has, or else by what the node says of itself. Throws ApiError where the caller wants both.
 */
export const isPlain = (
  known: Known,
  { destination, scheme, extratlvs, shards, redundancy, maxoverpayment, shares, force }: Pick<Params, PlainField>,
): boolean => {
  const ofAmp = Object.entries({ shards: shards === 1 ? undefined : shards, redundancy, maxoverpayment, shares });
  const [wanted] = ofAmp.find(([, value]) => value !== undefined) ?? [];
  if (scheme === PLAIN && wanted !== undefined)
    throw new ApiError('invalid_params', `${wanted}: a payment with scheme ${PLAIN} is one HTLC; leave ${wanted} out`);
  const byAmp = scheme === undefined ? wanted : 'scheme';
  if (extratlvs !== undefined && scheme !== PLAIN && byAmp !== undefined)
    throw new ApiError(
      'invalid_params',
      `extratlvs: an atomic multi-path payment has no place for them; leave ${byAmp} or extratlvs out`,
    );
  if (scheme !== undefined) return scheme === PLAIN;
  if (extratlvs !== undefined) return true;
  if (wanted !== undefined || force === true) return false;
  const features = featuresOf(known, destination);
  return features === undefined || !hasFeature(features, 'option_eob_amp');
};

/**
 * Throws ApiError where a payment without an invoice could not be read at its destination: that one says so in its `init` if it
 * is our peer, otherwise in its announcement. `force` pays one of which nothing is known, or that says nothing of AMP.
 */
export const checkTakesAmp = (known: Known, destination: Point, force: boolean): void => {
  refuseUnknownDemand(known, destination);
  if (force) return;
  const features = featuresOf(known, destination);
  if (features === undefined)
    throw new ApiError(
      'pay_user_error',
      `destination: nothing is known of this node, so it may not be able to read a payment by AMP; pay with scheme=${PLAIN} or an invoice of it, or send with force=true`,
    );
  if (!hasFeature(features, 'option_eob_amp'))
    throw new ApiError(
      'pay_user_error',
      `destination: the node does not say that it takes payments by AMP (option_eob_amp, feature bit 171); pay with scheme=${PLAIN} or an invoice of it, or send with force=true`,
    );
};

/** What it needs of a node. */
type Parts = Pick<Node, 'channels' | 'graph' | 'keys' | 'now' | 'outage' | 'payments' | 'peers' | 'ports'>;

const commonTerms = (node: Parts, params: Params) => ({
  ...terms(node, params.amount_msat, params),
  destination: params.destination,
  finalCltv: SPONTANEOUS_FINAL_CLTV + SLACK,
});

const ampRequest = (node: Parts, params: Params): PaymentRequest => {
  checkTakesAmp(node, params.destination, params.force ?? false);
  return {
    ...commonTerms(node, params),
    // A payee holds nothing smaller without an invoice.
    minShard: LEAST_SHARE,
    ...ampTerms(node, params.amount_msat, params),
    paymentId: zeros(PAYMENT_ID_LENGTH),
  };
};

const plainRequest = (node: Parts, params: Params): PaymentRequest => {
  refuseUnknownDemand(node, params.destination);
  const secret = preimage(node.ports.entropy.bytes(32));
  return {
    ...commonTerms(node, params),
    scheme: PLAIN,
    paymentHash: paymentHash(sha256(secret)),
    paymentSecret: zeros(32),
    metadata: undefined,
    keysend: { preimage: secret, extraTlvs: params.extratlvs ?? [] },
  };
};

export const keysend = method({
  doc: 'Pays a node without an invoice: by an atomic multi-path payment where the node takes those, otherwise by one HTLC.',
  params,
  result,
  handler: async (node: Parts, params): Promise<Result> => {
    const { destination, amount_msat, label } = params;
    if (equal(destination, node.keys.nodeId)) throw new ApiError('pay_user_error', 'destination: that is this node');
    if (amount_msat === 0n) throw new ApiError('invalid_params', 'amount_msat: expected more than nothing');
    const request = isPlain(node, params) ? plainRequest(node, params) : ampRequest(node, params);
    const hash = isOrdinary(request) ? request.paymentHash : node.ports.entropy.bytes(32);
    const note = { paymentHash: hash, label, bolt11: undefined, description: undefined };
    refuseWithoutChain(node);
    const record = await node.payments.start(request, { ...note, hints: [] });
    return { ...finished(node, record), status: 'complete' };
  },
});
