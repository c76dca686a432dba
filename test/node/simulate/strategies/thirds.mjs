/** A strategy of a program's own, as `ampere simulate --strategy` takes it: three parts at once. */
export const strategy = {
  name: 'thirds',
  needsShards: false,
  usesWindows: false,
  cut: ({ amount }) => [amount - 2n * (amount / 3n), amount / 3n, amount / 3n],
  split: () => undefined,
};
