/**
 * The engine behind every table of fields: a codec writes a value and reads it back, and the value's type follows from it.
 * Integers are big-endian (BOLT 1, "Fundamental Types"). Reading throws WireError, which names the field that was wrong.
 */
import { join } from './bytes.ts';

export type WireFault =
  | { readonly code: 'truncated'; readonly wanted: number; readonly left: number }
  | { readonly code: 'trailing_bytes'; readonly count: number }
  | { readonly code: 'not_minimal' }
  | { readonly code: 'out_of_order'; readonly type: bigint }
  | { readonly code: 'unknown_even_type'; readonly type: bigint }
  | { readonly code: 'unknown_even_message'; readonly type: number }
  | { readonly code: 'invalid_value'; readonly expected: string }
  | { readonly code: 'too_long'; readonly limit: number; readonly length: number };

const describe = (fault: WireFault): string => {
  switch (fault.code) {
    case 'truncated':
      return `expected ${fault.wanted} bytes, ${fault.left} left`;
    case 'trailing_bytes':
      return `${fault.count} bytes after the end`;
    case 'not_minimal':
      return 'integer is not minimally encoded';
    case 'out_of_order':
      return `record type ${fault.type} repeats or is out of order`;
    case 'unknown_even_type':
      return `record type ${fault.type} is even and unknown`;
    case 'unknown_even_message':
      return `message type ${fault.type} is even and unknown`;
    case 'invalid_value':
      return `expected ${fault.expected}`;
    case 'too_long':
      return `${fault.length} bytes, at most ${fault.limit} allowed`;
  }
};

/** Bytes that cannot be decoded. `path` names the field, the outermost first. */
export class WireError extends Error {
  override readonly name = 'WireError';
  readonly fault: WireFault;
  readonly path: readonly string[];
  constructor(fault: WireFault, path: readonly string[] = []) {
    super(`${path.length > 0 ? `${path.join('.')}: ` : ''}${describe(fault)}`);
    this.fault = fault;
    this.path = path;
  }
}

/** Grows as it is written to. */
export class Writer {
  private readonly parts: Uint8Array[] = [];
  /** Keeps a reference: the caller must not change the array afterwards. */
  bytes(part: Uint8Array): void {
    this.parts.push(part);
  }
  done(): Uint8Array {
    return join(this.parts);
  }
}

/** A cursor over bytes it never changes. Slices it hands out are copies, so a large packet is not kept alive by a small field. */
export class Reader {
  private at = 0;
  private readonly data: Uint8Array;
  private readonly view: DataView;
  constructor(data: Uint8Array) {
    this.data = data;
    this.view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }
  get left(): number {
    return this.data.length - this.at;
  }
  private advance(count: number): number {
    if (count > this.left) throw new WireError({ code: 'truncated', wanted: count, left: this.left });
    const from = this.at;
    this.at += count;
    return from;
  }
  bytes(count: number): Uint8Array {
    const from = this.advance(count);
    return new Uint8Array(this.data.subarray(from, from + count));
  }
  uint(width: number): number {
    const from = this.advance(width);
    let n = 0;
    for (let i = 0; i < width; i++) n = n * 256 + (this.data[from + i] ?? 0);
    return n;
  }
  u64(): bigint {
    return this.view.getBigUint64(this.advance(8));
  }
  /** All remaining bytes. */
  rest(): Uint8Array {
    return this.bytes(this.left);
  }
}

export interface Codec<T> {
  write(w: Writer, value: T): void;
  /** Throws WireError. */
  read(r: Reader): T;
}
export type ValueOf<C> = C extends Codec<infer T> ? T : never;

/** Encodes a value. */
export const encode = <T>(codec: Codec<T>, value: T): Uint8Array => {
  const w = new Writer();
  codec.write(w, value);
  return w.done();
};

/** Decodes all of the bytes. Throws WireError, also for trailing bytes. */
export const decode = <T>(codec: Codec<T>, bytes: Uint8Array): T => {
  const r = new Reader(bytes);
  const value = codec.read(r);
  if (r.left > 0) throw new WireError({ code: 'trailing_bytes', count: r.left });
  return value;
};

/** Runs a read and puts a field's name in front of the path of what it throws. */
export const named = <T>(name: string, read: () => T): T => {
  try {
    return read();
  } catch (error) {
    if (error instanceof WireError) throw new WireError(error.fault, [name, ...error.path]);
    if (error instanceof RangeError) throw new WireError({ code: 'invalid_value', expected: error.message }, [name]);
    throw error;
  }
};

const checked = (n: number, width: number): number => {
  if (!Number.isInteger(n) || n < 0 || n >= 2 ** (8 * width)) throw new RangeError(`${n} does not fit ${width} bytes`);
  return n;
};
const bigEndian = (n: number, width: number): Uint8Array => {
  const out = new Uint8Array(width);
  let rest = n;
  for (let i = width - 1; i >= 0; i--) {
    out[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return out;
};
const uint = (width: number): Codec<number> => ({
  write: (w, value) => w.bytes(bigEndian(checked(value, width), width)),
  read: (r) => r.uint(width),
});

export const u8 = uint(1);
export const u16 = uint(2);
export const u24 = uint(3);
export const u32 = uint(4);
export const u48 = uint(6);
export const u64: Codec<bigint> = {
  write: (w, value) => {
    if (value < 0n || value > 0xffff_ffff_ffff_ffffn) throw new RangeError(`${value} does not fit 8 bytes`);
    const out = new Uint8Array(8);
    new DataView(out.buffer).setBigUint64(0, value);
    w.bytes(out);
  },
  read: (r) => r.u64(),
};

/** A run of exactly `length` bytes. */
export const bytes = (length: number): Codec<Uint8Array> => ({
  write: (w, value) => {
    if (value.length !== length) throw new RangeError(`expected ${length} bytes, got ${value.length}`);
    w.bytes(value);
  },
  read: (r) => r.bytes(length),
});

/** All that is left of the enclosing run. */
export const rest: Codec<Uint8Array> = { write: (w, value) => w.bytes(value), read: (r) => r.rest() };

/** A run of bytes behind a length of its own. */
export const prefixed = (length: Codec<number>): Codec<Uint8Array> => ({
  write: (w, value) => {
    length.write(w, value.length);
    w.bytes(value);
  },
  read: (r) => r.bytes(length.read(r)),
});
/** BOLT 1's usual `u16 len` and `len` bytes. */
export const bytes16 = prefixed(u16);

/** One codec's values as another's: the place where brands are put on. A RangeError in `to` becomes a WireError. */
export const map = <A, B>(codec: Codec<A>, to: (a: A) => B, from: (b: B) => A): Codec<B> => ({
  write: (w, value) => codec.write(w, from(value)),
  read: (r) => {
    const raw = codec.read(r);
    try {
      return to(raw);
    } catch (error) {
      if (error instanceof RangeError) throw new WireError({ code: 'invalid_value', expected: error.message });
      throw error;
    }
  },
});

/** A count, then that many items. */
export const list = <T>(count: Codec<number>, item: Codec<T>): Codec<readonly T[]> => ({
  write: (w, values) => {
    count.write(w, values.length);
    for (const value of values) item.write(w, value);
  },
  read: (r) => {
    const n = count.read(r);
    const out: T[] = [];
    for (let i = 0; i < n; i++) out.push(item.read(r));
    return out;
  },
});

/** Items until the enclosing run ends. */
export const many = <T>(item: Codec<T>): Codec<readonly T[]> => ({
  write: (w, values) => {
    for (const value of values) item.write(w, value);
  },
  read: (r) => {
    const out: T[] = [];
    while (r.left > 0) out.push(item.read(r));
    return out;
  },
});

// biome-ignore lint/suspicious/noExplicitAny: only `any` lets a record hold codecs of different values; Shape gives each its type back
export type Fields = Record<string, Codec<any>>;
export type Flat<T> = { readonly [K in keyof T]: T[K] };
export type Shape<F extends Fields> = Flat<{ [K in keyof F]: ValueOf<F[K]> }>;

/** Fields in the order in which they stand in the table, which is the order on the wire. */
export const struct = <F extends Fields>(fields: F): Codec<Shape<F>> => {
  const rows = Object.entries(fields);
  return {
    write: (w, value) => {
      for (const [name, codec] of rows) named(name, () => codec.write(w, value[name as keyof F]));
    },
    read: (r) => {
      const out: Record<string, unknown> = {};
      for (const [name, codec] of rows) out[name] = named(name, () => codec.read(r));
      return out as Shape<F>;
    },
  };
};

/** Discriminated union on `tag`: a u8 that says which row, then the row's fields. For what we store, not for the wire. */
export const union = <Tag extends string, R extends Record<string, { id: number; body: Codec<object> }>>(
  tag: Tag,
  rows: R,
): Codec<{ [K in keyof R]: { readonly [T in Tag]: K } & ValueOf<R[K]['body']> }[keyof R]> => {
  type Value = { [K in keyof R]: { readonly [T in Tag]: K } & ValueOf<R[K]['body']> }[keyof R];
  const byId = new Map(Object.entries(rows).map(([name, row]) => [row.id, { name, body: row.body }]));
  return {
    write: (w, value) => {
      const name = (value as Record<string, string>)[tag] ?? '';
      const row = rows[name];
      if (row === undefined) throw new RangeError(`no row ${name}`);
      u8.write(w, row.id);
      row.body.write(w, value);
    },
    read: (r) => {
      const id = u8.read(r);
      const row = byId.get(id);
      if (row === undefined) throw new WireError({ code: 'invalid_value', expected: `a known ${tag}, got ${id}` });
      return { [tag]: row.name, ...row.body.read(r) } as Value;
    },
  };
};

/** A byte 0 or 1. */
export const bool: Codec<boolean> = map(
  u8,
  (n) => {
    if (n > 1) throw new RangeError('0 or 1');
    return n === 1;
  },
  (b) => (b ? 1 : 0),
);

/** A byte that says whether the value follows; absence is `undefined`. */
export const optional = <T>(codec: Codec<T>): Codec<T | undefined> => ({
  write: (w, value) => {
    bool.write(w, value !== undefined);
    if (value !== undefined) codec.write(w, value);
  },
  read: (r) => (bool.read(r) ? codec.read(r) : undefined),
});
