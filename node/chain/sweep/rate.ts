/**
 * What feerate a claim is worth now: the estimate for the blocks that are left, more when it hangs, and in the last blocks before
 * somebody else may have the output a rise to all that may be spent. Rates are satoshi per 1,000 weight. Pure.
 */

/** Below this nothing is relayed (BOLT 2 and 3 use it too). */
export const FLOOR = 253;
/** Nothing of ours ever pays more per 1,000 weight than this by its own schedule: 1,000 sat/vbyte. */
export const MOST = 250_000;
/** Blocks before a deadline in which the rate rises to its ceiling. BOLT 2 reckons with 12 blocks until a claim confirms. */
export const HURRY = 18;
/** Blocks after which something that hangs is worth more, and how much more. */
const STUCK = { blocks: 6, factor: 1.25 } as const;
/** Blocks in which a claim that nobody hurries should confirm. */
const PATIENT = 24;
/** The longest wait that estimates are asked for. */
const LONGEST = 144;

/** When a claim stands: the height of the best block, its deadline, and the best block when it was first published. */
export interface Moment {
  readonly tip: number;
  /** The first block in which somebody else may have the output. */
  readonly deadline: number | undefined;
  readonly since: number | undefined;
}

/** Blocks that may still hold the claim before its deadline; 0 or less once it has passed. */
const blocksLeft = ({ tip, deadline }: Moment): number => (deadline === undefined ? PATIENT : deadline - 1 - tip);

/** For how many blocks to ask the chain for an estimate. */
export const horizonOf = (moment: Moment): number => Math.min(LONGEST, Math.max(1, blocksLeft(moment)));

/** Whether the deadline is so near that the whole value may be spent to keep the rest from somebody else. */
export const isUrgent = ({ tip, deadline }: Pick<Moment, 'tip' | 'deadline'>): boolean =>
  deadline !== undefined && deadline - 1 - tip < HURRY;

/**
 * The rate wanted, given the estimate for `horizonOf` and a ceiling. It never falls while blocks pass and the estimate stays; at
 * the deadline it is the ceiling, or `MOST` if that is less.
 */
export const wantedRate = (moment: Moment, estimate: number, ceiling: number): number => {
  const { tip, since } = moment;
  const base = Math.max(FLOOR, estimate);
  const waited = since === undefined ? 0 : Math.max(0, tip - since);
  const stuck = base * STUCK.factor ** Math.floor(waited / STUCK.blocks);
  const top = Math.max(base, Math.min(MOST, ceiling));
  const passed = moment.deadline === undefined ? 0 : Math.min(HURRY, Math.max(0, HURRY - blocksLeft(moment)));
  // Geometric: cheap for most of the way, and each block's step is the same factor.
  const rising = base * (top / base) ** (passed / HURRY);
  return Math.floor(Math.min(ceiling, Math.max(Math.min(stuck, top), rising)));
};
