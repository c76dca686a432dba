/** A channel taken apart: the commitments of its ends, HTLCs under way, and what is waited for. */
import { h } from './dom.ts';
import type { ChannelView } from './model.ts';
import type { ChannelRow, HtlcRow } from './rows.ts';
import { cut, sat, stateWords } from './words.ts';

export interface ChannelParts {
  readonly nameOf: (id: string) => string;
  /** Closes the channel; undefined where this page may not. */
  readonly closeChannel: ((how: 'mutual' | 'force') => void) | undefined;
  /** Whether it was asked if one is sure to publish the commitment, and what asks. */
  readonly isAsked: boolean;
  readonly ask: () => void;
  readonly close: () => void;
}

const htlcTable = (htlcs: readonly HtlcRow[]): HTMLElement =>
  h(
    'table',
    { class: 'htlcs' },
    h(
      'thead',
      {},
      h('tr', {}, ...['', 'Amount', 'Expires', 'Hash', 'State'].map((title) => h('th', { scope: 'col' }, title))),
    ),
    h(
      'tbody',
      {},
      ...htlcs
        .slice(0, 100)
        .map((htlc) =>
          h(
            'tr',
            {},
            h('td', {}, htlc.direction === 'out' ? 'offers' : 'gets'),
            h('td', {}, `${sat(htlc.amount_msat)} sat`),
            h('td', {}, `block ${htlc.expiry}`),
            h('td', { class: 'hex' }, cut(htlc.payment_hash)),
            h('td', {}, htlc.state),
          ),
        ),
    ),
  );

const endOf = (name: string, row: ChannelRow): HTMLElement => {
  const numbers = row.commitment_numbers;
  const facts: readonly (readonly [string, string])[] = [
    ['balance', `${sat(row.to_us_msat)} sat of ${sat(row.total_msat)}`],
    ['can send', `${sat(row.spendable_msat)} sat`],
    ['can receive', `${sat(row.receivable_msat)} sat`],
    ...(numbers === undefined
      ? []
      : [['commitments', `its own is number ${numbers.local}, its peer's ${numbers.remote}`] as const]),
    ...(row.feerate === undefined ? [] : [['feerate', `${row.feerate.perkw} sat per 1,000 weight`] as const]),
    ['HTLCs', row.htlcs.length === 0 ? 'none under way' : `${row.htlcs.length} under way`],
    ['peer', row.peer_connected ? 'connected' : 'away'],
  ];
  return h(
    'section',
    { class: 'end' },
    h('h3', {}, `${name} says`),
    h('dl', {}, ...facts.flatMap(([term, text]) => [h('dt', {}, term), h('dd', {}, text)])),
    row.htlcs.length > 0 && htlcTable(row.htlcs),
    row.status.length > 0 && h('h4', {}, 'Waits and events'),
    row.status.length > 0 && h('ul', { class: 'waits' }, ...row.status.map((line) => h('li', {}, line))),
  );
};

export const channelDetail = (
  channel: ChannelView,
  { nameOf, closeChannel, isAsked, ask, close }: ChannelParts,
): readonly HTMLElement[] => {
  const [first] = channel.rows.values();
  const canClose =
    closeChannel !== undefined && ['CHANNELD_NORMAL', 'CHANNELD_AWAITING_LOCKIN'].includes(channel.state);
  const canForce = closeChannel !== undefined && /^(CHANNELD|CLOSINGD)_/.test(channel.state);
  return [
    h(
      'div',
      { class: 'head' },
      h('h2', {}, `Channel of ${nameOf(channel.a)} and ${nameOf(channel.b)}`),
      h(
        'button',
        { type: 'button', class: 'quiet', 'aria-label': 'Close details', 'data-key': 'close', click: close },
        '×',
      ),
    ),
    h(
      'p',
      { class: 'facts' },
      [
        channel.scid ?? 'no short_channel_id yet',
        stateWords(channel.state),
        first?.private === true ? 'unannounced' : 'announced',
      ].join(' · '),
    ),
    h('p', { class: 'facts hex' }, channel.id),
    ...(canClose || canForce
      ? [
          h(
            'p',
            { class: 'actions', 'data-key': 'actions' },
            canClose &&
              h('button', { type: 'button', 'data-key': 'mutual', click: () => closeChannel?.('mutual') }, 'Close'),
            // It wants to be pressed twice.
            canForce &&
              h(
                'button',
                {
                  type: 'button',
                  class: 'danger',
                  'data-key': 'force',
                  click: () => (isAsked ? closeChannel?.('force') : ask()),
                },
                isAsked ? 'Publish the commitment: sure?' : 'Force close',
              ),
          ),
        ]
      : []),
    h('div', { class: 'ends' }, ...[...channel.rows].map(([name, row]) => endOf(name, row))),
    ...(first === undefined
      ? []
      : [h('p', { class: 'facts hex' }, `funding output ${first.funding_txid}:${first.funding_outnum}`)]),
  ];
};
