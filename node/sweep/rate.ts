/**
 * The feerate of a claim: the estimate for the blocks that are left, more when it stays unconfirmed, and in the last blocks before its
 * deadline, from which somebody else may claim the output, a rise to all that may be spent. In sat per 1,000 weight. Pure.
 */
import { FEERATE_FLOOR } from '../../wire/units.ts';

/** The most that a claim pays unless the estimate is higher: 1,000 sat/vbyte. */
export const MAX_FEERATE = 250_000;
/** Blocks before a deadline in which the feerate rises to its maximum, at most. BOLT 2 allows 12 blocks for a claim to confirm. */
export const URGENT_BLOCKS = 18;
/**
 * How the feerate of an unconfirmed claim rises: every so many blocks by this factor, up to so many times the estimate. Estimates lag
 * when fees climb, but by less than that, and within an hour they catch up. A claim that still does not confirm is not helped by a
 * fee, and a rise without limit would give to miners a balance that nobody else can claim.
 */
const STUCK = { blocks: 6, factor: 1.25, most: 3 } as const;
/** An unconfirmed claim that nobody else can make yet pays at most its value divided by this for a faster confirmation. */
export const PATIENT_SHARE = 10n;
/** Confirmation target of a claim without a deadline, in blocks. */
const DEFAULT_TARGET = 24;
/** The longest confirmation target that is asked for, in blocks. */
const MAX_TARGET = 144;

/** The heights that a claim's feerate depends on. */
export interface ClaimTiming {
  readonly tip: number;
  /** The first block that may contain the claim, or has to: its feerate does not rise before. */
  readonly from: number;
  /** The first block in which somebody else may claim the output. */
  readonly deadline: number | undefined;
  readonly since: number | undefined;
}

/** Blocks that may still hold the claim before its deadline; 0 or less once it has passed. */
const blocksLeft = ({ tip, deadline }: Pick<ClaimTiming, 'tip' | 'deadline'>): number =>
  deadline === undefined ? DEFAULT_TARGET : deadline - 1 - tip;

/**
 * How much of the last blocks before the deadline has passed, from 0 to 1. A claim that cannot be published earlier begins at 0 too:
 * otherwise it would pay a high fee at once, without need.
 */
const urgencyOf = ({ tip, from, deadline }: ClaimTiming): number => {
  if (deadline === undefined) return 0;
  const last = deadline - 1;
  const first = Math.max(last - URGENT_BLOCKS, from - 1);
  return tip >= last ? 1 : tip <= first ? 0 : (tip - first) / (last - first);
};

/** The confirmation target to ask the chain for, in blocks. */
export const confirmationTarget = (moment: Pick<ClaimTiming, 'tip' | 'deadline'>): number =>
  Math.min(MAX_TARGET, Math.max(1, blocksLeft(moment)));

/** Whether the deadline is so near that the whole value may be spent on fees rather than lost to somebody else. */
export const isUrgent = ({ tip, deadline }: Pick<ClaimTiming, 'tip' | 'deadline'>): boolean =>
  deadline !== undefined && deadline - 1 - tip < URGENT_BLOCKS;

/**
 * The feerate wanted, given the estimate for `confirmationTarget` and three upper limits: of any feerate (`ceiling`), of the rise before
 * the deadline (`top`), and of the rise while unconfirmed (`patient`). It never falls while blocks pass and the estimate stays; at
 * the deadline it is `top`, or the estimate where that is higher, and at most `MAX_FEERATE` unless the estimate is.
 */
export const targetFeerate = (
  moment: ClaimTiming,
  estimate: number,
  ceiling: number,
  top: number = ceiling,
  patient: number = ceiling,
): number => {
  const { tip, since } = moment;
  const base = Math.max(FEERATE_FLOOR, estimate);
  const bounded = (rate: number): number => Math.max(base, Math.min(MAX_FEERATE, rate));
  const waited = since === undefined ? 0 : Math.max(0, tip - since);
  const stuck = base * Math.min(STUCK.most, STUCK.factor ** Math.floor(waited / STUCK.blocks));
  // Geometric: cheap for most of the way, and each block's step is the same factor.
  const rising = base * (bounded(top) / base) ** urgencyOf(moment);
  return Math.floor(Math.min(ceiling, Math.max(Math.min(stuck, bounded(Math.min(patient, ceiling))), rising)));
};
