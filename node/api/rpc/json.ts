/**
 * JSON as it travels here. Integers are exact at any size: an amount is written as its digits and a number too large for a
 * double is read back as a text of them. On a stream values follow each other with or without white space, as Core
 * Lightning's clients send them.
 */
export { toJson } from '../../base/tojson.ts';

/** A text that does not end is one token, too: trying from each of its quotes takes time that grows with the square of its length. */
const tokens = /"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?$)|-?\d[\d.eE+-]*/g;

/** As JSON.parse, except that an integer a double cannot hold comes back as a text of its digits. Throws SyntaxError. */
export const parseJson = (text: string): unknown =>
  JSON.parse(
    /\d{16}/.test(text)
      ? text.replace(tokens, (token) =>
          /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${token}"` : token,
        )
      : text,
  );

export type StreamFault = 'not_json' | 'not_utf8' | 'too_long';

/** A stream that cannot be split any further: where the next value begins is unknown. */
export class StreamError extends Error {
  override readonly name = 'StreamError';
  readonly fault: StreamFault;
  constructor(fault: StreamFault, message: string) {
    super(message);
    this.fault = fault;
  }
}

/** Bytes of a text that is not whole yet. Doubles what it holds when full: very many chunks are not copied very many times. */
export class Held {
  private bytes = new Uint8Array(0);
  private length = 0;
  private readonly limit: number;
  private readonly decoder = new TextDecoder('utf-8', { fatal: true });

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Throws StreamError `too_long`. */
  add(part: Uint8Array): void {
    const length = this.length + part.length;
    if (length > this.limit)
      throw new StreamError('too_long', `a message of more than ${this.limit} bytes is not taken`);
    if (length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(length, Math.min(2 * this.bytes.length, this.limit)));
      larger.set(this.bytes.subarray(0, this.length));
      this.bytes = larger;
    }
    this.bytes.set(part, this.length);
    this.length = length;
  }

  /** The last few bytes, as far as they are ASCII. */
  end(): string {
    return String.fromCharCode(...this.bytes.subarray(Math.max(0, this.length - 100), this.length));
  }

  /** The text; nothing is held after that. Throws StreamError `not_utf8`. */
  take(): string {
    const bytes = this.bytes.subarray(0, this.length);
    this.bytes = new Uint8Array(0);
    this.length = 0;
    try {
      return this.decoder.decode(bytes);
    } catch {
      throw new StreamError('not_utf8', 'expected UTF-8');
    }
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENS_LIST = 0x5b;
const isOpening = (byte: number) => byte === 0x7b || byte === 0x5b;
const isClosing = (byte: number) => byte === 0x7d || byte === 0x5d;
const isSpace = (byte: number) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);

/** Where a byte stands: how deep in objects and arrays, and whether within a text. */
class Place {
  depth = 0;
  private inText = false;
  private escaped = false;

  /** What the byte does to the value: nothing, within a text. */
  take(byte: number): 'opens' | 'closes' | 'separates' | undefined {
    if (this.inText) {
      if (this.escaped) this.escaped = false;
      else if (byte === BACKSLASH) this.escaped = true;
      else if (byte === QUOTE) this.inText = false;
      return undefined;
    }
    if (this.depth === 0 && !isOpening(byte)) {
      if (!isSpace(byte)) throw new StreamError('not_json', 'expected a JSON object or array');
      return undefined;
    }
    if (byte === QUOTE) this.inText = true;
    if (isOpening(byte)) {
      this.depth++;
      return 'opens';
    }
    if (isClosing(byte)) {
      this.depth--;
      return 'closes';
    }
    return byte === COMMA ? 'separates' : undefined;
  }
}

/**
 * Cuts a stream of bytes into the texts of the objects and arrays in it, however they are chunked. Looks at each byte once
 * and holds at most `limit` bytes of an unfinished value.
 */
export class JsonStream {
  private readonly held: Held;
  private readonly place = new Place();

  constructor(limit: number) {
    this.held = new Held(limit);
  }

  /** Values completed by this chunk. Throws StreamError once the values before the fault have been taken. */
  *push(chunk: Uint8Array): Generator<string> {
    let start = 0;
    for (let i = 0; i < chunk.length; i++) {
      const does = this.place.take(chunk[i] ?? 0);
      if (does === 'opens' && this.place.depth === 1) start = i;
      if (does !== 'closes' || this.place.depth > 0) continue;
      this.held.add(chunk.subarray(start, i + 1));
      yield this.held.take();
    }
    if (this.place.depth > 0) this.held.add(chunk.subarray(start));
  }
}

/** A row of the list that has this name in the result, or an answer without its rows. */
export type Part = { readonly list: string; readonly row: string } | { readonly rest: string };

/** How deep in an answer the fields of its result stand, the items of a list there, and what is inside of such an item. */
const FIELDS = 2;
const ITEMS = 3;
const IN_ITEM = 4;

/**
 * Cuts a stream of answers into parts, for an answer may be longer than any text: the objects of the lists in its result come one by
 * one, and what is left when it ends. Holds at most `limit` bytes of each.
 */
export class AnswerStream {
  private readonly row: Held;
  private readonly rest: Held;
  private readonly place = new Place();
  private inResult = false;
  /** The list that we are in. */
  private list: string | undefined;
  /** Whether something of it was cut out: the comma behind goes with it. */
  private cut = false;

  constructor(limit: number) {
    this.row = new Held(limit);
    this.rest = new Held(limit);
  }

  /** Parts completed by this chunk. Throws StreamError. */
  *push(chunk: Uint8Array): Generator<Part> {
    const { place, row, rest } = this;
    let start = 0;
    let into = this.list !== undefined && place.depth >= IN_ITEM ? row : rest;
    const hold = (end: number) => {
      into.add(chunk.subarray(start, end));
      start = end;
    };
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i] ?? 0;
      const does = place.take(byte);
      if (does === 'opens' && place.depth <= IN_ITEM) {
        if (place.depth === 1) start = i;
        hold(i);
        if (place.depth === FIELDS) this.inResult = /"result"\s*:\s*$/.test(rest.end());
        if (place.depth === ITEMS && this.inResult && byte === OPENS_LIST)
          this.list = /"([^"\\]+)"\s*:\s*$/.exec(rest.end())?.[1];
        if (place.depth === IN_ITEM && this.list !== undefined) into = row;
      } else if (does === 'closes' && place.depth === 0) {
        hold(i + 1);
        yield { rest: rest.take() };
      } else if (does === 'closes' && place.depth === ITEMS && this.list !== undefined) {
        hold(i + 1);
        into = rest;
        this.cut = true;
        yield { list: this.list, row: row.take() };
      } else if (does === 'closes' && place.depth === FIELDS) {
        this.list = undefined;
        this.cut = false;
      } else if (does === 'separates' && place.depth === ITEMS && this.cut) {
        hold(i);
        start = i + 1;
      }
    }
    if (place.depth > 0) hold(chunk.length);
  }
}
