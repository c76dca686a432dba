/** A payment taken apart: its shards over time, and the onion of each, opened layer by layer. */
import { h } from './dom.ts';
import type { Payment } from './lists.ts';
import type { Field, LayerRow, ShardRow } from './rows.ts';
import { cut, duration, sat, statusWords } from './words.ts';

export interface PaymentParts {
  readonly nameOf: (id: string) => string;
  /** Opens the onion of a shard, or closes the one that is open. */
  readonly choose: (shard: ShardRow) => void;
  readonly open: ShardRow | undefined;
  /** The layers of the open one; undefined until the server has answered. */
  readonly layers: readonly LayerRow[] | undefined;
  readonly close: () => void;
}

/** Shards that the waterfall shows. */
const MOST_BARS = 100;

const routeText = (from: string, shard: ShardRow, nameOf: (id: string) => string): string =>
  [from, ...shard.route.map(({ id }) => nameOf(id))].join(' → ');

const waterfall = ({ from, row }: Payment, parts: PaymentParts): HTMLElement => {
  const shards = (row.shards ?? []).slice(0, MOST_BARS);
  const begins = shards.flatMap(({ offered_at }) => offered_at ?? []);
  const ends = shards.flatMap(({ resolved_at }) => resolved_at ?? []);
  const begin = Math.min(...begins);
  const isPending = shards.some(({ status }) => status === 'pending');
  const end = Math.max(isPending ? Date.now() / 1000 : 0, ...ends, begin + 0.001);
  const percent = (at: number): string => `${(100 * (at - begin)) / (end - begin)}%`;
  const bars = shards.map((shard) => {
    const { offered_at = begin, resolved_at = end } = shard;
    const bar = h('span', { class: `bar ${shard.status}` });
    bar.style.setProperty('left', percent(offered_at));
    bar.style.setProperty('width', `max(4px, calc(${percent(begin + resolved_at - offered_at)}))`);
    const isOpen = parts.open?.payment_hash === shard.payment_hash;
    return h(
      'li',
      { 'data-key': shard.payment_hash },
      h(
        'button',
        {
          type: 'button',
          class: `shardrow${isOpen ? ' selected' : ''}`,
          'aria-expanded': String(isOpen),
          click: () => parts.choose(shard),
        },
        h('span', { class: 'who' }, routeText(from, shard, parts.nameOf)),
        h('span', { class: 'sum' }, `${sat(shard.amount_msat)} sat`),
        h('span', { class: 'track' }, bar),
        h(
          'span',
          { class: 'came' },
          shard.status === 'failed' ? (shard.failure ?? 'failed') : duration(resolved_at - offered_at),
        ),
      ),
    );
  });
  return h('ol', { class: 'waterfall', 'aria-label': 'Shards over time' }, ...bars);
};

const fieldTable = (fields: readonly Field[]): HTMLElement =>
  h(
    'table',
    { class: 'fields' },
    h(
      'tbody',
      {},
      ...fields.map(({ hex, name, meaning }) =>
        h('tr', {}, h('th', { scope: 'row' }, name), h('td', { class: 'hex' }, hex), h('td', {}, meaning)),
      ),
    ),
  );

/** Each layer within the one around it, as the packet is. */
const onion = (layers: readonly LayerRow[], nameOf: (id: string) => string): HTMLElement => {
  const [layer, ...inner] = layers;
  if (layer === undefined) return h('p', { class: 'empty' }, 'Nothing is inside.');
  const parts = layer.parts.flatMap(({ title, fields }) => [h('h4', {}, title), fieldTable(fields)]);
  const inside =
    inner.length === 0 ? [h('p', { class: 'core' }, 'No packet is inside: the HMAC is zero.')] : [onion(inner, nameOf)];
  return h(
    'details',
    { class: 'layer', open: true },
    h(
      'summary',
      {},
      `${nameOf(layer.id)} ${layer.role === 'is paid' ? 'is paid' : 'opens its layer and forwards the rest'}`,
    ),
    ...parts,
    ...inside,
  );
};

export const paymentDetail = (payment: Payment, parts: PaymentParts): readonly HTMLElement[] => {
  const { from, row } = payment;
  const fee = BigInt(row.amount_sent_msat ?? 0) - BigInt(row.amount_msat ?? 0);
  const facts = [
    statusWords[row.status],
    ...(row.scheme === undefined ? [] : [`scheme ${row.scheme}`]),
    ...(row.status === 'complete' && fee >= 0n ? [`fee ${sat(fee)} sat`] : []),
    ...(row.label === undefined ? [] : [row.label]),
    ...(row.description === undefined ? [] : [row.description]),
  ];
  const hasShards = (row.shards?.length ?? 0) > 0;
  return [
    h(
      'div',
      { class: 'head' },
      h(
        'h2',
        {},
        `${from} pays ${row.destination === undefined ? '?' : parts.nameOf(row.destination)} ${sat(row.amount_msat ?? 0)} sat`,
      ),
      h(
        'button',
        { type: 'button', class: 'quiet', 'aria-label': 'Close details', 'data-key': 'close', click: parts.close },
        '×',
      ),
    ),
    h('p', { class: 'facts' }, facts.join(' · ')),
    h('p', { class: 'facts hex' }, row.payment_hash),
    ...(row.error === undefined ? [] : [h('p', { class: 'why' }, row.error.message)]),
    ...(hasShards
      ? [waterfall(payment, parts)]
      : [
          h('p', { class: 'empty' }, 'Its shards are not in memory any more: the node keeps those of recent payments.'),
        ]),
    ...(parts.open === undefined
      ? hasShards
        ? [h('p', { class: 'hint' }, 'A shard opens its onion.')]
        : []
      : [
          h('h3', {}, `The onion of shard ${cut(parts.open.payment_hash)}`),
          h(
            'p',
            { class: 'facts' },
            '1,366 bytes at every hop: each opens one layer and passes on the rest, padded to the same length.',
          ),
          parts.layers === undefined ? h('p', { class: 'empty' }, '…') : onion(parts.layers, parts.nameOf),
        ]),
  ];
};
