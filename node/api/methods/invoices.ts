/** Methods about invoices and sets being received. `amp` and `listsets` are ours, the rest is Core Lightning's. */
import { z } from 'zod';
import { LEAST_FINAL_CLTV, MOST_FINAL_CLTV } from '../../../amp/limits.ts';
import { methods } from '../method.ts';
import * as given from '../params.ts';
import * as shown from '../results.ts';

/** Ten years in seconds: further ahead nobody promises a price. */
const MOST_EXPIRY = 315_360_000;

const base = {
  label: shown.text,
  description: shown.text.optional(),
  payment_hash: shown.hash,
  expires_at: shown.u64,
  amount_msat: shown.amountMsat.optional(),
  bolt11: shown.text.optional(),
  created_index: shown.u64,
  updated_index: shown.u64.optional(),
  pay_index: shown.u64.optional(),
  amount_received_msat: shown.amountMsat.optional(),
  paid_at: shown.u64.optional(),
  /** Missing where the payment was atomic multi-path: no preimage belongs to such an invoice's payment_hash. */
  payment_preimage: shown.hash.optional(),
  /** `eob`: paid in shares carried by extra onion blobs. `deployed`: by record 14. */
  amp: z.enum(['eob', 'deployed']).optional(),
  /** How many HTLCs paid it. */
  parts: shown.u32.optional(),
};

const heldHtlc = z.object({
  short_channel_id: shown.scid,
  id: shown.u64,
  amount_msat: shown.amountMsat,
  payment_hash: shown.hash,
  expiry: shown.u32,
  /** The child's index, as the scheme counts, once known. */
  index: shown.u32.optional(),
});

const set = z.object({
  set_id: shown.hash,
  /** How its shares are made; `ordinary` where the payment has none. */
  scheme: shown.text,
  status: z.enum(['receiving', 'claiming', 'claimed', 'failing', 'failed']),
  /** The label of the invoice it pays; missing in a spontaneous payment. */
  label: shown.text.optional(),
  shares: shown.u32,
  /** How many shares make it complete, once known. */
  shares_expected: shown.u32.optional(),
  parts: shown.u32,
  amount_received_msat: shown.amountMsat,
  /** What the invoice asks. */
  amount_msat: shown.amountMsat.optional(),
  first_seen_at: shown.time,
  /** When it is given up if still incomplete. */
  expires_at: shown.time.optional(),
  htlcs: z.array(heldHtlc),
});

const bolt11 = z.object({
  type: z.literal('bolt11 invoice'),
  valid: shown.flag,
  /** Why it is not valid. */
  warning: shown.text.optional(),
  currency: shown.text,
  created_at: shown.u64,
  expiry: shown.u64,
  payee: shown.nodeId,
  amount_msat: shown.amountMsat.optional(),
  payment_hash: shown.hash,
  signature: shown.hexText,
  description: shown.text.optional(),
  description_hash: shown.hash.optional(),
  min_final_cltv_expiry: shown.u32,
  payment_secret: shown.hash.optional(),
  features: shown.hexText.optional(),
  payment_metadata: shown.hexText.optional(),
  fallbacks: z
    .array(
      z.object({
        type: z.enum(['P2PKH', 'P2SH', 'P2WPKH', 'P2WSH', 'P2TR']).optional(),
        addr: shown.text.optional(),
        hex: shown.hexText,
      }),
    )
    .optional(),
  routes: z
    .array(
      z.array(
        z.object({
          pubkey: shown.nodeId,
          short_channel_id: shown.scid,
          fee_base_msat: shown.amountMsat,
          fee_proportional_millionths: shown.u32,
          cltv_expiry_delta: shown.u32,
        }),
      ),
    )
    .optional(),
  extra: z.array(z.object({ tag: shown.text, data: shown.text })).optional(),
  /** What its feature bits ask of the payer, in our words. */
  amp: z.enum(['eob', 'deployed']).optional(),
});

export const invoiceMethods = methods({
  invoice: {
    doc: 'Makes an invoice others can pay.',
    params: z.strictObject({
      amount_msat: given.amountOrAny.describe('what to ask; "any" leaves it to the payer'),
      label: given.label.describe('our name for it, unique on this node'),
      description: given.prose.describe('what it is for; part of the invoice, 639 bytes at most'),
      expiry: given.seconds(1, MOST_EXPIRY).default(604_800).describe('how long it can be paid'),
      fallbacks: given.refused.describe('on-chain addresses to pay instead'),
      preimage: given.preimage32.optional().describe('the preimage to use; else a random one'),
      exposeprivatechannels: given.privateChannels
        .optional()
        .describe('unpublished channels to name as ways in: all (100 at most), none, or these'),
      cltv: given
        .integer(LEAST_FINAL_CLTV, MOST_FINAL_CLTV)
        .optional()
        .describe('blocks the last hop must leave us; else as --cltv-final says'),
      deschashonly: given.flag.default(false).describe('put the description as its hash only: then it may be longer'),
      amp: given
        .word('eob')
        .optional()
        .describe('ask for an atomic multi-path payment, its shares in extra onion blobs'),
    }),
    result: z.object({
      bolt11: shown.text,
      payment_hash: shown.hash,
      payment_secret: shown.hash,
      expires_at: shown.u64,
      created_index: shown.u64,
      warning_capacity: shown.text.optional(),
      warning_offline: shown.text.optional(),
      warning_deadends: shown.text.optional(),
      warning_private_unused: shown.text.optional(),
      warning_mpp: shown.text.optional(),
    }),
  },
  listinvoices: {
    doc: 'Invoices made here and what became of them.',
    params: z.strictObject({
      label: given.label.optional().describe('only the one of this label'),
      invstring: given.text.optional().describe('only this invoice'),
      payment_hash: given.hash32.optional().describe('only the one of this hash'),
      offer_id: given.refused.describe('invoices of an offer'),
      index: given.word('created', 'updated').optional().describe('the order'),
      start: given.index.optional().describe('first index to show'),
      limit: given.u32.optional().describe('how many to show'),
    }),
    result: z.object({
      invoices: z.array(z.object({ ...base, status: z.enum(['unpaid', 'paid', 'expired']) })),
    }),
  },
  waitinvoice: {
    doc: 'Answers once the invoice is paid, or with an error once it has expired.',
    params: z.strictObject({ label: given.label.describe('the label of the invoice') }),
    result: z.object({ ...base, status: z.enum(['paid', 'expired']) }),
  },
  waitanyinvoice: {
    doc: 'Answers with the first invoice that was or is paid behind a payment: call it with the pay_index it gave last, and none is missed.',
    params: z.strictObject({
      lastpay_index: given.index.default(0).describe('the pay_index of the payment that was heard of last; 0 for none'),
      timeout: given.seconds(0, MOST_EXPIRY).optional().describe('how long to wait at most; else without end'),
    }),
    result: z.object({ ...base, status: z.enum(['paid', 'expired']) }),
  },
  decode: {
    doc: 'What an invoice says.',
    params: z.strictObject({
      string: given.text.describe('the invoice, alone or in a lightning: or bitcoin: URI; what is none is named'),
    }),
    result: bolt11,
  },
  listsets: {
    doc: 'Atomic multi-path payments on their way in: sets of HTLCs, whole or not yet.',
    params: z.strictObject({
      label: given.label.optional().describe('only sets that pay this invoice'),
      set_id: given.setId.optional().describe('only this set'),
    }),
    result: z.object({ sets: z.array(set) }),
  },
});
