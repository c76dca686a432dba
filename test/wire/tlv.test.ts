/** BOLT 1, appendices A, B and D: the vectors in both directions, and what streams promise for any value. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hex, unhex } from '../../wire/bytes.ts';
import { type Codec, decode, encode, struct, u16, WireError } from '../../wire/codec.ts';
import { msat, point, shortChannelId } from '../../wire/fields.ts';
import { bigsize, rawRecords, s8, s16, s32, s64, tlvs, tu16, tu32, tu64 } from '../../wire/tlv.ts';
import { scidText } from '../../wire/units.ts';
import bigsizes from '../vectors/bolt01-bigsize.json' with { type: 'json' };
import integers from '../vectors/bolt01-signed-integers.json' with { type: 'json' };
import streams from '../vectors/bolt01-tlv.json' with { type: 'json' };

describe('BigSize', () => {
  for (const { name, value, bytes, ...row } of bigsizes.vectors.decode)
    test(`${'exp_error' in row ? 'refuses' : 'reads'} ${name}: ${bytes}`, () => {
      if ('exp_error' in row) expect(() => decode(bigsize, unhex(bytes))).toThrow(WireError);
      else expect(decode(bigsize, unhex(bytes))).toBe(BigInt(value));
    });
  for (const { name, value, bytes } of bigsizes.vectors.encode)
    test(`writes ${name} as ${bytes}`, () => {
      expect(hex(encode(bigsize, BigInt(value)))).toBe(bytes);
    });
  test('a BigSize that does not fit a u64 is refused', () => {
    for (const value of [-1n, 2n ** 64n]) expect(() => encode(bigsize, value)).toThrow(RangeError);
  });
});

describe('signed integers', () => {
  const widths: Record<number, (text: string) => string> = {
    1: (text) => hex(encode(s8, Number(text))),
    2: (text) => hex(encode(s16, Number(text))),
    4: (text) => hex(encode(s32, Number(text))),
    8: (text) => hex(encode(s64, BigInt(text))),
  };
  const readers: Record<number, Codec<number> | Codec<bigint>> = { 1: s8, 2: s16, 4: s32, 8: s64 };
  for (const { value, bytes } of integers.vectors.flat())
    test(`${value} is ${bytes}`, () => {
      const size = bytes.length / 2;
      expect(widths[size]?.(String(value))).toBe(bytes);
      expect(String(decode(readers[size] as Codec<unknown>, unhex(bytes)))).toBe(String(value));
    });
  test('signed integers that do not fit their width are refused', () => {
    expect(() => encode(s8, 128)).toThrow(RangeError);
    expect(() => encode(s8, -129)).toThrow(RangeError);
    expect(() => encode(s64, 2n ** 63n)).toThrow(RangeError);
  });
});

describe('truncated integers', () => {
  const rows: readonly (readonly [Codec<number> | Codec<bigint>, number | bigint, string])[] = [
    [tu16, 0, ''],
    [tu16, 65535, 'ffff'],
    [tu32, 256, '0100'],
    [tu32, 4294967295, 'ffffffff'],
    [tu64, 0n, ''],
    [tu64, 2n ** 64n - 1n, 'ffffffffffffffff'],
  ];
  for (const [codec, value, wire] of rows)
    test(`${value} is ${wire || 'empty'}`, () => {
      expect(hex(encode(codec as Codec<unknown>, value))).toBe(wire);
      expect(decode(codec as Codec<unknown>, unhex(wire))).toBe(value);
    });
  test('truncated integers with a leading zero or too many bytes are refused', () => {
    for (const [codec, wire] of [
      [tu16, '00'],
      [tu16, '010000'],
      [tu32, '0001'],
      [tu32, '0100000000'],
      [tu64, '010000000000000000'],
    ] as const)
      expect(() => decode(codec as Codec<unknown>, unhex(wire))).toThrow(WireError);
    expect(() => encode(tu16, 65536)).toThrow(RangeError);
  });
});

const n1 = tlvs({
  tlv1: { type: 1n, codec: tu64 },
  tlv2: { type: 2n, codec: shortChannelId },
  tlv3: { type: 3n, codec: struct({ node_id: point, amount_msat_1: msat, amount_msat_2: msat }) },
  tlv4: { type: 254n, codec: u16 },
});
const n2 = tlvs({ tlv1: { type: 0n, codec: tu64 }, tlv2: { type: 11n, codec: tu32 } });
const namespaces: Record<string, readonly Codec<object>[]> = { any: [n1, n2], either: [n1, n2], n1: [n1], n2: [n2] };

describe('TLV streams', () => {
  for (const { ns, stream, valid, reason, ...row } of streams.vectors)
    for (const codec of namespaces[ns] ?? [])
      if (valid)
        test(`accepts ${ns} ${stream || '(empty)'} and writes it back`, () => {
          const value = decode(codec, unhex(stream));
          if ('values' in row) expect(readable(value)).toBe(row.values);
          expect(hex(encode(codec, value))).toBe(stream);
        });
      else
        test(`refuses ${ns} ${stream.slice(0, 24)}: ${reason}`, () => {
          expect(() => decode(codec, unhex(stream))).toThrow(WireError);
        });

  test('the error of a TLV stream names the record whose value is wrong', () => {
    expect(() => decode(n1, unhex('fd00fe03010101'))).toThrow('tlv4: 1 bytes after the end');
  });
  test('a TLV stream does not write a known record a second time as an unknown one', () => {
    const twice = { tlv4: 5, unknown: [{ type: 254n, value: unhex('0005') }] };
    expect(() => encode(n1, twice)).toThrow(RangeError);
  });
  test('a TLV stream keeps any records in order', () => {
    const records = fc.uniqueArray(
      fc.record({ type: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), value: fc.uint8Array({ maxLength: 300 }) }),
      { selector: (record) => record.type },
    );
    fc.assert(
      fc.property(records, (list) => {
        const sorted = list.toSorted((a, b) => (a.type < b.type ? -1 : 1));
        expect(decode(rawRecords, encode(rawRecords, sorted))).toEqual(sorted);
      }),
    );
  });
  test('a TLV stream may have more records than a call takes arguments', () => {
    const many = Array.from({ length: 100_000 }, (_, i) => ({ type: BigInt(i), value: new Uint8Array(0) }));
    expect(decode(rawRecords, encode(rawRecords, many))).toHaveLength(many.length);
  });
  test('a TLV stream of any bytes throws nothing but WireError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        try {
          expect(encode(n1, decode(n1, bytes))).toEqual(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

/** A decoded stream in the words of the vector file. */
const readable = (value: object): string => {
  const words = (name: string, field: unknown): string => {
    if (name === 'tlv1') return `amount_msat=${field}`;
    if (name === 'tlv2') return `scid=${scidText(field as Parameters<typeof scidText>[0])}`;
    if (name === 'tlv4') return `cltv_delta=${field}`;
    return Object.entries(field as object)
      .map(([key, part]) => `${key}=${part instanceof Uint8Array ? hex(part) : part}`)
      .join(' ');
  };
  return Object.entries(value)
    .map(([name, field]) => `${name} ${words(name, field)}`)
    .join(' ');
};
