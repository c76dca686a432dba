/** The terms of a payment: what may go into fees, how long it may take, how it is cut. Parameters that pay and keysend share. */

import type { HopBlobs } from '../../../../amp/extras.ts';
import { LEAST_SHARE } from '../../../../amp/limits.ts';
import { hex } from '../../../../wire/bytes.ts';
import { MAX_EXPIRY_AHEAD, type Msat, msat } from '../../../../wire/units.ts';
import type { Node } from '../../../core/running.ts';
import { ApiError } from '../../errors.ts';
import * as param from '../../params.ts';
import { blobTerms } from './blobs.ts';

/** Two weeks in seconds: so long an HTLC may last, and what is looked for is a way for one. */
const MOST_PATIENCE = 1_209_600;

export const limitParams = {
  maxfeepercent: param.percent.optional().describe('most of the amount that may go into fees, in percent; else 0.5'),
  retry_for: param
    .seconds(0, MOST_PATIENCE)
    .default(60)
    .describe('how long to look for ways, and to wait for channels that are full'),
  maxdelay: param
    .integer(1, MAX_EXPIRY_AHEAD)
    .default(MAX_EXPIRY_AHEAD)
    .describe('blocks for which the payment may lock our money, at most'),
  exemptfee: param.amountMsat.optional().describe('a fee up to this is always fine; else 5000'),
};

export const maxfeeParam = param.amountMsat
  .optional()
  .describe('most fee in all; replaces maxfeepercent and exemptfee');

/** Blocks added to what the payee asks, since one may be mined while the HTLC is on its way. */
export const SLACK = 3;

const DEFAULTS = { feePercent: 0.5, exemptFee: 5000n, maxShards: 64, minShard: 1_000n } as const;

/** HTLCs that a payment by AMP may have at most: a child index and the number of shares are one byte. */
const MOST_SHARDS = 255;

interface Limits {
  readonly maxfeepercent?: number | undefined;
  readonly exemptfee?: Msat | undefined;
  readonly maxfee?: Msat | undefined;
}

/** What may go into fees: `maxfee`, or the larger of a share of the amount and what is always fine. Throws ApiError for both. */
export const maxFeeOf = (amount: Msat, { maxfeepercent, exemptfee, maxfee }: Limits): Msat => {
  if (maxfee !== undefined) {
    if (maxfeepercent === undefined && exemptfee === undefined) return maxfee;
    throw new ApiError(
      'invalid_params',
      'maxfee: it stands in the place of maxfeepercent and exemptfee, leave those out',
    );
  }
  // Percent with six decimals, so that no amount is ever multiplied by a fraction.
  const share = (amount * BigInt(Math.round((maxfeepercent ?? DEFAULTS.feePercent) * 1e6))) / 100_000_000n;
  const exempt = exemptfee ?? DEFAULTS.exemptFee;
  return msat(share > exempt ? share : exempt);
};

/**
 * HTLCs at once, at most. One means one, and spare ones come on top; any other number is a wish, and a shard that finds no way may
 * still be cut further. With spare ones there may be twice as many needed and one, so that those come to no more than half of the
 * amount, rounded up as each HTLC is: that is the bound where the caller gives none.
 */
const maxShardsOf = ({
  shards = 2,
  redundancy = 0,
}: {
  shards?: number | undefined;
  redundancy?: number | undefined;
}) =>
  shards === 1
    ? 1 + redundancy
    : Math.min(MOST_SHARDS, Math.max(DEFAULTS.maxShards, shards + redundancy, 3 * redundancy + 1));

/**
 * No HTLC is cut smaller: one below the least dust limit has an output in no commitment, so that whoever gives up its channel may keep it.
 * A caller who wants so many HTLCs gets as small ones as it takes.
 */
const leastShard = (amount: Msat, shards = 1): Msat => {
  const wanted = amount / BigInt(shards);
  if (shards <= 1 || wanted >= LEAST_SHARE) return LEAST_SHARE;
  return msat(wanted < DEFAULTS.minShard ? DEFAULTS.minShard : wanted);
};

export const terms = (
  node: Pick<Node, 'now' | 'ports'>,
  amount: Msat,
  params: Limits & {
    readonly retry_for: number;
    readonly maxdelay: number;
    readonly shards?: number | undefined;
    readonly redundancy?: number | undefined;
    readonly dev_withhold?: number | undefined;
    readonly blob?: readonly HopBlobs[] | undefined;
  },
  /** Unix seconds from which on the payee takes nothing more. */
  expiresAt = Number.POSITIVE_INFINITY,
) => ({
  id: hex(node.ports.entropy.bytes(16)),
  amount,
  maxFee: maxFeeOf(amount, params),
  shards: params.shards,
  maxShards: maxShardsOf(params),
  minShard: leastShard(amount, params.shards),
  entropy: node.ports.entropy.bytes(32),
  deadline: Math.min(node.now() + params.retry_for, expiresAt),
  maxDelay: params.maxdelay,
  withhold: params.dev_withhold ?? 0,
  ...blobTerms(params.blob),
});

/** Throws ApiError while the chain is away for so long that nothing may be offered. */
export const refuseWithoutChain = ({ outage }: Pick<Node, 'outage'>): void => {
  const why = outage.warning();
  if (why !== undefined) throw new ApiError('chain', `nothing was sent: ${why}`);
};
