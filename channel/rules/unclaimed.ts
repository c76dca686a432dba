/**
 * Uneconomical HTLCs: they have an output, but claiming it costs as much as it holds. If a channel is force-closed they are as
 * lost as trimmed ones, so they count towards the dust exposure (BOLT 2, "Bounding exposure to trimmed in-flight HTLCs"). Only
 * what we offer and what we take on from the peer is measured so: a peer may count as the specification does, and is not failed
 * for it.
 */
import type { HtlcDirection, Params } from '../model/state.ts';
import { feeForWeight, formats } from '../tx/commitmentformats.ts';

/** What is below is not worth the room it takes in the wallet, sat. */
export const MIN_CLAIM_VALUE = 330n;
/** A P2WPKH input with its witness, and an output for what is left. */
export const FEE_INPUT_WEIGHT = 272 + 4 * 43;
/**
 * A transaction that takes an HTLC from the peer's commitment (BOLT 3, scripts with anchors): one input with its signature, its
 * script and the preimage where we received it, one output.
 */
const SWEEP_WEIGHT = { in: 623n, out: 598n } as const satisfies Record<HtlcDirection, bigint>;
/**
 * The highest feerate that is reckoned with, sat per 1,000 weight. Fees that are higher at the moment would make nearly every
 * small payment one too many; what they take is paid for once, where a channel breaks just then.
 */
const CEILING = 2_500;

/** What claims are reckoned to pay: the estimate, or the commitment's feerate where that is more, up to a bound. */
export const claimFeerate = (commitment: number, estimate: number): number =>
  Math.min(CEILING, Math.max(commitment, estimate));

/** Whether an HTLC with an output in a holder's commitment costs us as much to take as it brings. `amount` in msat. */
export const isUneconomical = (
  { format }: Pick<Params, 'format'>,
  holder: 'local' | 'remote',
  feerate: number,
  { way, amount }: { readonly way: HtlcDirection; readonly amount: bigint },
): boolean => {
  const { htlcTransactionsPayFee, htlcTransactionWeight } = formats[format];
  // Those of our own commitment are paid for by the HTLC, and where that does not suffice it has no output.
  if (holder === 'local' && htlcTransactionsPayFee) return false;
  const own = htlcTransactionWeight[way === 'out' ? 'offered' : 'received'] + BigInt(FEE_INPUT_WEIGHT);
  return amount / 1000n - feeForWeight(feerate, holder === 'local' ? own : SWEEP_WEIGHT[way]) < MIN_CLAIM_VALUE;
};
