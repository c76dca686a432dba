/** Text from strangers made fit for a terminal. */

/** Control characters, and those that turn the direction of writing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const unfit = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** The text with its unfit characters written as \u{…}: an alias must not move the cursor or hide what follows it. */
export const printable = (text: string): string =>
  text.replace(unfit, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
