/** Sets of numbers as ranges, both ends in them, in order and with a gap between each two. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** These ranges without one. */
export const withoutRange = (ranges: readonly Range[], { start, end }: Range): readonly Range[] =>
  ranges.flatMap((one) => {
    if (one.end < start || one.start > end) return [one];
    return [
      ...(one.start < start ? [{ start: one.start, end: start - 1 }] : []),
      ...(one.end > end ? [{ start: end + 1, end: one.end }] : []),
    ];
  });

/** These ranges and one more; what touches becomes one. */
export const withRange = (ranges: readonly Range[], added: Range): readonly Range[] => {
  const touches = (one: Range): boolean => one.end >= added.start - 1 && one.start <= added.end + 1;
  const joined = ranges.filter(touches);
  const whole = {
    start: Math.min(added.start, ...joined.map(({ start }) => start)),
    end: Math.max(added.end, ...joined.map(({ end }) => end)),
  };
  return [...ranges.filter((one) => !touches(one)), whole].sort((a, b) => a.start - b.start);
};

export const isIn = (ranges: readonly Range[], n: number): boolean =>
  ranges.some(({ start, end }) => start <= n && n <= end);
