/** `xpay`: pays an invoice as `pay` does, with the parameters and the short answer that Core Lightning's has. */

import { z } from 'zod';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';
import { pay } from './pay.ts';
import type { shard } from './paymentrow.ts';
import { preferParam, strategyParam } from './strategyterms.ts';
import { limitParams, maxfeeParam } from './terms.ts';

const params = z.strictObject({
  invstring: param.text.describe('the invoice'),
  amount_msat: param.amountMsat.optional().describe('what to pay, if the invoice names no amount'),
  maxfee: maxfeeParam,
  layers: param.refused.describe('layers of askrene'),
  retry_for: limitParams.retry_for,
  partial_msat: pay.params.shape.partial_msat,
  maxdelay: limitParams.maxdelay,
  payer_note: param.refused.describe('a note for the payee of an offer'),
  label: param.label.optional().describe('our name for the payment'),
  localinvreqid: param.refused.describe('payments of offers'),
  shards: pay.params.shape.shards,
  strategy: strategyParam,
  blob: pay.params.shape.blob,
  prefer: preferParam,
});

const result = z.object({
  /** Present where one preimage proves the payment; an atomic multi-path payment has `payment_preimages`. */
  payment_preimage: field.hash.optional(),
  payment_preimages: z.array(field.hash),
  failed_parts: field.u64,
  successful_parts: field.u64,
  amount_msat: field.amountMsat,
  amount_sent_msat: field.amountMsat,
});

/** Attempts of HTLCs that failed before those that arrived. */
const failedOf = (shards: readonly z.output<typeof shard>[]): number =>
  shards.reduce((sum, { attempts, status }) => sum + attempts - (status === 'failed' ? 0 : 1), 0);

export const xpay = method({
  doc: 'Pays an invoice, as pay does.',
  example: ['BOLT11', 'maxfee=5sat'],
  params,
  result,
  handler: async (node: Parameters<typeof pay.handler>[0], params, call): Promise<z.output<typeof result>> => {
    const { invstring: bolt11, amount_msat, maxfee, retry_for, maxdelay, label, partial_msat } = params;
    const { shards, strategy, prefer, blob } = params;
    const limits = { amount_msat, maxfee, retry_for, maxdelay, partial_msat };
    const given = { bolt11, label, ...limits, shards, strategy, prefer, blob };
    const paid = await pay.handler(node, given, call);
    const sent = Array.isArray(paid.shards) ? paid.shards : [];
    return {
      ...(paid.payment_preimage !== undefined && { payment_preimage: paid.payment_preimage }),
      payment_preimages: [...(paid.payment_preimages as readonly string[])],
      failed_parts: failedOf(sent),
      successful_parts: paid.parts,
      amount_msat: paid.amount_msat,
      amount_sent_msat: paid.amount_sent_msat,
    };
  },
});
