/**
 * The set_ids of sets that are over and off the record, so that a share which comes too late is failed at once rather than held
 * as the beginning of a new set: the latest that settled, and those that failed in the last ten minutes. Both are bounded: the
 * oldest generation is dropped whole, and only the youngest is ever written to.
 */

/** A run of ids that were added one after another; `number` grows with time. */
export interface Generation {
  readonly number: number;
  readonly ids: ReadonlySet<string>;
}

/** Oldest first. */
export type Remembered = readonly Generation[];

/** Generations kept of what settled, and of what failed; more of them make smaller what is written to, and forgotten at once. */
const SETTLED = 16;
const FAILED = 64;
/** Minutes that what has failed is remembered, beyond the one in which it did. */
const MINUTES = 10;

export const isRemembered = (remembered: Remembered, id: string): boolean => remembered.some(({ ids }) => ids.has(id));

const add = (remembered: Remembered, id: string, limit: number, most: number, number: number): Remembered => {
  const room = Math.max(1, Math.ceil(limit / most));
  const youngest = remembered.at(-1);
  if (youngest !== undefined && youngest.number >= number && youngest.ids.size < room)
    return [...remembered.slice(0, -1), { ...youngest, ids: new Set(youngest.ids).add(id) }];
  const next = Math.max(number, (youngest?.number ?? 0) + 1);
  return [...remembered, { number: next, ids: new Set([id]) }].slice(-most);
};

/** With one more id, and at most about `limit` in all (rounded up to whole generations). */
export const remember = (remembered: Remembered, id: string, limit: number): Remembered =>
  add(remembered, id, limit, SETTLED, 0);

/** Without what is older than ten minutes and some at `now`, Unix seconds; the same list where there is nothing so old. */
export const forgetOld = (remembered: Remembered, now: number): Remembered => {
  const oldest = Math.floor(now / 60) - MINUTES;
  const recent = remembered.filter(({ number }) => number >= oldest);
  return recent.length === remembered.length ? remembered : recent;
};

/** As `remember`, for ten minutes at least from `now` on: a generation is a minute, or less of one in which too many came. */
export const rememberNow = (remembered: Remembered, id: string, limit: number, now: number): Remembered =>
  add(forgetOld(remembered, now), id, limit, FAILED, Math.floor(now / 60));
