/** Methods that pay. Core Lightning's, with `scheme` and `shards` of our own for atomic multi-path payments. */
import { z } from 'zod';
import { MAX_EXPIRY_AHEAD } from '../../../amp/limits.ts';
import { schemeNames } from '../../../amp/schemes.ts';
import { methods } from '../method.ts';
import * as given from '../params.ts';
import * as shown from '../results.ts';
import { devShards } from './dev.ts';

/** One HTLC of a payment, from here to the payee. */
const shard = z.object({
  /** The child's index, as the scheme counts; 0 where the payment is a plain one. */
  index: shown.u32,
  payment_hash: shown.hash,
  status: z.enum(['pending', 'complete', 'failed']),
  amount_msat: shown.amountMsat,
  amount_sent_msat: shown.amountMsat,
  /** Nodes on the way and the channel that leads to each. */
  route: z.array(z.object({ id: shown.nodeId, short_channel_id: shown.scid })),
  payment_preimage: shown.hash.optional(),
  /** How often it was sent, and BOLT 4's name for what went wrong last. */
  attempts: shown.u32,
  failure: shown.text.optional(),
  /** When it left here last, and when it came back as settled or failed. */
  offered_at: shown.time.optional(),
  resolved_at: shown.time.optional(),
  /** What the payee reads of the last attempt: the 65-byte frame (its HMAC zero) and the blobs behind it, or a TLV stream. */
  frame: shown.hexText.optional(),
  blobs: z.array(shown.hexText).optional(),
});

const paid = {
  destination: shown.nodeId.optional(),
  payment_hash: shown.hash,
  created_at: shown.time,
  /** HTLCs that arrived. */
  parts: shown.u32,
  amount_msat: shown.amountMsat,
  amount_sent_msat: shown.amountMsat,
  warning_partial_completion: shown.text.optional(),
  /** Present where one preimage proves the payment; an atomic multi-path payment has `payment_preimages`. */
  payment_preimage: shown.hash.optional(),
  payment_preimages: z.array(shown.hash),
  scheme: shown.text.optional(),
  shards: z.array(shard).optional(),
};

/** Two weeks in seconds: so long an HTLC may last, and what is looked for is a way for one. */
const MOST_PATIENCE = 1_209_600;

const limits = {
  maxfeepercent: given.percent.optional().describe('most of the amount that may go into fees, in percent; else 0.5'),
  retry_for: given.seconds(0, MOST_PATIENCE).default(60).describe('how long to look for ways'),
  maxdelay: given
    .integer(1, MAX_EXPIRY_AHEAD)
    .default(MAX_EXPIRY_AHEAD)
    .describe('blocks for which the payment may lock our money, at most'),
  exemptfee: given.amountMsat.optional().describe('a fee up to this is always fine; else 5000'),
};
const maxfee = given.amountMsat.optional().describe('most fee in all; replaces maxfeepercent and exemptfee');
const own = {
  scheme: given.text
    .optional()
    .describe(`how shares are made, for atomic multi-path payments alone: ${schemeNames.join(', ')}`),
  shards: given.integer(1, 255).optional().describe('how many HTLCs to cut the amount into; 1 never cuts it'),
};

export const paymentMethods = methods({
  pay: {
    doc: 'Pays an invoice, in several parts over several routes where one does not do.',
    aliases: { invstring: 'bolt11' },
    params: z.strictObject({
      bolt11: given.text.describe('the invoice'),
      amount_msat: given.amountMsat.optional().describe('what to pay, if the invoice names no amount'),
      label: given.label.optional().describe('our name for the payment'),
      riskfactor: given.refused.describe('the price of delay'),
      maxfeepercent: limits.maxfeepercent,
      retry_for: limits.retry_for,
      maxdelay: limits.maxdelay,
      exemptfee: limits.exemptfee,
      localinvreqid: given.refused.describe('payments of offers'),
      exclude: given.refused.describe('nodes and channels to avoid'),
      maxfee,
      description: given.prose.optional().describe('what the hashed description of the invoice stands for'),
      partial_msat: given.refused.describe('a part to pay, where others pay the rest'),
      ...own,
      ...devShards,
    }),
    result: z.object({ ...paid, status: z.enum(['complete', 'pending', 'failed']) }),
  },
  keysend: {
    doc: 'Pays a node without an invoice: a spontaneous atomic multi-path payment.',
    params: z.strictObject({
      destination: given.nodeId.describe('the node to pay'),
      amount_msat: given.amountMsat.describe('what to pay'),
      label: given.label.optional().describe('our name for the payment'),
      maxfeepercent: limits.maxfeepercent,
      retry_for: limits.retry_for,
      maxdelay: limits.maxdelay,
      exemptfee: limits.exemptfee,
      routehints: given.refused.describe('private ways to the node'),
      extratlvs: given.refused.describe('further records for the node'),
      maxfee,
      ...own,
      force: given.flag.optional().describe('pay a node that does not say that it can be paid so'),
      ...devShards,
    }),
    result: z.object({ ...paid, status: z.literal('complete') }),
  },
  listpays: {
    doc: 'Payments made from here and what became of them.',
    aliases: { invstring: 'bolt11' },
    params: z.strictObject({
      bolt11: given.text.optional().describe('only payments of this invoice'),
      payment_hash: given.hash32.optional().describe('only payments of this hash'),
      status: given.word('pending', 'complete', 'failed').optional().describe('only payments that stand so'),
      index: given.word('created').optional().describe('the order: there is one'),
      start: given.index.optional().describe('first index to show'),
      limit: given.u32.optional().describe('how many to show'),
    }),
    result: z.object({
      pays: z.array(
        z.object({
          payment_hash: shown.hash,
          status: z.enum(['pending', 'failed', 'complete']),
          destination: shown.nodeId.optional(),
          created_at: shown.u64,
          completed_at: shown.u64.optional(),
          label: shown.text.optional(),
          bolt11: shown.text.optional(),
          description: shown.text.optional(),
          created_index: shown.u64,
          updated_index: shown.u64.optional(),
          amount_msat: shown.amountMsat.optional(),
          amount_sent_msat: shown.amountMsat.optional(),
          preimage: shown.hash.optional(),
          number_of_parts: shown.u64.optional(),
          warning_partial_completion: shown.text.optional(),
          erroronion: shown.hexText.optional(),
          payment_preimages: z.array(shown.hash).optional(),
          scheme: shown.text.optional(),
          shards: z.array(shard).optional(),
        }),
      ),
    }),
  },
});
