/** `decode`: what an invoice says. */

import { z } from 'zod';
import { hex } from '../../../../wire/bytes.ts';
import { payerFeatures } from '../../../../wire/features.ts';
import { checkPayable } from '../../../../wire/invoice.ts';
import { scidText } from '../../../../wire/units.ts';
import type { Node } from '../../../core/running.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';
import { ampOf, readInvoice } from './invoicetext.ts';

const params = z.strictObject({
  string: param.text.describe('the invoice, alone or in a lightning: or bitcoin: URI; what is none is named'),
});

const result = z.object({
  type: z.literal('bolt11 invoice'),
  valid: field.flag,
  /** Why it is not valid. */
  warning: field.text.optional(),
  currency: field.text,
  created_at: field.u64,
  expiry: field.u64,
  payee: field.nodeId,
  amount_msat: field.amountMsat.optional(),
  payment_hash: field.hash,
  signature: field.hexText,
  description: field.text.optional(),
  description_hash: field.hash.optional(),
  min_final_cltv_expiry: field.u32,
  payment_secret: field.hash.optional(),
  features: field.hexText.optional(),
  payment_metadata: field.hexText.optional(),
  fallbacks: z
    .array(
      z.object({
        type: z.enum(['P2PKH', 'P2SH', 'P2WPKH', 'P2WSH', 'P2TR']).optional(),
        addr: field.text.optional(),
        hex: field.hexText,
      }),
    )
    .optional(),
  routes: z
    .array(
      z.array(
        z.object({
          pubkey: field.nodeId,
          short_channel_id: field.scid,
          fee_base_msat: field.amountMsat,
          fee_proportional_millionths: field.u32,
          cltv_expiry_delta: field.u32,
        }),
      ),
    )
    .optional(),
  extra: z.array(z.object({ tag: field.text, data: field.text })).optional(),
  /** What its feature bits ask of the payer, in our words. */
  amp: z.enum(['eob', 'deployed']).optional(),
});

type Result = z.output<typeof result>;

/** What it needs of a node. */
type Parts = Pick<Node, 'network' | 'now'>;

export const decode = method({
  doc: 'What an invoice says.',
  params,
  result,
  handler: async (node: Parts, { string }): Promise<Result> => {
    const read = readInvoice('string', string);
    const obstacles = checkPayable(read, {
      network: node.network.name,
      now: node.now(),
      features: payerFeatures(read.features),
    });
    const amp = ampOf(read.features);
    return {
      type: 'bolt11 invoice',
      valid: true,
      ...(obstacles.length > 0 && { warning: obstacles.map(({ code }) => code).join(', ') }),
      currency: { bitcoin: 'bc', testnet: 'tb', signet: 'tbs', regtest: 'bcrt' }[read.network],
      created_at: read.timestamp,
      expiry: read.expiry,
      payee: hex(read.payee),
      ...(read.amount !== undefined && { amount_msat: read.amount }),
      payment_hash: hex(read.paymentHash),
      signature: hex(read.signature),
      ...(read.description !== undefined && { description: read.description }),
      ...(read.descriptionHash && { description_hash: hex(read.descriptionHash) }),
      min_final_cltv_expiry: read.minFinalCltvExpiryDelta,
      ...(read.paymentSecret && { payment_secret: hex(read.paymentSecret) }),
      ...(read.features.length > 0 && { features: hex(read.features) }),
      ...(read.metadata && { payment_metadata: hex(read.metadata) }),
      ...(read.routes.length > 0 && {
        routes: read.routes.map((route) =>
          route.map((hop) => ({
            pubkey: hex(hop.pubkey),
            short_channel_id: scidText(hop.short_channel_id),
            fee_base_msat: hop.fee_base_msat,
            fee_proportional_millionths: hop.fee_proportional_millionths,
            cltv_expiry_delta: hop.cltv_expiry_delta,
          })),
        ),
      }),
      ...(amp && { amp }),
    };
  },
});
