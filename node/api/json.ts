/**
 * JSON as it travels here. Integers are exact at any size: an amount is written as its digits and a number too large for a
 * double is read back as a text of them. On a stream values follow each other with or without white space, as Core
 * Lightning's clients send them.
 */
/** JSON text of a value; a bigint becomes an integer, `undefined` fields are left out. */
export const toJson = (value: unknown): string => {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return `[${value.map(toJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${toJson(field)}`).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
};

const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;

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

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const isOpening = (byte: number) => byte === 0x7b || byte === 0x5b;
const isClosing = (byte: number) => byte === 0x7d || byte === 0x5d;
const isSpace = (byte: number) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);

/**
 * Cuts a stream of bytes into the texts of the objects and arrays in it, however they are chunked. Looks at each byte once
 * and holds at most `limit` bytes of an unfinished value.
 */
export class JsonStream {
  private held = new Uint8Array(0);
  private heldBytes = 0;
  private depth = 0;
  private inText = false;
  private escaped = false;
  private readonly limit: number;
  private readonly decoder = new TextDecoder('utf-8', { fatal: true });

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Values completed by this chunk. Throws StreamError once the values before the fault have been taken. */
  *push(chunk: Uint8Array): Generator<string> {
    let start = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i] ?? 0;
      if (this.inText) {
        if (this.escaped) this.escaped = false;
        else if (byte === BACKSLASH) this.escaped = true;
        else if (byte === QUOTE) this.inText = false;
      } else if (isOpening(byte)) {
        if (this.depth === 0) start = i;
        this.depth++;
      } else if (this.depth === 0) {
        if (!isSpace(byte)) throw new StreamError('not_json', 'expected a JSON object or array');
      } else if (isClosing(byte)) {
        this.depth--;
        if (this.depth === 0) yield this.complete(chunk.subarray(start, i + 1));
      } else if (byte === QUOTE) {
        this.inText = true;
      }
    }
    if (this.depth > 0) this.hold(chunk.subarray(start));
  }

  /** Doubles what it holds when full, so that a value in very many chunks is not copied very many times. */
  private hold(part: Uint8Array): void {
    const length = this.heldBytes + part.length;
    if (length > this.limit)
      throw new StreamError('too_long', `a message of more than ${this.limit} bytes is not taken`);
    if (length > this.held.length) {
      const larger = new Uint8Array(Math.max(length, Math.min(2 * this.held.length, this.limit)));
      larger.set(this.held.subarray(0, this.heldBytes));
      this.held = larger;
    }
    this.held.set(part, this.heldBytes);
    this.heldBytes = length;
  }

  private complete(last: Uint8Array): string {
    this.hold(last);
    const bytes = this.held.subarray(0, this.heldBytes);
    this.held = new Uint8Array(0);
    this.heldBytes = 0;
    try {
      return this.decoder.decode(bytes);
    } catch {
      throw new StreamError('not_utf8', 'expected UTF-8');
    }
  }
}
