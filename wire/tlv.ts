/**
 * BOLT 1, "Type-Length-Value Format" and "Fundamental Types": BigSize, truncated and signed integers, TLV streams. A stream
 * is a table of records like a struct is a table of fields; what is absent on the wire is an absent key.
 */
import { u64be } from './bytes.ts';
import { type Codec, encode, type Flat, named, Reader, type ValueOf, WireError, type Writer } from './codec.ts';

const U64_MAX = 0xffff_ffff_ffff_ffffn;

const bigEndian = (value: bigint, width: number): Uint8Array => u64be(value).subarray(8 - width);
const width = (value: bigint): number => {
  if (value < 0n || value > U64_MAX) throw new RangeError(`${value} does not fit 8 bytes`);
  let size = 0;
  for (let rest = value; rest > 0n; rest >>= 8n) size++;
  return size;
};
const truncated = (max: number): Codec<bigint> => ({
  write: (w, value) => {
    const size = width(value);
    if (size > max) throw new RangeError(`${value} does not fit ${max} bytes`);
    w.bytes(bigEndian(value, size));
  },
  read: (r) => {
    const raw = r.rest();
    if (raw.length > max) throw new WireError({ code: 'too_long', limit: max, length: raw.length });
    if (raw[0] === 0) throw new WireError({ code: 'not_minimal' });
    return raw.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
  },
});
const small = (codec: Codec<bigint>): Codec<number> => ({
  write: (w, value) => codec.write(w, BigInt(value)),
  read: (r) => Number(codec.read(r)),
});

/** Truncated integers: big-endian without leading zeros, zero is empty. They fill the record they end. */
export const tu16: Codec<number> = small(truncated(2));
export const tu32: Codec<number> = small(truncated(4));
export const tu64: Codec<bigint> = truncated(8);

const signed = (bytes: number): Codec<bigint> => ({
  write: (w, value) => {
    if (BigInt.asIntN(8 * bytes, value) !== value) throw new RangeError(`${value} does not fit ${bytes} signed bytes`);
    w.bytes(bigEndian(BigInt.asUintN(64, value), bytes));
  },
  read: (r) => BigInt.asIntN(8 * bytes, bytes === 8 ? r.u64() : BigInt(r.uint(bytes))),
});

/** Two's complement, big-endian. */
export const s8: Codec<number> = small(signed(1));
export const s16: Codec<number> = small(signed(2));
export const s32: Codec<number> = small(signed(4));
export const s64: Codec<bigint> = signed(8);

const PREFIX = {
  253: { bytes: 2, from: 0xfdn },
  254: { bytes: 4, from: 0x1_0000n },
  255: { bytes: 8, from: 0x1_0000_0000n },
};

/** BOLT 1, appendix A: Bitcoin's CompactSize, but big-endian; a longer form than needed is refused. */
export const bigsize: Codec<bigint> = {
  write: (w, value) => {
    if (width(value) > 4) w.bytes(Uint8Array.of(255, ...u64be(value)));
    else if (value > 0xffffn) w.bytes(Uint8Array.of(254, ...bigEndian(value, 4)));
    else if (value > 0xfcn) w.bytes(Uint8Array.of(253, ...bigEndian(value, 2)));
    else w.bytes(Uint8Array.of(Number(value)));
  },
  read: (r) => {
    const first = r.uint(1);
    if (first < 253) return BigInt(first);
    const form = PREFIX[first as keyof typeof PREFIX];
    const value = form.bytes === 8 ? r.u64() : BigInt(r.uint(form.bytes));
    if (value < form.from) throw new WireError({ code: 'not_minimal' });
    return value;
  },
};

/** A record as it stands in a stream, its value not understood. */
export interface RawRecord {
  readonly type: bigint;
  readonly value: Uint8Array;
}

const writeRecord = (w: Writer, { type, value }: RawRecord): void => {
  bigsize.write(w, type);
  bigsize.write(w, BigInt(value.length));
  w.bytes(value);
};

/** The records of a stream up to the end of the run, whatever their types: increasing, unique, minimal. */
export const rawRecords: Codec<readonly RawRecord[]> = {
  write: (w, records) => {
    let last = -1n;
    for (const record of records) {
      if (record.type <= last) throw new RangeError(`record type ${record.type} repeats or is out of order`);
      last = record.type;
      writeRecord(w, record);
    }
  },
  read: (r) => {
    const out: RawRecord[] = [];
    let last = -1n;
    while (r.left > 0) {
      const type = bigsize.read(r);
      if (type <= last) throw new WireError({ code: 'out_of_order', type });
      last = type;
      const length = bigsize.read(r);
      if (length > BigInt(r.left)) throw new WireError({ code: 'truncated', wanted: Number(length), left: r.left });
      out.push({ type, value: r.bytes(Number(length)) });
    }
    return out;
  },
};

// biome-ignore lint/suspicious/noExplicitAny: as in `Fields`: TlvShape gives each record its type back
export type Records = Record<string, { readonly type: bigint; readonly codec: Codec<any> }>;
/** What a stream holds: known records by name, absent when not sent, and the odd ones nobody here knows. */
export type TlvShape<R extends Records> = Flat<
  { [K in keyof R]?: ValueOf<R[K]['codec']> } & { unknown?: readonly RawRecord[] }
>;

const readWhole = <T>(name: string, codec: Codec<T>, bytes: Uint8Array): T =>
  named(name, () => {
    const r = new Reader(bytes);
    const value = codec.read(r);
    if (r.left > 0) throw new WireError({ code: 'trailing_bytes', count: r.left });
    return value;
  });

/**
 * A TLV stream that fills the rest of its run. Unknown odd records are kept in `unknown`, so that what was decoded encodes
 * to the same bytes; an unknown even record is refused with `unknown_even_type`. A key whose value is undefined is not written.
 */
export const tlvs = <R extends Records>(records: R): Codec<TlvShape<R>> => {
  const rows = Object.entries(records).map(([name, row]) => ({ name, ...row }));
  const byType = new Map(rows.map((row) => [row.type, row]));
  return {
    write: (w, value) => {
      const all: RawRecord[] = [...(value.unknown ?? [])];
      for (const { name, type, codec } of rows) {
        const field = (value as Record<string, unknown>)[name];
        if (field !== undefined) all.push({ type, value: named(name, () => encode(codec, field)) });
      }
      rawRecords.write(
        w,
        all.sort((a, b) => (a.type < b.type ? -1 : 1)),
      );
    },
    read: (r) => {
      const out: Record<string, unknown> = {};
      const unknown: RawRecord[] = [];
      for (const record of rawRecords.read(r)) {
        const row = byType.get(record.type);
        if (row !== undefined) out[row.name] = readWhole(row.name, row.codec, record.value);
        else if (record.type % 2n === 0n) throw new WireError({ code: 'unknown_even_type', type: record.type });
        else unknown.push(record);
      }
      if (unknown.length > 0) out['unknown'] = unknown;
      return out as TlvShape<R>;
    },
  };
};
