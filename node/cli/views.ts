/** Which columns the lists of results get on a terminal, what goes first where it is narrow, and what is said below them. */

import { featureNames } from '../../wire/featurenames.ts';
import type { MethodName } from '../api/table.ts';
import { type Column, satText, shortText } from '../base/table.ts';
import { addresses, channel, count, field, id, type Json, plain, route, sat, short, sumOf, time } from './columns.ts';

const shards: readonly Column<Json>[] = [
  count('index', 'shard'),
  field('status'),
  sat('amount_msat', 'amount'),
  sat('amount_sent_msat', 'sent', { drop: 2 }),
  short('payment_hash', 'hash', { drop: 1 }),
  route('short_channel_id'),
  field('failure', 'failure', { cut: true }),
];

const sentParts: readonly Column<Json>[] = [
  count('created_index', 'index', { drop: 1 }),
  short('payment_hash', 'hash'),
  count('groupid', 'group'),
  count('partid', 'part'),
  field('status'),
  sat('amount_msat', 'amount'),
  sat('amount_sent_msat', 'sent', { drop: 4 }),
  short('destination', 'to', { drop: 2 }),
  time('created_at', 'begun', { drop: 3 }),
  field('label', 'label', { cut: true }),
];

const firstHop = (path: unknown): Json | undefined => (Array.isArray(path) ? path[0] : undefined);

/** What goes into the first channel of a route of getroutes, beyond what arrives. */
const routeFee = ({ path, amount_msat: arrives }: Json): string => {
  const sent = firstHop(path)?.['amount_in_msat'];
  return sent === undefined ? '' : satText(`${BigInt(plain(sent)) - BigInt(plain(arrives))}`);
};

type Views = Partial<Record<MethodName, Readonly<Record<string, readonly Column<Json>[]>>>>;

/** Which columns a list of a result gets; a list without a row here shows all of its fields. */
export const views: Views = {
  listpeers: {
    peers: [id('id', 'id'), field('connected'), count('num_channels', 'channels'), field('netaddr', 'address')],
  },
  listfunds: {
    outputs: [
      {
        title: 'output',
        cell: ({ txid, output }) => `${plain(txid)}:${plain(output)}`,
        short: ({ txid, output }) => `${shortText(txid)}:${plain(output)}`,
      },
      sat('amount_msat', 'amount'),
      field('status'),
      count('blockheight', 'block'),
      field('reserved'),
    ],
    channels: [
      channel,
      short('peer_id', 'peer'),
      field('state', 'state', { cut: true }),
      sat('our_amount_msat', 'ours'),
      sat('amount_msat', 'size'),
      field('connected', 'connected', { drop: 1 }),
    ],
  },
  listpeerchannels: {
    channels: [
      channel,
      short('peer_id', 'peer'),
      field('peer_connected', 'connected', { drop: 2 }),
      field('state', 'state', { cut: true }),
      sat('to_us_msat', 'ours', { drop: 3 }),
      sat('total_msat', 'size', { drop: 4 }),
      sat('spendable_msat', 'can send'),
      sat('receivable_msat', 'can receive'),
      count('htlcs', 'HTLCs', { drop: 1 }),
    ],
  },
  listclosedchannels: {
    closedchannels: [
      channel,
      short('peer_id', 'peer'),
      field('opener', 'opened by', { drop: 3 }),
      field('closer', 'closed by'),
      field('close_cause', 'cause'),
      sat('final_to_us_msat', 'ours'),
      sat('total_msat', 'size', { drop: 4 }),
      count('closed_height', 'block', { drop: 1 }),
      id('last_commitment_txid', 'closing transaction'),
    ],
  },
  listtransactions: {
    transactions: [
      id('hash', 'transaction'),
      { title: 'block', cell: ({ blockheight: height }) => (height === 0 ? 'none' : plain(height)), right: true },
      count('inputs'),
      count('outputs'),
      {
        title: 'paid out sat',
        cell: ({ outputs }) => satText(`${sumOf(outputs)}`),
        right: true,
      },
    ],
  },
  listhtlcs: {
    htlcs: [
      channel,
      field('direction', 'way'),
      count('id'),
      sat('amount_msat', 'amount'),
      count('expiry', 'until block'),
      short('payment_hash', 'hash', { drop: 1 }),
      field('state', 'state', { cut: true }),
    ],
  },
  listforwards: {
    forwards: [
      field('in_channel', 'from'),
      field('out_channel', 'to'),
      sat('in_msat', 'in'),
      sat('fee_msat', 'fee'),
      field('status'),
      time('received_time', 'received', { drop: 1 }),
      field('failreason', 'failure', { cut: true }),
    ],
  },
  listchannels: {
    channels: [
      field('short_channel_id', 'channel'),
      short('source', 'from'),
      short('destination', 'to'),
      sat('amount_msat', 'size'),
      count('base_fee_millisatoshi', 'base msat'),
      count('fee_per_millionth', 'ppm'),
      count('delay', 'blocks'),
      field('active'),
    ],
  },
  listnodes: {
    nodes: [
      id('nodeid', 'id'),
      field('alias', 'alias', { cut: true }),
      time('last_timestamp', 'announced', { drop: 1 }),
      addresses,
    ],
  },
  listinvoices: {
    invoices: [
      field('label', 'label', { cut: true }),
      field('status'),
      sat('amount_msat', 'asked'),
      sat('amount_received_msat', 'received'),
      count('parts', 'parts', { drop: 4 }),
      field('amp', 'AMP', { drop: 3 }),
      time('expires_at', 'expires', { drop: 2 }),
      field('description', 'description', { cut: true }),
    ],
  },
  listpays: {
    pays: [
      short('payment_hash', 'hash'),
      field('status'),
      sat('amount_msat', 'amount'),
      sat('amount_sent_msat', 'sent', { drop: 4 }),
      count('number_of_parts', 'parts', { drop: 2 }),
      short('destination', 'to', { drop: 1 }),
      time('created_at', 'begun', { drop: 3 }),
      field('label', 'label', { cut: true }),
      { title: 'error', cell: ({ error }) => plain((error as Json | undefined)?.['message']), cut: true },
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
      count('parts', 'HTLCs', { drop: 2 }),
      sat('amount_received_msat', 'received'),
      sat('amount_msat', 'asked', { drop: 1 }),
      field('label', 'label', { cut: true }),
      time('first_seen_at', 'first seen', { drop: 3 }),
    ],
  },
  listknowledge: {
    directions: [
      field('short_channel_id', 'channel'),
      short('source', 'from'),
      short('destination', 'to'),
      sat('carried_msat', 'carried'),
      time('carried_at', 'at', { drop: 1 }),
      sat('failed_msat', 'failed'),
      time('failed_at', 'at', { drop: 2 }),
      count('failed_weight_percent', 'counts %'),
    ],
  },
  listconfigs: {
    configs: [
      field('name', 'option'),
      {
        title: 'value',
        cell: ({ value_str: text, value_int: n, value_bool: flag, set, values_str: texts }) =>
          plain(text ?? n ?? flag ?? set ?? texts),
        cut: true,
      },
      { title: 'from', cell: ({ source, sources }) => plain(source ?? sources), cut: true },
    ],
  },
  getroute: {
    route: [id('id', 'to'), field('channel'), sat('amount_msat', 'amount'), count('delay', 'blocks')],
  },
  getroutes: {
    routes: [
      sat('amount_msat', 'amount'),
      { title: 'fee sat', cell: routeFee, right: true },
      count('probability_ppm', 'ppm likely'),
      { title: 'blocks', cell: ({ path }) => plain(firstHop(path)?.['cltv_in']), right: true, drop: 1 },
      route('short_channel_id_dir', 'path'),
    ],
  },
  setchannel: {
    channels: [
      channel,
      short('peer_id', 'peer'),
      { title: 'base msat', cell: ({ fee_base_msat: fee }) => plain(fee), right: true },
      count('fee_proportional_millionths', 'ppm'),
      sat('minimum_htlc_out_msat', 'least'),
      sat('maximum_htlc_out_msat', 'most'),
    ],
  },
  showrunes: {
    runes: [
      count('unique_id', 'id'),
      { title: 'allows', cell: ({ restrictions_as_english: text }) => plain(text) || 'everything', cut: true },
      { title: 'revoked', cell: ({ blacklisted }) => (blacklisted === true ? 'yes' : 'no') },
      time('last_used', 'last used', { drop: 1 }),
      short('rune', 'rune', { drop: 2 }),
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
      sat('amount_sent_msat', 'sent', { drop: 1 }),
      route('channel'),
      short('erring_node', 'failed at'),
      field('failcodename', 'failure', { cut: true }),
    ],
  },
};

const paid = ['status', 'amount_msat', 'amount_sent_msat', 'parts', 'scheme', 'destination'];

/** Fields that stand first for people, where a method's own order begins with what they look for less. */
export const leading: Partial<Record<MethodName, readonly string[]>> = {
  pay: paid,
  keysend: paid,
  xpay: ['amount_msat', 'amount_sent_msat'],
  waitinvoice: ['status'],
  waitanyinvoice: ['status'],
};

/** The features of the one node or peer that was asked for. */
const featureLine = (row: Json, rows: readonly Json[]): readonly string[] => {
  const names = rows.length === 1 ? featureNames(row['features']) : [];
  return names.length === 0 ? [] : [`features: ${names.join(', ')}`];
};

type LinesBelow = (row: Json, rows: readonly Json[]) => readonly string[];

/** Sentences about a row, printed below the table. */
export const linesBelow: Partial<Record<MethodName, Readonly<Record<string, LinesBelow>>>> = {
  listpeerchannels: {
    channels: ({ status, short_channel_id: scid, channel_id: whole }) =>
      Array.isArray(status) && status.length > 0
        ? [`${plain(scid) || plain(whole)}:`, ...status.map((line) => `  ${plain(line)}`)]
        : [],
  },
  listpeers: { peers: featureLine },
  listnodes: { nodes: featureLine },
};
