/** `pay`: pays an invoice. `scheme` and `shards` are ours, the rest is Core Lightning's. */

import { z } from 'zod';
import { DEPLOYED } from '../../../../amp/deployed.ts';
import type { PaymentRequest } from '../../../../amp/io.ts';
import { equal, zeros } from '../../../../wire/bytes.ts';
import { describeFeatureFault, hasFeature, payerFeatures } from '../../../../wire/features.ts';
import { checkPayable, type Invoice, type UnpayableReason } from '../../../../wire/invoice.ts';
import type { Msat } from '../../../../wire/units.ts';
import type { Node } from '../../../core/running.ts';
import { expiryOf, hintsOf } from '../../../pay/invoicehints.ts';
import { PAYMENT_ID_LENGTH } from '../../../pay/invoicerecord.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import { devShards } from '../dev.ts';
import { ampOf, descriptionOf, parseInvoiceText } from '../invoices/invoicetext.ts';
import { ampParams, ampTerms, refuseAmpParams, refuseShareParams } from './ampterms.ts';
import { blobParam } from './blobs.ts';
import { excludeParam, exclusions } from './exclude.ts';
import { finished, paid, paidFields } from './paymentrow.ts';
import { preferParam, strategyParam, strategyTerms } from './strategyterms.ts';
import { limitParams, maxfeeParam, refuseWithoutChain, SLACK, terms } from './terms.ts';

const params = z.strictObject({
  bolt11: param.text.describe('the invoice'),
  amount_msat: param.amountMsat.optional().describe('what to pay, if the invoice names no amount'),
  label: param.label.optional().describe('our name for the payment'),
  riskfactor: param.refused.describe('the price of delay'),
  maxfeepercent: limitParams.maxfeepercent,
  retry_for: limitParams.retry_for,
  maxdelay: limitParams.maxdelay,
  exemptfee: limitParams.exemptfee,
  localinvreqid: param.refused.describe('payments of offers'),
  exclude: excludeParam.optional().describe('nodes, and channels in one direction, to avoid'),
  maxfee: maxfeeParam,
  description: param.prose.optional().describe('what the hashed description of the invoice stands for'),
  partial_msat: param.amountMsat.optional().describe('the part to pay from here, where other nodes pay the rest'),
  ...ampParams,
  strategy: strategyParam,
  blob: blobParam,
  prefer: preferParam,
  ...devShards,
});

const result = z.object({ ...paidFields, status: z.enum(['complete', 'pending', 'failed']) });

type Params = z.output<typeof params>;
type Result = z.output<typeof result>;

const obstacleError = (obstacle: UnpayableReason): ApiError => {
  switch (obstacle.code) {
    case 'expired':
      return new ApiError('pay_invoice_expired', 'bolt11: the invoice has expired');
    case 'other_network':
      return new ApiError(
        'invalid_params',
        `bolt11: the invoice is for ${obstacle.invoice}, this node is on ${obstacle.ours}`,
      );
    case 'missing_payment_secret':
      return new ApiError(
        'invalid_params',
        'bolt11: the invoice has no payment_secret, without which a payment is not safe',
      );
    case 'feature':
      return new ApiError(
        'invalid_params',
        `bolt11: the invoice cannot be paid from here: ${describeFeatureFault(obstacle.problem)}`,
      );
  }
};

/** What it needs of a node. */
type Parts = Pick<Node, 'channels' | 'graph' | 'keys' | 'network' | 'now' | 'outage' | 'payments' | 'ports'>;

/**
 * What is paid from here of `total`. Throws ApiError for more than that, and for a part of it where the payee does not hold parts until
 * they are the whole: without basic_mpp, or by an AMP, whose shares one payer has to make.
 */
const ownAmount = (invoice: Invoice, total: Msat, { partial_msat }: Pick<Params, 'partial_msat'>): Msat => {
  if (partial_msat === undefined || partial_msat === total) return total;
  if (partial_msat === 0n || partial_msat > total)
    throw new ApiError('invalid_params', `partial_msat: expected 1 to ${total} msat, which is the whole amount`);
  if (ampOf(invoice.features) !== undefined)
    throw new ApiError('invalid_params', 'partial_msat: an atomic multi-path payment has one payer; leave it out');
  if (!hasFeature(invoice.features, 'basic_mpp'))
    throw new ApiError(
      'invalid_params',
      'partial_msat: the payee takes the amount whole alone, its invoice has no basic_mpp',
    );
  return partial_msat;
};

const requestFor = (node: Parts, invoice: Invoice, total: Msat, params: Params): PaymentRequest => {
  const amount = ownAmount(invoice, total, params);
  const common = {
    ...terms(node, amount, params, expiryOf(invoice)),
    ...strategyTerms(node, params),
    destination: invoice.payee,
    finalCltv: invoice.minFinalCltvExpiryDelta + SLACK,
  };
  const secret = invoice.paymentSecret ?? zeros(32);
  if (ampOf(invoice.features) === 'eob')
    return { ...common, ...ampTerms(node, amount, params), paymentId: secret.slice(0, PAYMENT_ID_LENGTH) };
  const metadata = invoice.metadata;
  if (ampOf(invoice.features) === 'deployed') {
    refuseShareParams(params);
    return { ...common, scheme: DEPLOYED, paymentSecret: secret, metadata };
  }
  refuseAmpParams(params);
  return {
    ...common,
    scheme: hasFeature(invoice.features, 'basic_mpp') && params.shards !== 1 ? 'mpp' : 'single',
    paymentHash: invoice.paymentHash,
    paymentSecret: secret,
    metadata,
    ...(amount < total && { total }),
  };
};

const underWay = (): ApiError =>
  new ApiError(
    'pay_in_progress',
    'this invoice is being paid already: listpays says how far, and pay again what came of it',
  );

export const pay = method({
  doc: 'Pays an invoice, in several parts over several routes where one does not do.',
  aliases: { invstring: 'bolt11' },
  example: ['BOLT11', 'maxfee=5sat', 'label=coffee'],
  params,
  result,
  handler: async (node: Parts, params): Promise<Result> => {
    const { invoice, text: bolt11 } = parseInvoiceText('bolt11', params.bolt11);
    // What became of it comes first: whoever asks again wants to know that, also of an invoice that nobody could begin to pay now.
    // An invoice for lnd's AMP can be paid again.
    const again = ampOf(invoice.features) === 'deployed';
    const before = again ? undefined : await node.payments.byHash(invoice.paymentHash);
    if (before?.status === 'complete') return { ...paid(node, before), status: 'complete' };
    if (before?.status === 'pending') throw underWay();
    const features = payerFeatures(invoice.features);
    const [obstacle] = checkPayable(invoice, { network: node.network.name, now: node.now(), features });
    if (obstacle !== undefined) throw obstacleError(obstacle);
    if (equal(invoice.payee, node.keys.nodeId))
      throw new ApiError('pay_user_error', 'bolt11: that is an invoice of this node');
    if (invoice.amount !== undefined && params.amount_msat !== undefined && params.amount_msat !== invoice.amount)
      throw new ApiError('invalid_params', `amount_msat: the invoice asks ${invoice.amount}, leave it out`);
    const amount = invoice.amount ?? params.amount_msat;
    if (amount === undefined || amount === 0n)
      throw new ApiError('invalid_params', 'amount_msat: the invoice names no amount, so it is required');
    const blocks = invoice.minFinalCltvExpiryDelta + SLACK;
    if (blocks > params.maxdelay)
      throw new ApiError(
        'pay_no_route',
        `the payee wants ${blocks - SLACK} blocks, with ${SLACK} to spare: that is more than maxdelay, ${params.maxdelay}`,
      );
    const described = descriptionOf(invoice, params.description);
    const request = requestFor(node, invoice, amount, params);
    const { label, prefer } = params;
    const expiresAt = expiryOf(invoice);
    const note = { paymentHash: invoice.paymentHash, label, bolt11, description: described, expiresAt, prefer };
    refuseWithoutChain(node);
    const hints = hintsOf(invoice);
    const exclude = exclusions(node, params.exclude ?? [], hints);
    const record = await node.payments.startOnce(request, { ...note, hints, exclude });
    if (record === 'under_way') throw underWay();
    if (record === 'ours')
      throw new ApiError(
        'pay_user_error',
        'bolt11: an invoice of this node has the same payment_hash, so its payee is not the only one who can claim it',
      );
    return { ...finished(node, record), status: 'complete' };
  },
});
