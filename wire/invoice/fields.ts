/**
 * BOLT 11, "Tagged Fields": one row says a field's type, its length where that is fixed, and how its words are read and
 * written. A field no row understands is kept as words, since the signature covers it.
 */
import { bytesOf, integerOf, wordsOf, wordsOfInteger } from '../bech32.ts';
import { concat, utf8, zeros } from '../bytes.ts';
import { decode, encode, many, struct, u16, u32, type ValueOf, WireError } from '../codec.ts';
import { msat32, point as pointField, shortChannelId } from '../fields.ts';
import { paymentHash, point } from '../units.ts';
import { InvoiceError } from './errors.ts';

interface Row<T> {
  readonly code: number;
  readonly name: string;
  /** The only length, in words, in which the field means anything; with another it is passed over. */
  readonly words?: number;
  /** Throws RangeError or WireError for words that say nothing. Undefined: not for us to understand. */
  read(words: Uint8Array): T | undefined;
  write(value: T): Uint8Array;
}

const row = <T>(definition: Row<T>): Row<T> => definition;

/** A run of bytes of a fixed length. */
const exact = <T extends Uint8Array>(
  code: number,
  name: string,
  length: number,
  brand: (raw: Uint8Array) => T,
): Row<T> =>
  row<T>({
    code,
    name,
    words: Math.ceil((length * 8) / 5),
    read: (words) => brand(bytesOf(words)),
    write: (value) => wordsOf(brand(value)),
  });

const bytes32 = (raw: Uint8Array): Uint8Array => {
  if (raw.length !== 32) throw new RangeError(`expected 32 bytes, got ${raw.length}`);
  return raw;
};

const minimal = (field: string, words: Uint8Array): Uint8Array => {
  if (words[0] === 0) throw new InvoiceError({ code: 'not_minimal', field });
  return words;
};

/** An integer up to `limit`, without leading zero words. */
const integer = (code: number, name: string, limit: number): Row<number> => {
  const checked = (n: number): number => {
    if (!Number.isInteger(n) || n < 0 || n > limit) throw new RangeError(`expected an integer up to ${limit}`);
    return n;
  };
  return row<number>({
    code,
    name,
    read: (words) => {
      if (words.length > 10) throw new RangeError(`expected an integer up to ${limit}`);
      return checked(integerOf(minimal(name, words)));
    },
    write: (value) => wordsOfInteger(checked(value)),
  });
};

/** One channel of a way to the payee that the graph does not show; fees and delta as in channel_update (BOLT 7). */
const hop = struct({
  pubkey: pointField,
  short_channel_id: shortChannelId,
  fee_base_msat: msat32,
  fee_proportional_millionths: u32,
  cltv_expiry_delta: u16,
});
export type RouteHop = ValueOf<typeof hop>;
const hops = many(hop);

const someHops = (route: readonly RouteHop[]): readonly RouteHop[] => {
  if (route.length === 0) throw new RangeError('expected at least one hop of 51 bytes');
  return route;
};

/** Where to pay on chain: a witness program of version 0..16, or the 20-byte hash of a key (17) or of a script (18). */
export interface Fallback {
  readonly version: number;
  readonly program: Uint8Array;
}

const isFallback = ({ version, program: { length } }: Fallback): boolean => {
  if (version === 0) return length === 20 || length === 32;
  if (version === 17 || version === 18) return length === 20;
  return version > 0 && version < 17 && length >= 2 && length <= 40;
};

/** The bits of `9` end where its words end, a bitmap's where its bytes end; 8 words are 5 bytes, so zeros in front align them. */
const readBitmap = (words: Uint8Array): Uint8Array => stripped(bytesOf(aligned(words, 8)));
const writeBitmap = (bitmap: Uint8Array): Uint8Array => stripped(wordsOf(aligned(bitmap, 5)));

const aligned = (values: Uint8Array, unit: number): Uint8Array =>
  concat(zeros((unit - (values.length % unit)) % unit), values);
const stripped = (values: Uint8Array): Uint8Array => {
  const first = values.findIndex((value) => value !== 0);
  return first < 0 ? zeros(0) : values.slice(first);
};

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const readText = (words: Uint8Array): string => {
  try {
    return decoder.decode(bytesOf(words));
  } catch {
    throw new RangeError('expected UTF-8');
  }
};

/** The fields of BOLT 11 under the letters that stand for their types. Names in brackets are the specification's. */
const rows = {
  p: exact(1, 'p (payment_hash)', 32, paymentHash),
  s: exact(16, 's (payment_secret)', 32, bytes32),
  d: row<string>({ code: 13, name: 'd (description)', read: readText, write: (value) => wordsOf(utf8(value)) }),
  m: row<Uint8Array>({ code: 27, name: 'm (payment_metadata)', read: bytesOf, write: wordsOf }),
  n: exact(19, 'n (payee)', 33, point),
  h: exact(23, 'h (description hash)', 32, bytes32),
  x: integer(6, 'x (expiry)', Number.MAX_SAFE_INTEGER),
  c: integer(24, 'c (min_final_cltv_expiry_delta)', 0xffff_ffff),
  f: row<Fallback>({
    code: 9,
    name: 'f (fallback address)',
    read: ([version = 31, ...program]) => {
      const fallback = { version, program: bytesOf(Uint8Array.from(program)) };
      return isFallback(fallback) ? fallback : undefined;
    },
    write: (value) => {
      if (!isFallback(value)) throw new RangeError('expected a witness program, or 20 bytes for versions 17 and 18');
      return concat(Uint8Array.of(value.version), wordsOf(value.program));
    },
  }),
  r: row<readonly RouteHop[]>({
    code: 3,
    name: 'r (route)',
    read: (words) => someHops(decode(hops, bytesOf(words))),
    write: (value) => wordsOf(encode(hops, someHops(value))),
  }),
  '9': row<Uint8Array>({
    code: 5,
    name: '9 (features)',
    read: (words) => readBitmap(minimal('9 (features)', words)),
    write: writeBitmap,
  }),
} as const;

type Rows = typeof rows;
type Tag = keyof Rows;
type ValueIn<R> = R extends Row<infer T> ? T : never;

/** One tagged field, in the order of the invoice. */
export type Field =
  | { [K in Tag]: { readonly tag: K; readonly value: ValueIn<Rows[K]> } }[Tag]
  /** A type, a length or a fallback version we do not know: passed over, and kept as its words. */
  | { readonly tag: 'unknown'; readonly code: number; readonly value: Uint8Array };

/** How a message names a field. */
export const fieldName = (tag: Tag): string => rows[tag].name;

/** `data_length` is two words. */
const MOST_WORDS = 1023;

const tagOf = new Map(Object.entries(rows).map(([tag, { code }]) => [code, tag as Tag]));

/** Runs a row's read or write and names the field in what it throws. */
const named = <T>(field: string, run: () => T): T => {
  try {
    return run();
  } catch (error) {
    if (error instanceof RangeError || error instanceof WireError)
      throw new InvoiceError({ code: 'bad_field', field, reason: error.message });
    throw error;
  }
};

const readField = (code: number, words: Uint8Array): Field => {
  const unknown: Field = { tag: 'unknown', code, value: words };
  const tag = tagOf.get(code);
  if (tag === undefined) return unknown;
  const found: Row<unknown> = rows[tag] as Row<unknown>;
  // The reader's rule says to fail on a wrong length of p, h, s or n, the valid examples hold such fields and say they are
  // ignored. Ignoring them is what every implementation does; a field that must be there is then missing.
  if (found.words !== undefined && found.words !== words.length) return unknown;
  const value = named(found.name, () => found.read(words));
  return value === undefined ? unknown : ({ tag, value } as Field);
};

/** All tagged fields of the words between timestamp and signature. Throws InvoiceError. */
export const readFields = (words: Uint8Array): readonly Field[] => {
  const fields: Field[] = [];
  for (let at = 0; at < words.length; ) {
    const code = words[at] ?? 0;
    const field = tagOf.get(code) ?? `type ${code}`;
    const left = words.length - at - 3;
    if (left < 0) throw new InvoiceError({ code: 'truncated_field', field, wanted: 3, left: left + 3 });
    const wanted = (words[at + 1] ?? 0) * 32 + (words[at + 2] ?? 0);
    if (wanted > left) throw new InvoiceError({ code: 'truncated_field', field, wanted, left });
    at += 3 + wanted;
    fields.push(readField(code, words.slice(at - wanted, at)));
  }
  return fields;
};

/** The words of a tagged field. Throws InvoiceError for a value that has no place in it. */
export const writeField = (field: Field): Uint8Array => {
  const found = field.tag === 'unknown' ? undefined : (rows[field.tag] as Row<unknown>);
  const name = found?.name ?? `type ${'code' in field ? field.code : 0}`;
  const words = found === undefined ? (field.value as Uint8Array) : named(name, () => found.write(field.value));
  if (words.length > MOST_WORDS)
    throw new InvoiceError({ code: 'field_too_long', field: name, words: words.length, limit: MOST_WORDS });
  const code = field.tag === 'unknown' ? field.code : rows[field.tag].code;
  return concat(Uint8Array.of(code, words.length >> 5, words.length & 31), words);
};
