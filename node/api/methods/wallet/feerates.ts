/** `feerates`: what transactions are reckoned to cost now, in the fields of Core Lightning. */

import { z } from 'zod';
import { formats } from '../../../../channel/tx/commitmentformats.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';
import { type Priced, perKw } from './spending.ts';

/** The numbers of blocks that estimates are shown for: Core Lightning's. */
const TARGETS = [2, 6, 12, 100] as const;
/** Blocks that what this node spends should take, unless a caller says otherwise. */
const USUAL = 6;
/**
 * Weights of what is usual, for what it costs: an opening of one P2WPKH input with the channel's P2WSH output and P2WPKH change
 * (10.5 vbytes of frame, 68 + 43 + 31), and a mutual close to two P2WPKH outputs (BOLT 3, "Expected Weight of the Closing Transaction").
 */
const OPENING_WEIGHT = 610n;
const CLOSING_WEIGHT = 672n;

const rates = z.object({
  min_acceptable: field.u32,
  max_acceptable: field.u32,
  floor: field.u32,
  estimates: z.array(z.object({ blockcount: field.u32, feerate: field.u32, smoothed_feerate: field.u32 })),
  opening: field.u32,
  mutual_close: field.u32,
  unilateral_close: field.u32,
  unilateral_anchor_close: field.u32,
  penalty: field.u32,
});

const params = z.strictObject({
  style: param.word('perkb', 'perkw').describe('satoshi per 1,000 virtual bytes, or per 1,000 weight'),
  urgent: param.refused.describe('estimates of a caller: those of bitcoind are used'),
  normal: param.refused.describe('estimates of a caller'),
  slow: param.refused.describe('estimates of a caller'),
});

const result = z.object({
  perkb: rates.optional(),
  perkw: rates.optional(),
  onchain_fee_estimates: z.object({
    opening_channel_satoshis: field.u64,
    mutual_close_satoshis: field.u64,
    unilateral_close_satoshis: field.u64,
    unilateral_close_nonanchor_satoshis: field.u64,
    htlc_timeout_satoshis: field.u64,
    htlc_success_satoshis: field.u64,
  }),
});

const fee = (weight: bigint, perkw: number): number => Number((weight * BigInt(perkw)) / 1000n);

export const feerates = method({
  doc: 'Fee rates: what bitcoind estimates, what this node takes for which transaction, and what it lets its peers choose.',
  example: ['perkw'],
  params,
  result,
  handler: async (node: Priced, { style }): Promise<z.output<typeof result>> => {
    const context = node.channels.context();
    const estimates = await Promise.all(TARGETS.map((blocks) => perKw(node, { given: `${blocks}blocks`, blocks })));
    const usual = estimates[TARGETS.indexOf(USUAL)];
    if (usual === undefined) throw new ApiError('general', `no estimate for ${USUAL} blocks`);
    const times = style === 'perkb' ? 4 : 1;
    const commitment = context.feerate;
    const shown = {
      min_acceptable: context.minFeerate * times,
      max_acceptable: context.maxFeerate * times,
      floor: context.relayFeerate * times,
      // Estimates of bitcoind are over many blocks: nothing is smoothed a second time.
      estimates: TARGETS.map((blockcount, i) => {
        const feerate = (estimates[i] ?? usual) * times;
        return { blockcount, feerate, smoothed_feerate: feerate };
      }),
      opening: usual * times,
      mutual_close: usual * times,
      unilateral_close: commitment * times,
      unilateral_anchor_close: commitment * times,
      penalty: usual * times,
    };
    const { static_remotekey: plain, anchors_zero_fee_htlc_tx: anchors } = formats;
    return {
      [style]: shown,
      onchain_fee_estimates: {
        opening_channel_satoshis: fee(OPENING_WEIGHT, usual),
        mutual_close_satoshis: fee(CLOSING_WEIGHT, usual),
        unilateral_close_satoshis: fee(anchors.weight, commitment),
        unilateral_close_nonanchor_satoshis: fee(plain.weight, commitment),
        htlc_timeout_satoshis: fee(plain.htlcTransactionWeight.offered, commitment),
        htlc_success_satoshis: fee(plain.htlcTransactionWeight.received, commitment),
      },
    };
  },
});
