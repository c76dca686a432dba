/**
 * What of ours could go to miners instead of us if a channel broke (BOLT 2, "Bounding exposure to trimmed in-flight HTLCs"), and
 * the bound on it. Two things count: HTLCs too small for an output, and what a peer that funds puts into the fee of its commitment
 * beyond what the chain asks. That money is the peer's when it signs; but once it has passed to us, the peer can publish this
 * commitment although it is revoked, with a miner who shares the fee, and the penalty takes only what outputs still hold.
 */

import { type Msat, msat, toMsat } from '../../wire/units.ts';
import type { Context } from '../model/io.ts';
import type { HtlcDirection, Params } from '../model/state.ts';
import {
  type CommitmentFormat,
  commitmentFee,
  type Direction,
  formats,
  htlcTransactionFee,
} from '../tx/commitmentformats.ts';
import { isTrimmed } from '../tx/trimming.ts';
import { isUneconomical } from './unclaimed.ts';

/** Most that may stand so: all of it goes to miners if the channel breaks. */
export const MAX_DUST_EXPOSURE: Msat = msat(500_000_000n);
/**
 * Of a small channel that bound is all there is. So a commitment's fee, beyond what is justified, is at most this part of what the
 * channel holds: as much as a reserve may be.
 */
const MOST_EXCESS = 5n;
/**
 * An HTLC of the peer's beyond the bounds is failed back, but by then it stands in a commitment of the peer's that may be published
 * for ever. So one that is beyond so many times the bounds is not even taken. No peer comes near whose HTLCs have been failed back.
 */
export const REFUSED_MULTIPLE = 2n;

export type Holder = 'local' | 'remote';
export const holders: readonly Holder[] = ['local', 'remote'];

/** What tells how much a commitment may fairly pay. */
export type FairFees = Pick<Context, 'highestFeerate'> & {
  /** What claims would pay, sat per 1,000 weight; undefined: HTLCs with an output do not count. */
  readonly claims?: number;
};

/** As much of an HTLC, and of a commitment, as counts here. */
export interface Weighed {
  readonly way: HtlcDirection;
  readonly amount: bigint;
}
export interface Content {
  readonly feerate: number;
  readonly htlcs: readonly Weighed[];
}

const formatOf = ({ format }: Params): CommitmentFormat => formats[format];

export const directionOf = (holder: Holder, way: HtlcDirection): Direction =>
  (way === 'out') === (holder === 'local') ? 'offered' : 'received';

/** Whether an HTLC has no output in a holder's commitment. */
export const isTrimmedFor = (params: Params, holder: Holder, feerate: number, { way, amount }: Weighed): boolean =>
  isTrimmed(formatOf(params), feerate, params[holder].dustLimit, { direction: directionOf(holder, way), amount });

/** Whether an HTLC is lost where a holder's commitment is in the chain: it has no output, or one that is not worth its claim. */
export const isLost = (
  params: Params,
  holder: Holder,
  feerate: number,
  htlc: Weighed,
  { claims }: Pick<FairFees, 'claims'>,
): boolean =>
  isTrimmedFor(params, holder, feerate, htlc) || (claims !== undefined && isUneconomical(params, holder, claims, htlc));

/** HTLCs that are lost so, msat in all. */
const dust = (params: Params, holder: Holder, spec: Content, fees: FairFees): bigint => {
  let sum = 0n;
  for (const htlc of spec.htlcs) if (isLost(params, holder, spec.feerate, htlc, fees)) sum += htlc.amount;
  return sum;
};

interface Excess {
  readonly commitment: bigint;
  readonly htlcs: bigint;
}
const none: Excess = { commitment: 0n, htlcs: 0n };

/**
 * What the peer's commitment and the transactions of its HTLCs pay beyond the highest estimate of late, msat. Ours is never
 * published once it is revoked; and where we fund, nobody but us says what it pays.
 */
const excess = (params: Params, holder: Holder, spec: Content, { highestFeerate: fair }: FairFees): Excess => {
  if (holder === 'local' || params.role === 'funder' || spec.feerate <= fair) return none;
  const format = formatOf(params);
  let outputs = 0;
  let htlcs = 0n;
  for (const htlc of spec.htlcs) {
    if (isTrimmedFor(params, holder, spec.feerate, htlc)) continue;
    const direction = directionOf(holder, htlc.way);
    outputs++;
    htlcs += htlcTransactionFee(format, spec.feerate, direction) - htlcTransactionFee(format, fair, direction);
  }
  const commitment = commitmentFee(format, spec.feerate, outputs) - commitmentFee(format, fair, outputs);
  return { commitment: commitment * 1000n, htlcs: htlcs * 1000n };
};

/** All that a holder's commitment would give to miners of what may be ours, msat. */
export const exposure = (params: Params, holder: Holder, spec: Content, fees: FairFees): bigint => {
  const { commitment, htlcs } = excess(params, holder, spec, fees);
  return dust(params, holder, spec, fees) + commitment + htlcs;
};

/** By how much a commitment is beyond so many times the bounds, msat; zero within them. */
const beyond = (params: Params, holder: Holder, spec: Content, fees: FairFees, times: bigint): bigint => {
  const over = exposure(params, holder, spec, fees) - times * MAX_DUST_EXPOSURE;
  const dear = excess(params, holder, spec, fees).commitment - (times * toMsat(params.capacity)) / MOST_EXCESS;
  return [over, dear].reduce((most, one) => (one > most ? one : most), 0n);
};

/** Whether one of the commitments is beyond what we risk, or `times` that, and further than it was `before`. What stands, stands. */
export const isTooExposed = (
  params: Params,
  before: Content | undefined,
  spec: Content,
  fees: FairFees,
  times = 1n,
): boolean =>
  holders.some((holder) => {
    const now = beyond(params, holder, spec, fees, times);
    return now > 0n && (before === undefined || now > beyond(params, holder, before, fees, times));
  });
