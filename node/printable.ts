/** Text from strangers made fit for a terminal. */

/**
 * Control characters; those without width, which hide a difference between two texts; those that turn the direction of writing;
 * line separators; tag characters and halves of surrogate pairs, which show nothing at all.
 */
const unfit = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029\u115f\u1160\u3164\uffa0\u{e0000}-\u{e0fff}]/gu;

/** The text with its unfit characters written as \u{…}: an alias must not move the cursor or hide what follows it. */
export const printable = (text: string): string =>
  text.replace(unfit, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
