/**
 * The set_ids of the latest settled sets, so that a share which comes too late is failed at once rather than held as the
 * beginning of a new set. Bounded: the oldest generation is dropped whole, and only the youngest is ever written to.
 */

/** A run of ids that were added one after another; `number` grows with time. */
export interface Generation {
  readonly number: number;
  readonly ids: ReadonlySet<string>;
}

/** Oldest first. */
export type Remembered = readonly Generation[];

/** Generations kept; more of them make what is forgotten at once smaller. */
const GENERATIONS = 16;

export const isRemembered = (remembered: Remembered, id: string): boolean => remembered.some(({ ids }) => ids.has(id));

/** With one more id, and at most about `limit` in all (rounded up to whole generations). */
export const remember = (remembered: Remembered, id: string, limit: number): Remembered => {
  const room = Math.max(1, Math.ceil(limit / GENERATIONS));
  const youngest = remembered.at(-1);
  if (youngest !== undefined && youngest.ids.size < room)
    return [...remembered.slice(0, -1), { ...youngest, ids: new Set(youngest.ids).add(id) }];
  return [...remembered, { number: (youngest?.number ?? 0) + 1, ids: new Set([id]) }].slice(-GENERATIONS);
};
