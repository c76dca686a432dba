/**
 * What JSON a caller may send, beside its length: to read a few mebibytes of nothing but brackets takes the node longer than anything a
 * call needs, and nobody else is served meanwhile. So a text is looked through before it is read.
 */

/** Objects and arrays within each other; no parameter of a method is half as deep. */
export const MOST_DEEP = 32;
/** Values in all, those of a batch together. */
export const MOST_VALUES = 20_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const BRACKETS: ReadonlyMap<number, 1 | -1> = new Map([
  [0x5b, 1],
  [0x7b, 1],
  [0x5d, -1],
  [0x7d, -1],
]);

/** Where the text that begins behind `from` ends: the place of its quote, or the end of all. */
const endOfText = (json: string, from: number): number => {
  for (let at = json.indexOf('"', from); at >= 0; at = json.indexOf('"', at + 1)) {
    let before = at - 1;
    while (before >= from && json.charCodeAt(before) === BACKSLASH) before--;
    // An even number of backslashes are themselves escaped, and not the quote.
    if ((at - before) % 2 === 1) return at;
  }
  return json.length;
};

/** What is too much in a text that should be JSON, as a sentence; undefined where nothing is. It is not checked to be JSON. */
export const tooMuchIn = (json: string): string | undefined => {
  let deep = 0;
  let values = 1;
  for (let at = 0; at < json.length; at++) {
    const char = json.charCodeAt(at);
    if (char === QUOTE) {
      at = endOfText(json, at + 1);
      continue;
    }
    const step = BRACKETS.get(char) ?? 0;
    deep += step;
    if (step > 0 || char === COMMA) values++;
    if (deep > MOST_DEEP) return `objects and arrays more than ${MOST_DEEP} deep are not taken`;
    if (values > MOST_VALUES) return `more than ${MOST_VALUES} values are not taken`;
  }
  return undefined;
};
