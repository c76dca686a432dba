/**
 * What the wallet could pay for claims on chain, and what those would cost. The receiving machine and the HTLC switch check this before
 * they take an HTLC over a channel with anchors that may have to be claimed on chain.
 */

import { costOf } from '../../amp/claimable.ts';
import type { AtStake, Claiming } from '../../amp/io.ts';
import { toMsat } from '../../wire/units.ts';
import { roundedUpFee, weightOf } from '../wallet/select.ts';
import type { Wallet } from '../wallet/wallet.ts';
import type { AnchorReserve } from './anchorreserve.ts';
import type { Entry } from './entry.ts';
import { hasAnchors } from './reserve.ts';

/** BOLT 3: HTLC-success with anchors, with an input that pays for it and a change output. */
const CLAIM_WEIGHT = 706 + weightOf.input + weightOf.output(22);
/** BOLT 3: a commitment with three HTLCs. */
const COMMITMENT_WEIGHT = 1_124 + 3 * 172;
/** Its child: our anchor with its witness, one input of the wallet, one output. */
const CHILD_WEIGHT = weightOf.frame + 41 * 4 + 116 + weightOf.input + weightOf.output(22);
/** The highest feerate of a commitment with anchors, sat per 1,000 weight, where its opener follows the estimate. */
const COMMITMENT_FEERATE = 2_500;
/** Percent of the current estimate, to allow for fees that rise in the hours until the claim. */
const RISE = 150;

export interface ClaimBudgetParts {
  readonly reserve: AnchorReserve;
  readonly wallet: Pick<Wallet, 'forClaims'>;
  readonly entries: () => Iterable<Entry>;
  /** The estimate for the next blocks, sat per 1,000 weight. */
  readonly feerate: () => number;
}

/** Costs at an estimate, sat: of an HTLC's claim, and of the child that pays for its commitment. */
export const claimCosts = (estimate: number): { readonly claim: bigint; readonly commitment: bigint } => {
  const feerate = Math.ceil((estimate * RISE) / 100);
  const paid = roundedUpFee(COMMITMENT_WEIGHT, Math.min(estimate, COMMITMENT_FEERATE));
  const child = roundedUpFee(COMMITMENT_WEIGHT + CHILD_WEIGHT, feerate) - paid;
  return { claim: roundedUpFee(CLAIM_WEIGHT, feerate), commitment: child > 0n ? child : 0n };
};

/** The budget as it is now; undefined where no reserve is configured, so that no HTLC is refused for lack of coins. */
export const claimBudgetOf = (
  { reserve, wallet, entries, feerate }: ClaimBudgetParts,
  forwarded: () => readonly AtStake[],
): Claiming | undefined => {
  if (reserve.perChannel === 0n) return undefined;
  const channels = new Set([...entries()].filter(hasAnchors).map(({ key }) => key));
  const { claim, commitment } = claimCosts(feerate());
  const inMsat = (sat: bigint) => sat * 1000n;
  return {
    available: toMsat(wallet.forClaims()),
    claim: inMsat(claim),
    commitment: inMsat(commitment),
    channels,
    forwarded: forwarded(),
  };
};

/**
 * The part of the budget that forwarded HTLCs may take: strangers can hold those for days, at next to no cost. The rest is for payments to
 * this node, whose HTLCs are settled at once.
 */
const FORWARDS = { share: 1n, of: 2n } as const;

/**
 * Whether one more HTLC may be forwarded. It may have to be claimed on chain: from the incoming channel with the preimage, or from the
 * outgoing one after its expiry; at most one of the two.
 */
export const canForward = (one: AtStake, claiming: Claiming | undefined, others: Iterable<AtStake>): boolean => {
  if (claiming === undefined || costOf([one], claiming) === 0n) return true;
  const { available, forwarded } = claiming;
  const share = (available * FORWARDS.share) / FORWARDS.of;
  return (
    costOf([...forwarded, one], claiming) <= share && costOf([...others, ...forwarded, one], claiming) <= available
  );
};
