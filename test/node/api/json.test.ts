/** JSON on streams and integers of any size. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AnswerStream, JsonStream, type Part, parseJson, StreamError, toJson } from '../../../node/api/rpc/json.ts';
import { utf8 } from '../../../wire/bytes.ts';
import { anyCharacter } from '../../support/characters.ts';

const cut = (bytes: Uint8Array, sizes: readonly number[]): readonly Uint8Array[] => {
  const chunks: Uint8Array[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
};
const split = (chunks: readonly Uint8Array[], limit = 1 << 20) => {
  const stream = new JsonStream(limit);
  return chunks.flatMap((chunk) => [...stream.push(chunk)]);
};
const faultOf = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    return error instanceof StreamError ? error.fault : error;
  }
  return undefined;
};

describe('a stream of JSON', () => {
  test('the values come out whole however the stream is chunked and spaced', () => {
    const container = fc.oneof(
      fc.dictionary(fc.string({ unit: anyCharacter }), fc.jsonValue()),
      fc.array(fc.jsonValue()),
    );
    fc.assert(
      fc.property(
        fc.array(container, { maxLength: 5 }),
        fc.constantFrom('', ' ', '\n\n', '\r\n\t'),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 10 }),
        (values, space, sizes) => {
          const texts = values.map((value) => JSON.stringify(value));
          expect(split(cut(utf8(texts.join(space)), sizes))).toEqual(texts);
        },
      ),
    );
  });

  test('brackets, quotes and backslashes inside texts do not count', () => {
    const text = String.raw`{"a":"}]\\\"{","b":["\\"]}`;
    expect(split(cut(utf8(text + text), [1]))).toEqual([text, text]);
  });

  test.each([
    ['a bare word', 'hello', 'not_json'],
    ['a bare number', '{}5', 'not_json'],
    ['a closing bracket too many', '{}}', 'not_json'],
    ['a value above the limit', `["${'x'.repeat(100)}"]`, 'too_long'],
    ['an unfinished value above the limit', `["${'x'.repeat(100)}`, 'too_long'],
  ])('%s ends it', (_, text, fault) => {
    expect(faultOf(() => split([utf8(text)], 64))).toBe(fault);
    expect(faultOf(() => split(cut(utf8(text), [1]), 64))).toBe(fault);
  });

  test('bytes that are not UTF-8 end it', () => {
    expect(faultOf(() => split([Uint8Array.of(0x5b, 0x22, 0xff, 0x22, 0x5d)]))).toBe('not_utf8');
  });

  test('values before the fault are taken', () => {
    const stream = new JsonStream(64);
    const seen: string[] = [];
    expect(() => {
      for (const text of stream.push(utf8('{"a":1} ? {"b":2}'))) seen.push(text);
    }).toThrow(StreamError);
    expect(seen).toEqual(['{"a":1}']);
  });
});

describe('a stream of answers', () => {
  /** The parts, put together as a client does it. */
  const joined = (parts: readonly Part[]) => {
    const answers: unknown[] = [];
    let rows: { list: string; row: unknown }[] = [];
    for (const part of parts)
      if ('list' in part) rows.push({ list: part.list, row: JSON.parse(part.row) });
      else {
        const answer = JSON.parse(part.rest) as { result: Record<string, unknown[]> };
        for (const { list, row } of rows) answer.result[list]?.push(row);
        answers.push(answer);
        rows = [];
      }
    return answers;
  };
  const partsOf = (chunks: readonly Uint8Array[], limit = 1 << 20) => {
    const stream = new AnswerStream(limit);
    return chunks.flatMap((chunk) => [...stream.push(chunk)]);
  };

  test('comes out in rows and rests, however it is chunked and spaced', () => {
    const row = fc.dictionary(fc.string({ unit: anyCharacter }), fc.jsonValue());
    const list = fc.array(row, { maxLength: 4 });
    const plain = fc.oneof(fc.array(fc.string()), fc.integer(), fc.string(), row);
    const result = fc.record({ invoices: list, alias: plain, channels: list, id: plain });
    const answer = fc.oneof(
      fc.record({ id: fc.integer(), result }),
      fc.record({ id: fc.integer(), error: fc.record({ message: fc.string(), data: fc.record({ shards: list }) }) }),
    );
    fc.assert(
      fc.property(
        fc.array(answer, { maxLength: 3 }),
        fc.constantFrom(undefined, 1),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 10 }),
        (answers, indent, sizes) => {
          const text = answers.map((one) => JSON.stringify(one, undefined, indent)).join('\n\n');
          const parts = partsOf(cut(utf8(text), sizes));
          expect(joined(parts)).toEqual(JSON.parse(JSON.stringify(answers)));
          const rows = answers.flatMap((one) =>
            'result' in one ? [...one.result.invoices, ...one.result.channels] : [],
          );
          expect(parts.filter((part) => 'list' in part)).toHaveLength(rows.length);
        },
      ),
    );
  });

  test('may be longer than the limit, but no part of it may', () => {
    const answer = (row: object) => utf8(JSON.stringify({ result: { rows: Array.from({ length: 50 }, () => row) } }));
    expect(partsOf([answer({ a: 'x'.repeat(40) })], 64)).toHaveLength(51);
    expect(faultOf(() => partsOf([answer({ a: 'x'.repeat(60) })], 64))).toBe('too_long');
    expect(faultOf(() => partsOf([utf8(JSON.stringify({ result: 'x'.repeat(60) }))], 64))).toBe('too_long');
  });
});

describe('integers', () => {
  test.each([
    [0n, '0'],
    [9_007_199_254_740_993n, '9007199254740993'],
    [2_100_000_000_000_000_000n, '2100000000000000000'],
  ])('%s is written as its digits', (amount, digits) => {
    expect(toJson({ a: [amount], none: undefined })).toBe(`{"a":[${digits}]}`);
  });

  test.each([
    ['[9007199254740991]', [9_007_199_254_740_991]],
    ['[9007199254740993]', ['9007199254740993']],
    ['{"a":-18446744073709551615}', { a: '-18446744073709551615' }],
    [
      '["9007199254740993",0.1234567890123456789,12345678901234567e3]',
      ['9007199254740993', 0.12345678901234568, 1.2345678901234567e19],
    ],
    [String.raw`{"\"9007199254740993":"\\"}`, { '"9007199254740993': '\\' }],
  ])('%s is read without rounding', (text, value) => {
    expect(parseJson(text)).toEqual(value);
  });

  test.each(['', '\\'])(
    'a million escaped quotes that a text does not end with are refused at once, with %j behind them',
    (end) => {
      expect(() => parseJson(`[1234567890123456,"${'\\"'.repeat(1_000_000)}${end}`)).toThrow(SyntaxError);
    },
  );

  test('other JSON is written and read as ever', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: anyCharacter }), (value) => {
        const text = toJson(value);
        expect(text).toBe(JSON.stringify(value));
        fc.pre(!/\d{16}/.test(text));
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });
});
