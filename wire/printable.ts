/** Makes text from outside safe for a terminal, a record and our own messages, once, where it is received. */
import { text, utf8 } from './bytes.ts';

/**
 * Control characters; those without width, which hide a difference between two texts; those that turn the direction of writing;
 * line separators; tag characters and halves of surrogate pairs, which show nothing at all.
 */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029\u115f\u1160\u3164\uffa0\u{e0000}-\u{e0fff}]/gu;

/** The text with its unfit characters written as \u{…}: an alias must not move the cursor or hide what follows it. */
export const printable = (text: string): string =>
  text.replace(unprintable, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);

/** Most bytes of a peer's text that are stored. */
const MAX_TEXT_BYTES = 512;
/** Most bytes of a stored and logged reason for a peer's fault. */
export const MAX_REASON_BYTES = 4096;
/** Bytes of an `error` or `warning` of ours: as much as a message holds behind its type, a channel_id and a length (BOLT 1). */
export const MAX_ERROR_BYTES = 65_535 - 2 - 32 - 2;

/** A text of at most so many bytes in UTF-8, with `…` behind what is left of a longer one. */
export const clipped = (given: string, most: number): string => {
  // No character has less than one byte a unit, and most texts are short.
  const raw = utf8(given.length > most ? given.slice(0, most + 1) : given);
  if (raw.length <= most) return given;
  const mark = '…';
  // The cut may have gone through a character.
  return `${text(raw.subarray(0, most - utf8(mark).length)).replace(/\ufffd$/, '')}${mark}`;
};

/** A peer's text, to be stored, shown and sent on: clipped first, then made printable. */
export const printableText = (raw: Uint8Array): string =>
  printable(clipped(text(raw.subarray(0, MAX_TEXT_BYTES + 1)), MAX_TEXT_BYTES));

/** What goes into an `error` or `warning` of ours (BOLT 1): a text that no message is too small for. */
export const warningData = (given: string): Uint8Array => utf8(clipped(given, MAX_ERROR_BYTES));
