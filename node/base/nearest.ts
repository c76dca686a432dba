/** Suggestions for misspelt names. */

/** Edit distance of two words: insertions, deletions, substitutions, and swaps of neighbouring letters. */
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

/** The nearest of these names, if at most a third of its letters are wrong. */
export const nearest = (word: string, names: readonly string[]): string | undefined => {
  // Very long texts are not compared.
  if (word.length > 100) return undefined;
  let best: { readonly name: string; readonly far: number } | undefined;
  for (const name of names) {
    const far = distance(word, name);
    if (far <= name.length / 3 && (best === undefined || far < best.far)) best = { name, far };
  }
  return best?.name;
};

/** The same as a question to append to an error, or an empty text. */
export const didYouMean = (word: string, names: readonly string[]): string => {
  const name = nearest(word, names);
  return name === undefined ? '' : `; is ${name} meant?`;
};
