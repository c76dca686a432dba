/**
 * The table of the store's keys: what each record is, which file writes it, how it is encoded, and whether a lost one can be restored.
 * A key equals a row's key, or begins with it where the row's key ends with '/'. `migrations.ts` brings the records of older schemas to
 * these forms.
 */

/** `no`: its loss loses money or breaks a promise. `chain`, `peers`: can be read again from there. `index`: follows from other records. */
export type Recoverable = 'no' | 'chain' | 'peers' | 'index';

export interface SchemaRow {
  /** The part of its key behind the row's, and what the record is. */
  readonly holds: string;
  /** The file that writes the record. */
  readonly writer: string;
  /** The encoding of its value. */
  readonly codec: string;
  /** The schema that introduced this form. */
  readonly since: number;
  readonly recoverable: Recoverable;
}

const row = (holds: string, writer: string, codec: string, since: number, recoverable: Recoverable): SchemaRow => ({
  ...{ holds, writer, codec, since, recoverable },
});

const table = {
  'meta/schema': row("the schema's number", 'node/store/open.ts', 'u32', 0, 'no'),
  'meta/network': row('the name of the network', 'node/store/open.ts', 'text', 0, 'no'),
  'meta/node': row('the node id', 'node/store/open.ts', '33 bytes', 0, 'no'),
  'meta/fresh': row('a mark: the seed was made together with this store', 'node/store/open.ts', 'empty', 0, 'no'),

  'highest/': row(
    'kind of record: the highest number given when one was deleted',
    'node/store/numbered.ts',
    'u64',
    6,
    'no',
  ),

  'chain/block/': row('height: hash of a block of the branch followed', 'node/chain/cursor.ts', '32 bytes', 0, 'chain'),
  'chain/birth': row('height at which the node began', 'node/chain/cursor.ts', 'digits', 0, 'chain'),
  'chain/first': row('hash of block 1', 'node/chain/cursor.ts', '32 bytes', 0, 'chain'),
  'chain/watch/': row('id: an output or transaction that a part watches', 'node/chain/watcher.ts', 'watched', 0, 'no'),
  'chain/feerates': row('the last fee estimates', 'node/chain/feerate.ts', 'struct', 0, 'chain'),
  'chain/relayfeerates': row('the last relay feerates', 'node/chain/feerate.ts', 'struct', 0, 'chain'),

  'wallet/head': row('height applied, next address indices', 'node/wallet/persist.ts', 'headCodec', 0, 'no'),
  'wallet/coin/': row('outpoint: a confirmed output of the wallet', 'node/wallet/persist.ts', 'coinCodec', 0, 'chain'),
  'wallet/sent/': row('txid: a transaction of the wallet', 'node/wallet/persist.ts', 'sentCodec', 0, 'no'),
  'wallet/reserved/': row('outpoint: who reserved it', 'node/wallet/persist.ts', 'text', 0, 'no'),
  'wallet/givenup/': row('txid: the txid of its replacement', 'node/wallet/persist.ts', 'text', 0, 'no'),
  'wallet/absent/': row('outpoint: since when an input is gone', 'node/wallet/persist.ts', 'heightCodec', 6, 'index'),

  'wallet/tx/': row('number: a mined transaction of the wallet', 'node/wallet/history.ts', 'struct', 6, 'chain'),
  'wallet/txat/': row('height: the numbers of its transactions', 'node/wallet/history.ts', 'list', 6, 'index'),

  'claim/tx/': row('claim: its transaction published last', 'node/sweep/publishedclaim.ts', 'encodePublished', 0, 'no'),
  'claim/script/': row('channel: the script that its claims pay to', 'node/sweep/publishedclaim.ts', 'script', 0, 'no'),

  'channel/': row(
    'channel, name: a record of its state',
    'channel/model/persist.ts',
    'channel/model/records.ts',
    1,
    'no',
  ),
  'over/': row('channel: a mark that it is closed for good', 'node/channels/load.ts', 'empty', 0, 'no'),
  'policy/': row('channel: what it asks of HTLCs where set by itself', 'node/channels/policies.ts', 'codec', 5, 'no'),
  'gift/': row('channel: a forgotten one with push_msat', 'node/channels/forgotten.ts', 'staticRecord', 0, 'no'),

  'replay/': row('half an onion tag: expiry, incoming HTLC', 'node/forward/replayprotection.ts', '16 bytes', 5, 'no'),
  'forward/': row('number: an HTLC that was to be forwarded', 'node/forward/forwardlog.ts', 'codec', 5, 'no'),
  'forwarding/': row('number: a mark that it is under way', 'node/forward/forwardlog.ts', 'empty', 5, 'index'),
  'stats/fees': row('fees earned by forwarding', 'node/forward/forwardingfees.ts', 'msat', 0, 'no'),

  'graph/spent/': row('scid: height at which it was closed', 'node/graph/persist.ts', 'u32', 0, 'chain'),
  'graph/gone/': row('scid: a mark: it is no longer of the graph', 'node/graph/persist.ts', 'empty', 7, 'chain'),
  'graph/unsure': row('a mark: channels may be closed unnoticed', 'node/graph/persist.ts', 'empty', 7, 'no'),
  'graph/peer/': row(
    'node id, scid: its policy of a channel with us',
    'node/graph/peerpolicies.ts',
    'record',
    7,
    'peers',
  ),
  'graph/own/': row('our own latest announcements', 'node/graph/ownannouncements.ts', 'record', 0, 'no'),

  'address/': row('node id: where it was reached last', 'node/peer/addressbook.ts', 'record', 0, 'peers'),

  'invoice/': row('number: an invoice', 'node/pay/invoicerecord.ts', 'encodeInvoiceRecord', 4, 'no'),
  'invoiceopen/': row('number: a mark that it can be paid', 'node/pay/invoices.ts', 'empty', 4, 'index'),
  'invoicepaid/': row(
    'pay_index: the number of the invoice and of its payment',
    'node/pay/invoices.ts',
    'paidMark',
    4,
    'index',
  ),
  'invoiceset/': row(
    'number, count: a payment of an invoice that stays open',
    'node/pay/invoicesets.ts',
    'record',
    5,
    'no',
  ),
  'invoicehash/': row('payment hash, number: an index', 'node/pay/invoices.ts', 'empty', 4, 'index'),
  'invoicelabel/': row('SHA-256 of the label, number: an index', 'node/pay/invoices.ts', 'empty', 4, 'index'),

  'pay/': row('number: a payment of ours', 'node/pay/paymentrecord.ts', 'encodePaymentRecord', 6, 'no'),
  'paying/': row('number: a mark that it is pending', 'node/pay/paymentstore.ts', 'empty', 3, 'index'),
  'payhash/': row('payment hash, number: an index', 'node/pay/paymentstore.ts', 'empty', 3, 'index'),
  'sendpay/': row('number: an HTLC of sendpay', 'node/pay/sendpaystore.ts', 'encodeSendpay', 6, 'no'),
  'sendpaying/': row('number: a mark that it is pending', 'node/pay/sendpaystore.ts', 'empty', 6, 'index'),
  'sendpayhash/': row('payment hash, number: an index', 'node/pay/sendpaystore.ts', 'empty', 6, 'index'),
  'payment/': row('payment id, name: its machine', 'node/pay/payments.ts', 'amp/paymentstore.ts', 2, 'no'),
  'knowledge/': row(
    'scid, node id: what a channel carried away from that node, and what it did not',
    'node/pay/knowledge.ts',
    'codec',
    6,
    'peers',
  ),
  'rune/': row('unique_id: a rune that was issued', 'node/runes/runes.ts', 'text', 6, 'no'),
  'runeused/': row('unique_id: when such a rune was used last', 'node/runes/runes.ts', 'u64', 6, 'no'),
  'runes/revoked': row('the ranges of unique_ids that are revoked', 'node/runes/runes.ts', 'list', 6, 'no'),

  'receiver/': row('name: sets and HTLCs received', 'node/pay/receiver.ts', 'amp/receiverstore.ts', 0, 'no'),

  'dev/commitment/': row('channel, number: an old commitment', 'node/dev/commitments.ts', 'recordsCodec', 0, 'no'),
} as const satisfies Readonly<Record<string, SchemaRow>>;

type Row = keyof typeof table;

/** A prefix of keys: a row that ends with '/', or such a row and more. */
export type KeyPrefix = Extract<Row, `${string}/`> | `${Extract<Row, `${string}/`>}${string}/`;

export const storeSchema: ReadonlyMap<string, SchemaRow> = new Map(Object.entries(table));

/** The row of a key; undefined for a key that the node must not write. */
export const schemaRowOf = (key: string): string | undefined =>
  [...storeSchema.keys()].find((name) => (name.endsWith('/') ? key.startsWith(name) && key !== name : key === name));
