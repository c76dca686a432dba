/** A method's result for people. Lists become tables of the columns that matter; --json shows everything as it is. */

import { printable } from '../../wire/printable.ts';
import type { MethodName } from '../api/table.ts';
import { type Column, pairLines, satText, shortText, tableLines, timeText } from '../base/table.ts';

/** A result as JSON. */
type Json = Readonly<Record<string, unknown>>;

const plain = (value: unknown): string => {
  if (value === undefined || value === null) return '';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.map(plain).join(', ');
  return printable(typeof value === 'object' ? JSON.stringify(value) : String(value));
};
const field = (name: string, title = name.replaceAll('_', ' ')): Column<Json> => ({
  title,
  cell: (row) => plain(row[name]),
});
const count = (name: string, title = name.replaceAll('_', ' ')): Column<Json> => ({
  title,
  cell: (row) => plain(Array.isArray(row[name]) ? row[name].length : row[name]),
  right: true,
});
const sat = (name: string, title: string): Column<Json> => ({
  title: `${title} sat`,
  cell: (row) => satText(row[name]),
  right: true,
});
const short = (name: string, title: string): Column<Json> => ({ title, cell: (row) => shortText(row[name]) });
const time = (name: string, title: string): Column<Json> => ({ title, cell: (row) => timeText(row[name]) });

const addresses: Column<Json> = {
  title: 'addresses',
  cell: ({ addresses: all }) =>
    Array.isArray(all) ? all.map((one: Json) => `${plain(one['address'])}:${plain(one['port'])}`).join(', ') : '',
};

/** The amounts of a transaction's outputs together, msat. */
const sumOf = (outputs: unknown): bigint =>
  (Array.isArray(outputs) ? outputs : []).reduce(
    (sum: bigint, one: Json) => sum + BigInt(plain(one['amount_msat'])),
    0n,
  );

/** The channels of a route, which are hops' fields of this name. */
const route = (channel: string): Column<Json> => ({
  title: 'route',
  cell: ({ route: hops }) => (Array.isArray(hops) ? hops.map((hop: Json) => plain(hop[channel])).join(' → ') : ''),
});

const shards: readonly Column<Json>[] = [
  count('index', 'shard'),
  field('status'),
  sat('amount_msat', 'amount'),
  sat('amount_sent_msat', 'sent'),
  short('payment_hash', 'hash'),
  route('short_channel_id'),
  field('failure'),
];

const sentParts: readonly Column<Json>[] = [
  count('created_index', 'index'),
  short('payment_hash', 'hash'),
  count('groupid', 'group'),
  count('partid', 'part'),
  field('status'),
  sat('amount_msat', 'amount'),
  sat('amount_sent_msat', 'sent'),
  short('destination', 'to'),
  time('created_at', 'begun'),
  field('label'),
];

/** Which columns a list of a result gets; a list without a row here shows all of its fields. */
const views: Partial<Record<MethodName, Readonly<Record<string, readonly Column<Json>[]>>>> = {
  listpeers: {
    peers: [field('id'), field('connected'), count('num_channels', 'channels'), field('netaddr', 'address')],
  },
  listfunds: {
    outputs: [
      { title: 'output', cell: ({ txid, output }) => `${plain(txid)}:${plain(output)}` },
      sat('amount_msat', 'amount'),
      field('status'),
      count('blockheight', 'block'),
      field('reserved'),
    ],
    channels: [
      field('short_channel_id', 'channel'),
      short('peer_id', 'peer'),
      field('state'),
      sat('our_amount_msat', 'ours'),
      sat('amount_msat', 'size'),
      field('connected'),
    ],
  },
  listpeerchannels: {
    channels: [
      field('short_channel_id', 'channel'),
      short('peer_id', 'peer'),
      field('peer_connected', 'connected'),
      field('state'),
      sat('to_us_msat', 'ours'),
      sat('total_msat', 'size'),
      sat('spendable_msat', 'can send'),
      sat('receivable_msat', 'can receive'),
      count('htlcs', 'HTLCs'),
    ],
  },
  listclosedchannels: {
    closedchannels: [
      field('short_channel_id', 'channel'),
      short('peer_id', 'peer'),
      field('opener', 'opened by'),
      field('closer', 'closed by'),
      field('close_cause', 'cause'),
      sat('final_to_us_msat', 'ours'),
      sat('total_msat', 'size'),
      count('closed_height', 'block'),
      field('last_commitment_txid', 'closing transaction'),
    ],
  },
  listtransactions: {
    transactions: [
      field('hash', 'transaction'),
      count('blockheight', 'block'),
      count('inputs'),
      count('outputs'),
      {
        title: 'paid out sat',
        cell: ({ outputs }) => satText(`${sumOf(outputs)}`),
        right: true,
      },
    ],
  },
  listchannels: {
    channels: [
      field('short_channel_id', 'channel'),
      short('source', 'from'),
      short('destination', 'to'),
      sat('amount_msat', 'size'),
      count('base_fee_millisatoshi', 'base fee msat'),
      count('fee_per_millionth', 'fee per million'),
      count('delay', 'blocks'),
      field('active'),
    ],
  },
  listnodes: { nodes: [field('nodeid', 'id'), field('alias'), time('last_timestamp', 'announced'), addresses] },
  listinvoices: {
    invoices: [
      field('label'),
      field('status'),
      sat('amount_msat', 'asked'),
      sat('amount_received_msat', 'received'),
      count('parts'),
      field('amp', 'AMP'),
      time('expires_at', 'expires'),
      field('description'),
    ],
  },
  listpays: {
    pays: [
      short('payment_hash', 'hash'),
      field('status'),
      sat('amount_msat', 'amount'),
      sat('amount_sent_msat', 'sent'),
      count('number_of_parts', 'parts'),
      short('destination', 'to'),
      time('created_at', 'begun'),
      field('label'),
      { title: 'error', cell: ({ error }) => plain((error as Json | undefined)?.['message']) },
    ],
  },
  listsets: {
    sets: [
      short('set_id', 'set'),
      field('scheme'),
      field('status'),
      {
        title: 'shares',
        cell: ({ shares: held, shares_expected: expected }) => `${plain(held)}/${plain(expected) || '?'}`,
      },
      count('parts', 'HTLCs'),
      sat('amount_received_msat', 'received'),
      sat('amount_msat', 'asked'),
      field('label'),
      time('first_seen_at', 'first seen'),
    ],
  },
  listconfigs: {
    configs: [
      field('name', 'option'),
      {
        title: 'value',
        cell: ({ value_str: text, value_int: n, value_bool: flag, set, values_str: texts }) =>
          plain(text ?? n ?? flag ?? set ?? texts),
      },
      { title: 'from', cell: ({ source, sources }) => plain(source ?? sources) },
    ],
  },
  pay: { shards },
  keysend: { shards },
  listsendpays: { payments: sentParts },
  delpay: { payments: sentParts },
  probe: {
    attempts: [
      field('status'),
      sat('amount_msat', 'amount'),
      sat('amount_sent_msat', 'sent'),
      route('channel'),
      short('erring_node', 'failed at'),
      field('failcodename', 'failure'),
    ],
  },
  help: { help: [field('command'), field('description', 'what it does')] },
};

/** Sentences about a row, printed below the table. */
const linesBelow: Partial<Record<MethodName, Readonly<Record<string, (row: Json) => readonly string[]>>>> = {
  listpeerchannels: {
    channels: ({ status, short_channel_id: scid, channel_id: id }) =>
      Array.isArray(status) && status.length > 0
        ? [`${plain(scid) || plain(id)}:`, ...status.map((line) => `  ${plain(line)}`)]
        : [],
  },
};

/** A field's name and value for people: satoshi for millisatoshi, dates for seconds. */
const pair = (name: string, value: unknown): readonly [string, string] => {
  if (name.endsWith('_msat')) return [name.slice(0, -'_msat'.length), `${satText(value)} sat`];
  if (name.endsWith('_at')) return [name, `${timeText(value)} UTC`];
  return [name, plain(value)];
};

/** As `pair`, a list of texts on lines of its own, nothing for nothing. */
const pairs = (name: string, value: unknown): readonly (readonly [string, string])[] => {
  if (Array.isArray(value)) return value.map((one, at) => pair(at === 0 ? name : '', one));
  return plain(value) === '' ? [] : [pair(name, value)];
};

const isRow = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

const everything = (rows: readonly Json[]): readonly Column<Json>[] =>
  [...new Set(rows.flatMap((row) => Object.keys(row)))].map((name) => ({
    title: pair(name, 0)[0],
    cell: (row) => (row[name] === undefined ? '' : pair(name, row[name])[1]),
  }));

/** An object of objects reads as a list of them, each with its name. */
const asList = (value: unknown): unknown =>
  isRow(value) && Object.keys(value).length > 0 && Object.values(value).every(isRow)
    ? Object.entries(value).map(([name, row]) => ({ name, ...(row as Json) }))
    : value;

const sections = (name: MethodName, result: Json): readonly (readonly string[])[] => {
  const entries = Object.entries(result)
    .filter(([key]) => key !== 'format-hint')
    .map(([key, value]) => [key, asList(value)] as const);
  const lists = entries.flatMap(([key, value]) =>
    Array.isArray(value) &&
    (views[name]?.[key] !== undefined || (value.length === 0 ? entries.length === 1 : value.every(isRow)))
      ? [{ key, rows: value as readonly Json[] }]
      : [],
  );
  const listed = new Set(lists.map(({ key }) => key));
  const single = entries.flatMap(([key, value]): readonly (readonly [string, string])[] => {
    if (listed.has(key)) return [];
    if (isRow(value)) return Object.entries(value).flatMap(([inner, one]) => pairs(`${key}.${inner}`, one));
    return pairs(key, value);
  });
  return [
    ...(single.length > 0 ? [pairLines(single)] : []),
    ...lists.map(({ key, rows }) => {
      const title = lists.length > 1 || single.length > 0 ? [`${key}:`] : [];
      if (rows.length === 0) return [...title, `no ${key}`];
      const words = rows.flatMap((row) => linesBelow[name]?.[key]?.(row) ?? []);
      const table = tableLines(views[name]?.[key] ?? everything(rows), rows);
      return [...title, ...table, ...(words.length > 0 ? ['', ...words] : [])];
    }),
  ];
};

/** Lines for a terminal; `result` is the method's result as JSON. An empty result is "done". */
export const render = (name: string, result: unknown): string => {
  if (!isRow(result) || Object.keys(result).length === 0) return 'done';
  return sections(name as MethodName, result)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
};
