/**
 * A machine's durable state as tables of small records, and what a step changed of it. What a step left alone it passes on by
 * reference, and is neither encoded nor written again.
 */
import { equal } from '../wire/bytes.ts';
import type { Change } from '../wire/change.ts';
import { type Codec, decode, encode } from '../wire/codec.ts';

interface Row {
  readonly value: unknown;
  readonly bytes: () => Uint8Array;
}

/** Records of one kind, keyed `<prefix>/<name>`. */
export interface Table {
  readonly prefix: string;
  /** The same reference means: not a row has changed. */
  readonly source: unknown;
  readonly rows: () => ReadonlyMap<string, Row>;
  /** Of a table whose names are 0, 1, 2 and so on: its values. Two of these are compared without names, each by its place. */
  readonly list?: { readonly values: readonly unknown[]; readonly bytes: (at: number) => Uint8Array };
}

/** A table of `rows`, which hold what `source` holds. */
export const table = <T>(
  prefix: string,
  source: unknown,
  codec: Codec<T>,
  rows: () => Iterable<readonly [name: string, value: T]>,
): Table => ({
  prefix,
  source,
  rows: () => {
    const out = new Map<string, Row>();
    for (const [name, value] of rows()) out.set(`${prefix}/${name}`, { value, bytes: () => encode(codec, value) });
    return out;
  },
});

/** A table of the values of a list, named by their places. */
export const listTable = <T>(prefix: string, values: readonly T[], codec: Codec<T>): Table => ({
  ...table(prefix, values, codec, () => values.map((value, i) => [`${i}`, value])),
  list: {
    values,
    bytes: (at) => {
      const value = values[at];
      if (value === undefined) throw new RangeError(`no value ${at} in a list of ${values.length}`);
      return encode(codec, value);
    },
  },
});

type List = NonNullable<Table['list']>;

/** The records to write and to delete where both are lists. A payment of many shards has one for each, and most steps change one shard. */
const listChanges = (prefix: string, was: List, now: List): readonly Change[] => {
  const out: Change[] = [];
  for (let i = 0; i < now.values.length; i++) {
    const isOld = i < was.values.length;
    if (isOld && was.values[i] === now.values[i]) continue;
    const value = now.bytes(i);
    if (!isOld || !equal(was.bytes(i), value)) out.push({ key: `${prefix}/${i}`, value });
  }
  for (let i = now.values.length; i < was.values.length; i++) out.push({ key: `${prefix}/${i}`, value: undefined });
  return out;
};

const none: ReadonlyMap<string, Row> = new Map();

const same = (a: Row | undefined, b: Row): boolean =>
  a !== undefined && (a.value === b.value || equal(a.bytes(), b.bytes()));

/** The records to write and to delete so that what is kept of `previous` becomes `next`. */
export const changes = (previous: readonly Table[], next: readonly Table[]): readonly Change[] => {
  const before = new Map(previous.map((t) => [t.prefix, t]));
  const out: Change[] = [];
  for (const { prefix, source, rows, list } of next) {
    const old = before.get(prefix);
    before.delete(prefix);
    if (old?.source === source) continue;
    if (list !== undefined && old?.list !== undefined) {
      out.push(...listChanges(prefix, old.list, list));
      continue;
    }
    const was = old?.rows() ?? none;
    const now = rows();
    for (const [key, row] of now) if (!same(was.get(key), row)) out.push({ key, value: row.bytes() });
    for (const key of was.keys()) if (!now.has(key)) out.push({ key, value: undefined });
  }
  for (const gone of before.values()) for (const key of gone.rows().keys()) out.push({ key, value: undefined });
  return out;
};

/** The records of one table among all that were kept, by name. Throws WireError for one that cannot be read. */
export const load = <T>(
  records: ReadonlyMap<string, Uint8Array>,
  prefix: string,
  codec: Codec<T>,
): ReadonlyMap<string, T> => {
  const out = new Map<string, T>();
  for (const [key, value] of records)
    if (key.startsWith(`${prefix}/`)) out.set(key.slice(prefix.length + 1), decode(codec, value));
  return out;
};
