/**
 * Places that peers share: where all are taken, who has most of them gives one up. So no peer can keep the others out, whatever it
 * sends, and one alone may have them all.
 */

/** Who of those that have places has most; the first of several. undefined where nobody has any. */
export const whoHasMost = <T>(holders: Iterable<T>): T | undefined => {
  const counts = new Map<T, number>();
  let most: T | undefined;
  for (const holder of holders) counts.set(holder, (counts.get(holder) ?? 0) + 1);
  for (const [holder, count] of counts) if (most === undefined || count > (counts.get(most) ?? 0)) most = holder;
  return most;
};

/** The first key of a map whose value is held by who has most of them. undefined where the map is empty. */
export const keyToGiveUp = <K, V>(map: ReadonlyMap<K, V>, holderOf: (value: V) => string): K | undefined => {
  const most = whoHasMost([...map.values()].map(holderOf));
  for (const [key, value] of map) if (holderOf(value) === most) return key;
  return undefined;
};
