/** What the two payment machines keep to whatever strangers send: how much is held, of what worth, for how long. */
import { MAX_EXPIRY_AHEAD, type Msat, msat } from '../wire/units.ts';

export interface ReceiverLimits {
  /** Shares one set may have, 1..255. */
  readonly shares: number;
  /** Incomplete sets held at once: so many that pay invoices, and so many others. */
  readonly sets: number;
  /** Incomplete sets without an invoice held at once that the same peer began. */
  readonly setsPerPeer: number;
  /** Incomplete sets held at once for the same invoice. */
  readonly setsPerInvoice: number;
  /** An HTLC without an invoice that is worth less is not held for others to follow. */
  readonly leastShare: Msat;
  /** Seconds an incomplete set is held; and one of record 14, for which payers elsewhere count on longer. */
  readonly timeout: number;
  readonly deployedTimeout: number;
  /** Blocks before an HTLC's expiry from which on it is not claimed any more: its set is given up. */
  readonly expiryMargin: number;
  /** Blocks until expiry that an HTLC may have at most. */
  readonly expiryAhead: number;
  /** Settled set_ids remembered, so that a late share is failed at once. */
  readonly remembered: number;
  /** Failed set_ids remembered at most, of those of the last ten minutes. */
  readonly rememberedFailed: number;
}

/**
 * A preimage must not be told when it may be too late to enforce it: BOLT 2 ("cltv_expiry_delta Selection") gives a channel 18
 * blocks to claim an HTLC on chain, and its peer gets 3 to take the fulfil before that is begun.
 */
const CLAIM_BLOCKS = 18 + 3;
/** So an invoice that leaves less could not be paid: the least min_final_cltv_expiry_delta. */
export const LEAST_FINAL_CLTV = CLAIM_BLOCKS + 1;
/**
 * Blocks to its expiry that an HTLC without an invoice must have at its payee, whatever that one's invoices ask: a payer who has none
 * of them cannot know, and gives 3 more, since blocks may come while it is on its way.
 */
export const SPONTANEOUS_FINAL_CLTV = 40;
/** Half of what an HTLC may last (MAX_EXPIRY_AHEAD), so that the other half is left for the way to us. */
export const MOST_FINAL_CLTV = 1008;

/**
 * The least dust_limit_satoshis that channels have (BOLT 2): an HTLC below it has an output in no commitment, costs whoever sends it
 * nothing to lock, and would fill our room with sets that never become complete.
 */
export const LEAST_SHARE = msat(354_000n);

export const defaultLimits: ReceiverLimits = {
  shares: 255,
  sets: 1000,
  setsPerPeer: 200,
  setsPerInvoice: 20,
  leastShare: LEAST_SHARE,
  timeout: 60,
  deployedTimeout: 120,
  expiryMargin: CLAIM_BLOCKS,
  expiryAhead: MAX_EXPIRY_AHEAD,
  remembered: 4096,
  rememberedFailed: 16_384,
};
