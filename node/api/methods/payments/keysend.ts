/**
 * `keysend`: pays a node without an invoice. A node that says so is paid by AMP over 65-byte frames; any other by one HTLC whose
 * onion brings the preimage (record 5482373484), as all nodes speak it.
 */

import { z } from 'zod';
import { DEPLOYED } from '../../../../amp/deployed.ts';
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
import { ampParams, ampTerms, refuseShareParams } from './ampterms.ts';
import { blobParam } from './blobs.ts';
import { extraTlvsParam } from './extratlvs.ts';
import { finished, paidFields } from './paymentrow.ts';
import { preferParam, strategyParam, strategyTerms } from './strategyterms.ts';
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
      `${PLAIN} for one HTLC with its preimage, as all nodes take it; ${schemeNames.join(', ')} or ${DEPLOYED} (lnd's) for an atomic multi-path payment; else ${defaultScheme} where the node takes that, and ${PLAIN}`,
    ),
  strategy: strategyParam,
  force: param.flag.optional().describe('pay by AMP a node that does not say that it can be paid so'),
  blob: blobParam,
  prefer: preferParam,
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
  | 'strategy'
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
  {
    destination,
    scheme,
    extratlvs,
    shards,
    redundancy,
    maxoverpayment,
    shares,
    strategy,
    force,
  }: Pick<Params, PlainField>,
): boolean => {
  const ofAmp = Object.entries({
    shards: shards === 1 ? undefined : shards,
    redundancy,
    maxoverpayment,
    shares,
    strategy,
  });
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
 * By which AMP a node is paid without an invoice: as the caller says, or by the one that the node says it reads. Throws ApiError where
 * it says nothing of AMP, or not of the one that is wanted; `force` pays such a one, and one of which nothing is known.
 */
export const spontaneousAmp = (
  known: Known,
  destination: Point,
  force: boolean,
  scheme?: string,
): 'eob' | 'deployed' => {
  refuseUnknownDemand(known, destination);
  const wanted = scheme === undefined ? undefined : scheme === DEPLOYED ? 'deployed' : 'eob';
  const features = featuresOf(known, destination);
  const read = features && { eob: hasFeature(features, 'option_eob_amp'), deployed: hasFeature(features, 'amp') };
  const chosen = wanted ?? (read?.deployed && !read.eob ? 'deployed' : 'eob');
  if (force || read?.[chosen]) return chosen;
  if (features === undefined)
    throw new ApiError(
      'pay_user_error',
      `destination: nothing is known of this node, so it may not be able to read a payment by AMP; pay with scheme=${PLAIN} or an invoice of it, or send with force=true`,
    );
  const missing = { eob: 'option_eob_amp, feature bit 171', deployed: 'feature bit 31' };
  const what = wanted === undefined ? `${missing.eob}, or ${missing.deployed}` : missing[wanted];
  throw new ApiError(
    'pay_user_error',
    `destination: the node does not say that it takes payments by AMP (${what}); pay with scheme=${PLAIN} or an invoice of it, or send with force=true`,
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
  // A payee holds nothing smaller without an invoice.
  const common = { ...commonTerms(node, params), ...strategyTerms(node, params), minShard: LEAST_SHARE };
  if (spontaneousAmp(node, params.destination, params.force ?? false, params.scheme) === 'eob')
    return {
      ...common,
      ...ampTerms(node, params.amount_msat, params, [DEPLOYED, PLAIN]),
      paymentId: zeros(PAYMENT_ID_LENGTH),
    };
  refuseShareParams(params);
  return { ...common, scheme: DEPLOYED, paymentSecret: node.ports.entropy.bytes(32), metadata: undefined };
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
  example: ['0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798', '25000sat'],
  params,
  result,
  handler: async (node: Parts, params): Promise<Result> => {
    const { destination, amount_msat, label, prefer } = params;
    if (equal(destination, node.keys.nodeId)) throw new ApiError('pay_user_error', 'destination: that is this node');
    if (amount_msat === 0n) throw new ApiError('invalid_params', 'amount_msat: expected more than nothing');
    const request = isPlain(node, params) ? plainRequest(node, params) : ampRequest(node, params);
    const hash = isOrdinary(request) ? request.paymentHash : node.ports.entropy.bytes(32);
    const note = { paymentHash: hash, label, bolt11: undefined, description: undefined, prefer };
    refuseWithoutChain(node);
    const record = await node.payments.start(request, { ...note, hints: [] });
    return { ...finished(node, record), status: 'complete' };
  },
});
