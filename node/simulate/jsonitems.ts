/**
 * The items of large lists in a file of JSON, one after the other, without holding the file: what lies between is looked at byte by
 * byte only as far as it takes to find where each item begins and ends, and each item is then parsed by itself.
 */

/** The bytes are no such file: `field` is where, and the message says what was expected. */
export class JsonItemsError extends Error {
  override readonly name = 'JsonItemsError';
  readonly field: string;
  readonly expected: string;
  constructor(field: string, expected: string) {
    super(`${field}: expected ${expected}`);
    this.field = field;
    this.expected = expected;
  }
}

/** Most bytes of one item. */
const MOST_ITEM = 1024 * 1024;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];
const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/**
 * Calls `take` with each object in those lists of the one object in `chunks` that `lists` names, its list and its place in there.
 * Throws JsonItemsError for what is cut off, for an item that is no object, is not JSON or has more than a mebibyte; what `take` throws goes through.
 */
export const eachItem = (
  chunks: Iterable<Uint8Array>,
  lists: readonly string[],
  take: (list: string, item: unknown, place: number) => void,
): void => {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let depth = 0;
  let begun = false;
  let inString = false;
  let escaped = false;
  /** At the top: the name read last, and whether the next text is a name. */
  let name = '';
  let awaitsName = false;
  let list: string | undefined;
  let place = 0;
  /** What is kept of an item, or of a name, from earlier chunks. */
  let kept: Uint8Array[] = [];
  let keptBytes = 0;

  const where = (): string => (list === undefined ? 'json' : `${list}[${place}]`);
  const joined = (last: Uint8Array): string => {
    if (keptBytes + last.length > MOST_ITEM) throw new JsonItemsError(where(), `at most ${MOST_ITEM} bytes`);
    const all = new Uint8Array(keptBytes + last.length);
    let at = 0;
    for (const part of [...kept, last]) {
      all.set(part, at);
      at += part.length;
    }
    kept = [];
    keptBytes = 0;
    try {
      return decoder.decode(all);
    } catch {
      throw new JsonItemsError(where(), 'UTF-8');
    }
  };
  const parsed = (text: string): unknown => {
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new JsonItemsError(where(), `JSON (${error instanceof Error ? error.message.slice(0, 80) : error})`);
    }
  };

  for (const chunk of chunks) {
    /** Where in this chunk what is being kept begins; -1: nothing is. */
    let from = keptBytes > 0 ? 0 : -1;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0;
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) {
          inString = false;
          if (depth === 1 && awaitsName) {
            const text = parsed(joined(chunk.subarray(Math.max(from, 0), at + 1)));
            name = typeof text === 'string' ? text : '';
            awaitsName = false;
            from = -1;
          }
        }
        continue;
      }
      if (isSpace(byte)) continue;
      if (begun && depth === 0) throw new JsonItemsError('json', 'nothing after the object');
      if (depth === 0 && byte !== OPEN_OBJECT) throw new JsonItemsError('json', "an object, that begins with '{'");
      if (list !== undefined && depth === 2 && byte !== OPEN_OBJECT && byte !== COMMA && byte !== CLOSE_LIST)
        throw new JsonItemsError(where(), 'an object');
      if (byte === QUOTE) {
        inString = true;
        if (depth === 1 && awaitsName) from = at;
      } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
        depth++;
        if (depth === 1) begun = awaitsName = true;
        else if (depth === 2 && byte === OPEN_LIST && lists.includes(name)) [list, place] = [name, 0];
        else if (depth === 3 && list !== undefined) from = at;
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
        depth--;
        if (depth === 2 && list !== undefined) {
          take(list, parsed(joined(chunk.subarray(Math.max(from, 0), at + 1))), place);
          place++;
          from = -1;
        } else if (depth === 1) list = undefined;
      } else if (byte === COMMA && depth === 1) awaitsName = true;
      else if (byte === COLON && depth === 1 && awaitsName) throw new JsonItemsError('json', "a name before ':'");
    }
    if (from >= 0) {
      kept.push(chunk.slice(from));
      keptBytes += chunk.length - from;
      if (keptBytes > MOST_ITEM) throw new JsonItemsError(where(), `at most ${MOST_ITEM} bytes`);
    }
  }
  if (!begun) throw new JsonItemsError('json', 'an object, but the file is empty');
  if (depth > 0) throw new JsonItemsError(where(), 'more, but the file ends');
};
