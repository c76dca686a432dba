/**
 * The feerate of commitments: what the funder asks for, when it changes it, and what a fundee puts up with (BOLT 2, "Updating
 * Fees"). Satoshi per 1,000 weight everywhere.
 */
import type { Context } from './io.ts';
import { mayChangeFee } from './limits.ts';
import { inNextRemote, specOf } from './spec.ts';
import type { Core } from './state.ts';
import { type CommitmentFormat, formats } from './weights.ts';

/** Below this a transaction may not be relayed anywhere: 1 sat/vbyte, rounded up (BOLT 3). */
const FLOOR = 253;
/** Anchors add what is missing once it is known, so such a commitment pays no more than 10 sat/vbyte beforehand. */
const ANCHORS_CEILING = 2500;
/** It is raised when it is missing a tenth: too little is dangerous. It is lowered at half: too much costs only who closes. */
const RAISE = { missing: 11, of: 10 } as const;
const LOWER = 2;

/** What a new commitment should pay: the estimate, or with anchors enough to be relayed. */
export const commitmentFeerate = (format: CommitmentFormat, { feerate, relayFeerate }: Context): number => {
  const wanted = format.anchor === undefined ? feerate : Math.min(feerate, ANCHORS_CEILING);
  return Math.max(FLOOR, relayFeerate, wanted);
};

/**
 * What we let a funder choose. Without anchors the HTLCs depend on it as well, and a commitment that pays too little is stuck;
 * with them only the funder's own money does.
 */
export const feerateBounds = (format: CommitmentFormat, { minFeerate, maxFeerate }: Context) => ({
  min: format.anchor === undefined ? Math.max(FLOOR, minFeerate) : FLOOR,
  max: maxFeerate,
});

/** The highest feerate from `low` (which is taken to do) up to `high` that the funder may change to. */
const highest = (core: Core, low: number, high: number): number => {
  if (mayChangeFee(core, high)) return high;
  let [good, bad] = [low, high];
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (mayChangeFee(core, middle)) good = middle;
    else bad = middle;
  }
  return good;
};

/**
 * The feerate that the funder should change to now; undefined where it should stay. It stays until it is well off the mark, so
 * that an estimate that wavers causes no messages, and is never raised into the reserve: then it goes as high as it can.
 */
export const wantedFeerate = (core: Core, context: Context): number | undefined => {
  const { role, format } = core.params;
  if (role !== 'funder') return undefined;
  const { feerate } = specOf(core, inNextRemote);
  const target = commitmentFeerate(formats[format], context);
  if (target * LOWER < feerate) return target;
  const missing = (rate: number): boolean => rate * RAISE.of > feerate * RAISE.missing;
  if (!missing(target) && (feerate >= context.relayFeerate || target <= feerate)) return undefined;
  const affordable = highest(core, feerate, target);
  return affordable > feerate && (affordable === target || missing(affordable)) ? affordable : undefined;
};
