/**
 * The feerate of commitments: what the funder asks for, when it changes it, and the bounds a fundee accepts (BOLT 2, "Updating
 * Fees: update_fee"). Satoshi per 1,000 weight everywhere.
 */
import { FEERATE_FLOOR } from '../../wire/units.ts';
import type { Context } from '../model/io.ts';
import { inNextRemote, specOf } from '../model/spec.ts';
import type { Core } from '../model/state.ts';
import { type CommitmentFormat, formats } from '../tx/commitmentformats.ts';
import { mayChangeFee } from './limits.ts';

/** Anchors add what is missing once it is known, so such a commitment pays no more than 10 sat/vbyte beforehand. */
const ANCHORS_CEILING = 2500;
/** Raised when it is a tenth too low, which is dangerous; lowered only when it is twice too high, which costs little. */
const RAISE = { missing: 11, of: 10 } as const;
const LOWER = 2;

/** What a new commitment should pay: the estimate, or with anchors enough to be relayed. */
export const commitmentFeerate = (format: CommitmentFormat, { feerate, relayFeerate }: Context): number => {
  const wanted = format.anchor === undefined ? feerate : Math.min(feerate, ANCHORS_CEILING);
  return Math.max(FEERATE_FLOOR, relayFeerate, wanted);
};

/** What we let a funder choose. */
export interface FeerateBounds {
  readonly min: number;
  readonly max: number;
}

/**
 * What we let a funder open a channel with. Without anchors HTLCs depend on it as well, and a commitment that pays too little is
 * stuck. With them the rest can be added by whoever needs it, but only to what gets into a mempool at all.
 */
export const openingBounds = (
  format: CommitmentFormat,
  { minFeerate, maxFeerate, relayFeerate }: Context,
): FeerateBounds => ({
  min: Math.max(FEERATE_FLOOR, format.anchor === undefined ? minFeerate : relayFeerate),
  max: maxFeerate,
});

/**
 * What we let a funder change it to, from what stands and is signed. That can neither be too little nor too much, whatever has
 * become of the chain since: to refuse it, or a step from it towards the bounds, would leave us with worse. A peer says again after
 * a reconnect what it signed before, so what was enough to be relayed lately is taken too.
 */
export const changeBounds = (format: CommitmentFormat, context: Context, standing: number): FeerateBounds => {
  const { min, max } = openingBounds(format, { ...context, relayFeerate: context.lowestRelayFeerate });
  return { min: Math.min(min, standing), max: Math.max(max, standing) };
};

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
