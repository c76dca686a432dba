/** What a lab's page does beside showing: it mines and pays. */
import { h, show } from './dom.ts';
import type { NodeView } from './model.ts';

export interface LabParts {
  readonly mine: (blocks: number) => void;
  readonly pay: (order: Order) => void;
}

export interface Order {
  readonly from: string;
  readonly to: string;
  readonly sat: number;
  readonly shards: number;
  readonly scheme: string;
}

const schemes = ['tree', 'dynamic', 'fixed', 'threshold', 'single'] as const;

export const showMine = (place: Element, { mine }: LabParts): void =>
  show(
    place,
    ...[1, 6].map((blocks) =>
      h(
        'button',
        { type: 'button', 'data-key': `mine-${blocks}`, id: `mine-${blocks}`, click: () => mine(blocks) },
        blocks === 1 ? 'Mine a block' : `Mine ${blocks}`,
      ),
    ),
  );

const field = (label: string, control: HTMLElement): HTMLElement => h('label', {}, h('span', {}, label), control);

/** The form; made once for each set of nodes, so that nothing typed is lost. */
export const showPay = (place: HTMLElement, nodes: readonly NodeView[], { pay }: LabParts): void => {
  const own = nodes.filter((node) => node.own !== undefined);
  const key = own.map(({ id }) => id).join(' ');
  if (own.length < 2 || place.dataset['nodes'] === key) return;
  place.dataset['nodes'] = key;
  const options = (values: readonly (readonly [string, string])[], chosen: number) =>
    values.map(([value, label], i) => h('option', { value, selected: i === chosen }, label));
  const from = h(
    'select',
    { id: 'pay-from' },
    ...options(
      own.map(({ own: name = '', label }) => [name, label]),
      0,
    ),
  );
  const to = h(
    'select',
    { id: 'pay-to' },
    ...options(
      nodes.map(({ id, label }) => [id, label]),
      own.length - 1,
    ),
  );
  const amount = h('input', {
    id: 'pay-sat',
    type: 'number',
    min: 1,
    max: 1_000_000_000,
    value: 50_000,
    required: true,
  });
  const shards = h('input', { id: 'pay-shards', type: 'number', min: 1, max: 64, value: 4, required: true });
  const scheme = h(
    'select',
    { id: 'pay-scheme' },
    ...options(
      schemes.map((name) => [name, name]),
      0,
    ),
  );
  const form = h(
    'form',
    {
      // Another form for other nodes: this one reads its own fields.
      'data-key': key,
      submit: (event) => {
        event.preventDefault();
        pay({
          ...{ from: from.value, to: to.value, scheme: scheme.value },
          ...{ sat: Number(amount.value), shards: Number(shards.value) },
        });
      },
    },
    field('From', from),
    field('To', to),
    field('Satoshi', amount),
    field('Shards', shards),
    field('Scheme', scheme),
    h('button', { type: 'submit', id: 'pay-go', class: 'main' }, 'Pay'),
  );
  show(place, h('h2', {}, 'Pay'), form);
  place.hidden = false;
};
