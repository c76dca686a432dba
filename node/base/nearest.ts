/** The name somebody may have meant who wrote another. */

/** Letters to put in, leave out, change or swap with their neighbour on the way from one word to another. */
const distance = (from: string, to: string): number => {
  let before: readonly number[] = [];
  let row: readonly number[] = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const swapped = i > 0 && j > 0 && from[i] === to[j - 1] && from[i - 1] === to[j];
      next.push(
        Math.min(
          (row[j + 1] ?? 0) + 1,
          (next[j] ?? 0) + 1,
          (row[j] ?? 0) + (from[i] === to[j] ? 0 : 1),
          swapped ? (before[j - 1] ?? 0) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    [before, row] = [row, next];
  }
  return row.at(-1) ?? 0;
};

/** The one of these names that is nearest, if a third of its letters or fewer are wrong. */
export const nearest = (word: string, names: readonly string[]): string | undefined => {
  // What nobody types is not compared.
  if (word.length > 100) return undefined;
  let best: { readonly name: string; readonly far: number } | undefined;
  for (const name of names) {
    const far = distance(word, name);
    if (far <= name.length / 3 && (best === undefined || far < best.far)) best = { name, far };
  }
  return best?.name;
};

/** The same as a question behind what is wrong, or nothing. */
export const didYouMean = (word: string, names: readonly string[]): string => {
  const name = nearest(word, names);
  return name === undefined ? '' : `; is ${name} meant?`;
};
