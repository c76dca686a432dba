/** A method's result for people: what it is first, what happens next, and what nobody reads at the end. --json shows everything as it is. */

import { featureNames } from '../../wire/featurenames.ts';
import type { MethodName } from '../api/table.ts';
import { type Column, type Place, satText, shortText, tableLines, timeText } from '../base/table.ts';
import { type Json, plain, toneOf } from './columns.ts';
import { isRaw, type Pair, pairLines, sentence } from './layout.ts';
import { nextStep } from './nextsteps.ts';
import { leading, linesBelow, views } from './views.ts';

/** Names that leave no room for what stands behind them. */
const shorter: Readonly<Record<string, string>> = { payment_preimage: 'preimage', payment_preimages: 'preimages' };

/** Amounts of `probe`, which has a field `carried` beside them. */
const amounts: Readonly<Record<string, string>> = { carried_msat: 'most carried', failed_msat: 'least failed' };

/** A field's name and value for people: satoshi for millisatoshi, dates for seconds, names for feature bits. */
const pair = (name: string, value: unknown): readonly [name: string, value: string] => {
  if (name.endsWith('_msat')) return [amounts[name] ?? name.slice(0, -'_msat'.length), `${satText(value)} sat`];
  if (name.endsWith('_at')) return [name, `${timeText(value)} UTC`];
  const names = isFeatures(name) ? featureNames(value) : [];
  return [shorter[name] ?? name, names.length > 0 ? names.join(', ') : plain(value)];
};

/** As `pair`, a list of texts on lines of its own, nothing for nothing. */
const pairs = (name: string, value: unknown): readonly Pair[] => {
  if (Array.isArray(value)) return value.map((one, at) => pair(at === 0 ? name : '', one));
  return plain(value) === '' ? [] : [[...pair(name, value), toneOf(name, value)]];
};

/** Names of fields that are feature bits in hex. */
const isFeatures = (name: string): boolean => ['features', 'init', 'node', 'channel', 'invoice'].includes(name);

const isRow = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

const everything = (rows: readonly Json[]): readonly Column<Json>[] =>
  [...new Set(rows.flatMap((row) => Object.keys(row)))].map((name, at) => {
    const cell = (row: Json): string => (row[name] === undefined ? '' : pair(name, row[name])[1]);
    return {
      title: pair(name, 0)[0],
      cell,
      short: (row) => (/^[0-9a-f]{40,}$/.test(cell(row)) ? shortText(cell(row)) : cell(row)),
      tone: (row) => toneOf(name, row[name]),
      ...(at < 2 ? { cut: true } : { drop: at }),
    };
  });

/** An object of objects reads as a list of them, each with its name. */
const asList = (value: unknown): unknown =>
  isRow(value) && Object.keys(value).length > 0 && Object.values(value).every(isRow)
    ? Object.entries(value).map(([name, row]) => ({ name, ...(row as Json) }))
    : value;

/** Names of lists that are no words. */
const inWords: Readonly<Record<string, string>> = {
  closedchannels: 'closed channels',
  configs: 'options',
  htlcs: 'HTLCs',
  pays: 'payments',
};

const listLines = (name: MethodName, key: string, rows: readonly Json[], place: Place): readonly string[] => {
  if (rows.length === 0) return [`no ${inWords[key] ?? key}`];
  const below = linesBelow[name]?.[key];
  const words = below === undefined ? [] : rows.flatMap((row) => below(row, rows));
  const table = tableLines(views[name]?.[key] ?? everything(rows), rows, place);
  return [...table, ...(words.length > 0 ? ['', ...words.flatMap((line) => sentence(line, place.width))] : [])];
};

interface Parts {
  readonly single: readonly Pair[];
  readonly lists: readonly { readonly key: string; readonly rows: readonly Json[] }[];
  /** Objects, with their fields. */
  readonly groups: readonly { readonly key: string; readonly fields: Json }[];
}

const partsOf = (name: MethodName, result: Json): Parts => {
  const front = leading[name] ?? [];
  const inOrder = [
    ...front.filter((key) => key in result),
    ...Object.keys(result).filter((key) => !front.includes(key)),
  ];
  const entries = inOrder
    .map((key) => [key, result[key]] as const)
    .filter(([key]) => key !== 'format-hint' && !(key === 'payment_preimages' && 'payment_preimage' in result))
    .map(([key, value]) => [key, asList(value)] as const);
  const isTable = (key: string, value: unknown): value is readonly Json[] =>
    Array.isArray(value) &&
    (views[name]?.[key] !== undefined || (value.length === 0 ? entries.length === 1 : value.every(isRow)));
  return {
    single: entries.flatMap(([key, value]) => (isTable(key, value) || isRow(value) ? [] : pairs(key, value))),
    lists: entries.flatMap(([key, value]) => (isTable(key, value) ? [{ key, rows: value }] : [])),
    groups: entries.flatMap(([key, value]) => (isRow(value) ? [{ key, fields: value }] : [])),
  };
};

/** Where a result is to be read, and how the node that gave it is called: `ampere` unless told. */
export interface Shown extends Place {
  readonly ampere?: string;
}

const sections = (name: MethodName, result: Json, place: Shown, above = ''): readonly (readonly string[])[] => {
  const { single, lists, groups } = partsOf(name, result);
  const [short, raw] = [single.filter(([, value]) => !isRaw(value)), single.filter(([, value]) => isRaw(value))];
  const next = above === '' ? nextStep(name, result, place.ampere) : undefined;
  const title = (key: string): readonly string[] => [`${above}${key}:`];
  const isAlone = above === '' && lists.length === 1 && single.length + groups.length === 0;
  return [
    ...(short.length > 0 ? [pairLines(short, place)] : []),
    ...groups.flatMap(({ key, fields }) => {
      const [first = [], ...more] = sections(name, fields, place, `${above}${key}.`);
      return [[...title(key), ...first], ...more];
    }),
    ...lists.map(({ key, rows }) => [
      ...(isAlone || rows.length === 0 ? [] : title(key)),
      ...listLines(name, key, rows, place),
    ]),
    ...(next === undefined ? [] : [sentence(next, place.width)]),
    ...(raw.length > 0 ? [pairLines(raw, place)] : []),
  ];
};

/** Lines for a terminal; `result` is the method's result as JSON. An empty result is "done". */
export const render = (name: string, result: unknown, place: Shown = {}): string => {
  if (!isRow(result) || Object.keys(result).length === 0) return 'done';
  return sections(name as MethodName, result, place)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
};
