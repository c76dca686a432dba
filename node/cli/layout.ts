/** Names, values and sentences for a terminal: wrapped between words, and ids never broken where a line has room for them. */
import type { Place, Tone } from '../base/table.ts';

/** A name with what stands behind it, and what that says at a glance. */
export type Pair = readonly [name: string, value: string, tone?: Tone | undefined];

/** A text in lines of at most so many characters, broken between words; a longer word has a line of its own. */
export const wrapped = (text: string, width: number): readonly string[] => {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
};

/** Sentences, the lines that follow as far in as their first. */
export const sentence = (text: string, width: number | undefined): readonly string[] => {
  const indent = /^ */.exec(text)?.[0] ?? '';
  if (width === undefined) return [text];
  return wrapped(text.slice(indent.length), width - indent.length).map((line) => indent + line);
};

/** The longest id: a node's, 66 digits. */
const longestId = 66;

/** What no line has room for and nobody reads: a transaction, an invoice. */
export const isRaw = (value: string): boolean => value.length > longestId + 2 && !value.includes(' ');

/**
 * Lines of names and values, the values aligned. One that has no room there stands further left, or on a line of its own; sentences
 * go on below their beginning, and raw values have the lines below their name.
 */
export const pairLines = (
  pairs: readonly Pair[],
  { width = Number.POSITIVE_INFINITY, paint = (_, text) => text }: Place = {},
): readonly string[] => {
  const column = Math.max(0, ...pairs.map(([name, value]) => (isRaw(value) ? 0 : name.length))) + 2;
  return pairs.flatMap(([name, value, tone]) => {
    const shown = (text: string): string => (tone === undefined ? text : paint(tone, text));
    const title = paint('title', name);
    if (isRaw(value)) return [title, value];
    const isWord = !value.includes(' ');
    if (isWord && name.length + 2 + value.length > width) return [title, `  ${value}`];
    const from = isWord ? Math.max(name.length + 2, Math.min(column, width - value.length)) : column;
    const [first = '', ...rest] = isWord ? [value] : wrapped(value, width - column);
    const lines = [
      `${title}${' '.repeat(from - name.length)}${shown(first)}`,
      ...rest.map((line) => ' '.repeat(column) + shown(line)),
    ];
    return lines.map((line) => line.trimEnd());
  });
};
