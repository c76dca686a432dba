/**
 * What the wallet could pay for claims on chain, and what claims would cost, as the receiving machine and the HTLC switch reckon
 * with it before a preimage of value can become known over a channel with anchors.
 */

import { costOf } from '../../amp/claimable.ts';
import type { AtStake, Claiming } from '../../amp/io.ts';
import { toMsat } from '../../wire/units.ts';
import { roundedUpFee, weightOf } from '../wallet/select.ts';
import type { Wallet } from '../wallet/wallet.ts';
import type { AnchorReserve } from './anchorreserve.ts';
import type { Entry } from './entry.ts';
import { hasAnchors } from './reserve.ts';

/** BOLT 3: HTLC-success with anchors; a coin that pays for it, and what comes back of that. */
const CLAIM_WEIGHT = 706 + weightOf.input + weightOf.output(22);
/** BOLT 3: a commitment with three HTLCs. */
const COMMITMENT_WEIGHT = 1_124 + 3 * 172;
/** Its child: our anchor with its witness, a coin, one output. */
const CHILD_WEIGHT = weightOf.frame + 41 * 4 + 116 + weightOf.input + weightOf.output(22);
/** What a commitment with anchors pays by itself at most, sat per 1,000 weight, where its opener keeps it at the estimate. */
const COMMITMENT_FEERATE = 2_500;
/** In percent of the estimate of now: so much may fees rise in the hours until the claim, on an ordinary day. */
const RISE = 150;

export interface ClaimBudgetParts {
  readonly reserve: AnchorReserve;
  readonly wallet: Pick<Wallet, 'forClaims'>;
  readonly entries: () => Iterable<Entry>;
  /** The estimate for the next blocks, sat per 1,000 weight. */
  readonly feerate: () => number;
}

/** What claims cost at an estimate, sat: an HTLC's, and the child that takes its commitment into a block. */
export const claimCosts = (estimate: number): { readonly claim: bigint; readonly commitment: bigint } => {
  const feerate = Math.ceil((estimate * RISE) / 100);
  const paid = roundedUpFee(COMMITMENT_WEIGHT, Math.min(estimate, COMMITMENT_FEERATE));
  const child = roundedUpFee(COMMITMENT_WEIGHT + CHILD_WEIGHT, feerate) - paid;
  return { claim: roundedUpFee(CLAIM_WEIGHT, feerate), commitment: child > 0n ? child : 0n };
};

/** The room as it is now; undefined where no reserve is kept, and nothing is held back for want of one. */
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
 * What HTLCs that are passed on may take of the room, in parts of all: they can be held for days, by strangers, for next to
 * nothing. The rest is there for what is paid to this node, which is claimed at once and settled a moment later.
 */
const FORWARDS = { share: 1n, of: 2n } as const;

/**
 * Whether one more HTLC may be passed on: its preimage must be passed back whenever it comes, and if it never comes, the HTLC
 * must be taken back in time. One of the two ends is claimed, if any.
 */
export const canForward = (one: AtStake, claiming: Claiming | undefined, others: Iterable<AtStake>): boolean => {
  if (claiming === undefined || costOf([one], claiming) === 0n) return true;
  const { available, forwarded } = claiming;
  const share = (available * FORWARDS.share) / FORWARDS.of;
  return (
    costOf([...forwarded, one], claiming) <= share && costOf([...others, ...forwarded, one], claiming) <= available
  );
};
