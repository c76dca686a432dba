/** An invoice as the methods about invoices tell it. */

import { z } from 'zod';
import { hex } from '../../../../wire/bytes.ts';
import type { Node } from '../../../core/running.ts';
import { type InvoiceRecord, isReusable } from '../../../pay/invoicerecord.ts';
import * as field from '../../results.ts';

/** Ten years in seconds: further ahead nobody promises a price. */
export const MOST_EXPIRY = 315_360_000;

export const invoiceFields = {
  label: field.text,
  description: field.text.optional(),
  payment_hash: field.hash,
  expires_at: field.u64,
  amount_msat: field.amountMsat.optional(),
  bolt11: field.text.optional(),
  created_index: field.u64,
  updated_index: field.u64.optional(),
  pay_index: field.u64.optional(),
  amount_received_msat: field.amountMsat.optional(),
  paid_at: field.u64.optional(),
  /** Missing where the payment was atomic multi-path: no preimage belongs to such an invoice's payment_hash. */
  payment_preimage: field.hash.optional(),
  /** `eob`: paid in shares carried by extra onion blobs. `deployed`: by record 14. */
  amp: z.enum(['eob', 'deployed']).optional(),
  /** Records that came with a keysend and that nobody here knows. */
  extratlvs: z.array(z.object({ type: field.tlvType, value: field.hexText })).optional(),
  /** How many HTLCs paid it; of one that was paid several times, those of the latest payment. */
  parts: field.u32.optional(),
  /** Of an invoice that may be paid again, where one payment of it is told of: the set that paid. */
  set_id: field.hash.optional(),
  /** How many sets have paid it, of an invoice that may be paid again. */
  times_paid: field.u64.optional(),
};

const row = z.object({ ...invoiceFields, status: z.enum(['unpaid', 'paid', 'expired']) });
export type InvoiceRow = z.output<typeof row>;

/** An invoice as it is listed. */
export const invoiceRow = (
  node: { readonly invoices: Pick<Node['invoices'], 'status'> },
  record: InvoiceRecord,
): InvoiceRow => {
  const { paid } = record;
  const ordinary = record.kind === 'ordinary';
  return {
    label: record.label,
    description: record.description,
    payment_hash: hex(record.paymentHash),
    expires_at: record.expiresAt,
    ...(record.amount !== undefined && { amount_msat: record.amount }),
    ...(record.bolt11 !== '' && { bolt11: record.bolt11 }),
    created_index: Number(record.createdIndex),
    status: node.invoices.status(record),
    ...(!ordinary && { amp: isReusable(record) ? ('deployed' as const) : ('eob' as const) }),
    ...(record.extraTlvs && {
      extratlvs: record.extraTlvs.map(({ type, value }) => ({ type, value: hex(value) })),
    }),
    ...(paid && {
      updated_index: Number(paid.payIndex),
      pay_index: Number(paid.payIndex),
      amount_received_msat: record.all?.received ?? paid.received,
      paid_at: paid.at,
      parts: Math.max(1, paid.preimages.length),
      ...(record.all && { times_paid: Number(record.all.count) }),
      ...(isReusable(record) && record.all === undefined && { set_id: hex(paid.set) }),
      ...(ordinary && paid.preimages[0] && { payment_preimage: hex(paid.preimages[0]) }),
    }),
  };
};
