/** The lists beside the drawing: payments, the latest first, and channels. Each row opens its details. */
import { h, show } from './dom.ts';
import type { Network } from './model.ts';
import type { PayRow } from './rows.ts';
import { cut, sat, short, stateWords, statusWords } from './words.ts';

/** Rows that a list shows. */
const MOST_SHOWN = 60;

export interface Payment {
  /** The name of the node that made it. */
  readonly from: string;
  readonly row: PayRow;
}

export const keyOf = ({ from, row }: Payment): string => `${from} ${row.payment_hash} ${row.created_index}`;

const more = (all: number): string => (all > MOST_SHOWN ? ` (the latest ${MOST_SHOWN} of ${all})` : '');

export const showPayments = (
  place: Element,
  payments: readonly Payment[],
  nameOf: (id: string) => string,
  selected: string,
  choose: (key: string) => void,
): void => {
  const rows = payments.slice(0, MOST_SHOWN).map((payment) => {
    const { from, row } = payment;
    const key = keyOf(payment);
    const shards = row.shards?.length ?? 0;
    return h(
      'li',
      { 'data-key': key },
      h(
        'button',
        {
          type: 'button',
          class: `row ${row.status}${key === selected ? ' selected' : ''}`,
          'aria-pressed': String(key === selected),
          click: () => choose(key),
        },
        h('span', { class: 'who' }, `${from} → ${row.destination === undefined ? '?' : nameOf(row.destination)}`),
        h('span', { class: 'sum' }, `${sat(row.amount_msat ?? 0)} sat`),
        h(
          'span',
          { class: 'what' },
          [row.scheme, shards > 1 ? `${shards} shards` : '', row.label ?? ''].filter(Boolean).join(' · '),
        ),
        h('span', { class: 'status' }, statusWords[row.status]),
      ),
    );
  });
  show(
    place,
    h('h2', {}, `Payments${more(payments.length)}`),
    rows.length === 0 ? h('p', { class: 'empty' }, 'None yet.') : h('ul', { class: 'rows' }, ...rows),
  );
};

export const showChannels = (
  place: Element,
  network: Network,
  selected: string,
  choose: (id: string) => void,
): void => {
  const nameOf = (id: string): string => network.nodes.find((node) => node.id === id)?.label ?? cut(id, 4);
  const rows = network.channels.slice(0, MOST_SHOWN).map((channel) =>
    h(
      'li',
      { 'data-key': channel.id },
      h(
        'button',
        {
          type: 'button',
          class: `row${channel.id === selected ? ' selected' : ''}`,
          'aria-pressed': String(channel.id === selected),
          click: () => choose(channel.id),
        },
        h('span', { class: 'who' }, `${nameOf(channel.a)} – ${nameOf(channel.b)}`),
        h('span', { class: 'sum' }, `${short(channel.ofA)} | ${short(channel.ofB)}`),
        h('span', { class: 'what' }, channel.scid ?? cut(channel.id)),
        h('span', { class: 'status' }, stateWords(channel.state)),
      ),
    ),
  );
  show(
    place,
    h('h2', {}, `Channels${more(network.channels.length)}`),
    rows.length === 0 ? h('p', { class: 'empty' }, 'None yet.') : h('ul', { class: 'rows' }, ...rows),
  );
};
