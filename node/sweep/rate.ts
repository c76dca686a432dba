/**
 * What feerate a claim is worth now: the estimate for the blocks that are left, more when it hangs, and in the last blocks before
 * somebody else may have the output a rise to all that may be spent. Rates are satoshi per 1,000 weight. Pure.
 */
import { FEERATE_FLOOR } from '../../wire/units.ts';

/** Nothing of ours ever pays more per 1,000 weight than this by its own schedule: 1,000 sat/vbyte. */
export const MAX_FEERATE = 250_000;
/** Most blocks before a deadline in which the rate rises to its top. BOLT 2 reckons with 12 blocks until a claim confirms. */
export const URGENT_BLOCKS = 18;
/**
 * Blocks after which something that hangs is worth more, how much more, and how many times the estimate in the end. Estimates
 * lag when fees climb, by less than this; one that is wrong by more is another in an hour, and the rate with it. What hangs all
 * the same is not helped by a fee, and a rise without an end would give a balance that nobody else can have to miners.
 */
const STUCK = { blocks: 6, factor: 1.25, most: 3 } as const;
/** What hangs and is nobody else's yet is worth no more of its value than this to have it sooner. */
export const PATIENT_SHARE = 10n;
/** Blocks in which a claim that nobody hurries should confirm. */
const DEFAULT_TARGET = 24;
/** The longest wait that estimates are asked for. */
const MAX_TARGET = 144;

/** When a claim stands: the height of the best block, its deadline, and the best block when it was first published. */
export interface ClaimTiming {
  readonly tip: number;
  /** The first block that may, or need, hold it: no sooner does its rate rise. */
  readonly from: number;
  /** The first block in which somebody else may have the output. */
  readonly deadline: number | undefined;
  readonly since: number | undefined;
}

/** Blocks that may still hold the claim before its deadline; 0 or less once it has passed. */
const blocksLeft = ({ tip, deadline }: Pick<ClaimTiming, 'tip' | 'deadline'>): number =>
  deadline === undefined ? DEFAULT_TARGET : deadline - 1 - tip;

/**
 * How much of its last blocks has passed, from 0 to 1. What cannot be published sooner begins at the start all the same: it
 * would else pay for a hurry that nobody was in.
 */
const urgencyOf = ({ tip, from, deadline }: ClaimTiming): number => {
  if (deadline === undefined) return 0;
  const last = deadline - 1;
  const first = Math.max(last - URGENT_BLOCKS, from - 1);
  return tip >= last ? 1 : tip <= first ? 0 : (tip - first) / (last - first);
};

/** For how many blocks to ask the chain for an estimate. */
export const confirmationTarget = (moment: Pick<ClaimTiming, 'tip' | 'deadline'>): number =>
  Math.min(MAX_TARGET, Math.max(1, blocksLeft(moment)));

/** Whether the deadline is so near that the whole value may be spent to keep the rest from somebody else. */
export const isUrgent = ({ tip, deadline }: Pick<ClaimTiming, 'tip' | 'deadline'>): boolean =>
  deadline !== undefined && deadline - 1 - tip < URGENT_BLOCKS;

/**
 * The rate wanted, given the estimate for `horizonOf`, a ceiling, what the deadline is worth (`top`), and what it is worth to
 * have something that hangs sooner (`patient`); the estimate is paid up to the ceiling. It never falls while blocks pass and the
 * estimate stays; at the deadline it is the top, unless the estimate is more, and `MOST` at most.
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
