/** Kinds of columns of results: how their cells read, how short they can be, and what colour they have. */

import { printable } from '../../wire/printable.ts';
import { type Column, satText, shortText, type Tone, timeText } from '../base/table.ts';

/** A result as JSON. */
export type Json = Readonly<Record<string, unknown>>;

/** A value in one line. */
export const plain = (value: unknown): string => {
  if (value === undefined || value === null) return '';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.map(plain).join(', ');
  return printable(typeof value === 'object' ? JSON.stringify(value) : String(value));
};

const tones: Readonly<Record<Exclude<Tone, 'title' | 'quiet'>, readonly string[]>> = {
  good: ['CHANNELD_NORMAL', 'complete', 'paid', 'settled', 'confirmed', 'carried'],
  waiting: [
    ...['OPENINGD', 'CHANNELD_AWAITING_LOCKIN', 'CHANNELD_SHUTTING_DOWN', 'CLOSINGD_SIGEXCHANGE', 'CLOSINGD_COMPLETE'],
    ...['pending', 'unpaid', 'receiving', 'unconfirmed', 'offered'],
  ],
  bad: ['AWAITING_UNILATERAL', 'FUNDING_SPEND_SEEN', 'ONCHAIN', 'failed', 'local_failed', 'expired', 'unknown'],
};
const toneByWord = new Map(Object.entries(tones).flatMap(([tone, words]) => words.map((word) => [word, tone as Tone])));

/** What the word of a field named so says at a glance. */
export const toneOf = (name: string, value: unknown): Tone | undefined => {
  if (name.startsWith('warning')) return 'bad';
  if (name === 'status' || name === 'state') return toneByWord.get(plain(value));
  if (name.endsWith('connected') || name === 'active') return value === false ? 'bad' : undefined;
  return undefined;
};

type Fit = Pick<Column<Json>, 'drop' | 'cut'>;

export const field = (name: string, title = name.replaceAll('_', ' '), fit: Fit = {}): Column<Json> => ({
  title,
  cell: (row) => plain(row[name]),
  tone: (row) => toneOf(name, row[name]),
  ...fit,
});
export const count = (name: string, title = name.replaceAll('_', ' '), fit: Fit = {}): Column<Json> => ({
  title,
  cell: (row) => plain(Array.isArray(row[name]) ? row[name].length : row[name]),
  right: true,
  ...fit,
});
export const sat = (name: string, title: string, fit: Fit = {}): Column<Json> => ({
  title: `${title} sat`,
  cell: (row) => satText(row[name]),
  right: true,
  ...fit,
});

/** The beginning of an id alone. */
const brief = (id: unknown): string => shortText(id).replace(/….*/, '…');

/** An id that only tells one row from another. */
export const short = (name: string, title: string, fit: Fit = {}): Column<Json> => ({
  title,
  cell: (row) => shortText(row[name]),
  short: (row) => brief(row[name]),
  ...fit,
});
/** An id that is wanted whole where there is room for it. */
export const id = (name: string, title: string, fit: Fit = {}): Column<Json> => ({
  title,
  cell: (row) => plain(row[name]),
  short: (row) => shortText(plain(row[name])),
  ...fit,
});
export const time = (name: string, title: string, fit: Fit = {}): Column<Json> => ({
  title,
  cell: (row) => timeText(row[name]),
  tone: () => 'quiet',
  ...fit,
});

/** A channel by its short_channel_id, or by its channel_id before it has one. */
export const channel: Column<Json> = {
  title: 'channel',
  cell: (row) => plain(row['short_channel_id']) || shortText(row['channel_id']),
  short: (row) => plain(row['short_channel_id']) || brief(row['channel_id']),
};

const addressOf = ({ address, port }: Json): string => `${plain(address)}:${plain(port)}`;

export const addresses: Column<Json> = {
  title: 'addresses',
  cell: (row) => (Array.isArray(row['addresses']) ? row['addresses'].map(addressOf).join(', ') : ''),
  cut: true,
};

/** The amounts of a transaction's outputs together, msat. */
export const sumOf = (outputs: unknown): bigint =>
  (Array.isArray(outputs) ? outputs : []).reduce(
    (sum: bigint, one: Json) => sum + BigInt(plain(one['amount_msat'])),
    0n,
  );

/** The channels of a route, which are fields of this name of the hops that the field `of` lists. */
export const route = (name: string, of = 'route'): Column<Json> => ({
  title: 'route',
  cell: ({ [of]: hops }) => (Array.isArray(hops) ? hops.map((hop: Json) => plain(hop[name])).join(' → ') : ''),
  cut: true,
});
