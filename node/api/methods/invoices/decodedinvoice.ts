/** What an invoice of BOLT 11 says, field by field: what `decode` and `decodepay` tell alike. */

import { z } from 'zod';
import { hex } from '../../../../wire/bytes.ts';
import type { Invoice } from '../../../../wire/invoice.ts';
import { scidText } from '../../../../wire/units.ts';
import * as field from '../../results.ts';

export const decodedFields = {
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
};

const row = z.object(decodedFields);

/** The fields of an invoice whose signature holds. */
export const decodedInvoice = (read: Invoice): z.output<typeof row> => ({
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
});
