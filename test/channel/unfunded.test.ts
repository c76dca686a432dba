/** A channel whose funding is not in the chain: waited for, late, wrong, lost to a rival, taken out by a reorg. */
import { describe, expect, test } from 'vitest';
import type { Input } from '../../channel/model/io.ts';
import { FUNDING_TIMEOUT } from '../../channel/phases/unfunded.ts';
import { COINBASE_MATURITY, isReady } from '../../channel/rules/lockin.ts';
import { text } from '../../wire/bytes.ts';
import { msat, sat } from '../../wire/units.ts';
import {
  acceptRequest,
  begin,
  confirm,
  context,
  coreOf,
  cut,
  deliver,
  eventsOf,
  fund,
  give,
  join,
  kept,
  offerOf,
  openRequest,
  type Pair,
  ready,
  restart,
  type Side,
  secretOf,
  settle,
} from './pair.ts';
import { stateName, summary } from './summary.ts';

/** Both have signed, and the funding transaction is on its way. */
const waiting = (push = 0n): Pair => {
  const pair = begin({ ...openRequest, push: msat(push) });
  deliver(pair, pair.a);
  fund(pair);
  settle(pair);
  return pair;
};

type Depth = Extract<Input, { type: 'funding_depth' }>;
const depthFor = (side: Side, change: Partial<Depth> = {}): Depth => {
  const watch = side.asked.findLast((effect) => effect.do === 'watch_funding');
  if (watch?.do !== 'watch_funding') throw new Error('nothing to watch');
  const { amount, script, depth } = watch;
  return { type: 'funding_depth', depth, height: 480, txIndex: 2, amount, script, ...change };
};

/** The last block at which a fundee still waits: a funding in the last block of its two weeks may still become deep, a coinbase too. */
const patience = context.height + FUNDING_TIMEOUT + COINBASE_MATURITY - 1;

const endings: readonly (readonly [claim: string, bring: (pair: Pair) => void, phase: string])[] = [
  ['waits', () => {}, 'open'],
  [
    'was asked to close at once',
    (pair) => {
      give(pair, pair.b, { type: 'close' });
      settle(pair);
    },
    'negotiating',
  ],
  ['was given up by the peer', (pair) => give(pair, pair.b, peerError(pair)), 'failed'],
  ['was given up by us', (pair) => give(pair, pair.b, { type: 'force_close' }), 'failed'],
];
const peerError = (pair: Pair): Input => ({
  type: 'message',
  message: { name: 'error', channel_id: coreOf(pair.a).channelId, data: new Uint8Array() },
});

describe('two weeks without a funding', () => {
  test.each(endings)('end a channel of the fundee that %s, with all its records', (_, bring, phase) => {
    const pair = waiting(50_000_000n);
    bring(pair);
    expect(pair.b.state.phase).toBe(phase);
    give(pair, pair.b, { type: 'block', height: patience });
    expect(pair.b.state.phase).toBe(phase);
    give(pair, pair.b, { type: 'block', height: patience + 1 });
    expect(pair.b.state.phase).toBe('abandoned');
    expect(pair.b.disk.size).toBe(0);
    expect(eventsOf(pair.b, 'abandoned').map(({ fault }) => fault.code)).toEqual(['funding_timeout']);
    const [{ pushed } = {}] = eventsOf(pair.b, 'abandoned');
    expect(pushed?.params.push).toBe(50_000_000n);
    expect(pushed?.funding).toEqual(coreOf(pair.a).funding);
  });

  test.each([
    [0n, false],
    [353_999n, false],
    [354_000n, true],
  ])('leave something to come back for where %i msat were given: %s', (push, worth) => {
    const pair = waiting(push);
    give(pair, pair.b, { type: 'block', height: patience + 1 });
    expect(eventsOf(pair.b, 'abandoned').map(({ pushed }) => pushed !== undefined)).toEqual([worth]);
  });

  test('are not over for a funding that came in their last block', () => {
    const pair = waiting();
    const height = context.height + FUNDING_TIMEOUT;
    give(pair, pair.b, { type: 'block', height });
    give(pair, pair.b, { type: 'block', height: height + 1 });
    give(pair, pair.b, depthFor(pair.b, { height }));
    give(pair, pair.b, { type: 'block', height: height + 2 });
    give(pair, pair.b, { type: 'block', height: patience + 1 });
    expect(pair.b.state.phase).toBe('open');
  });

  test.each(endings.slice(1))('do not end one whose funding confirmed after it %s', (_, bring, phase) => {
    const pair = waiting();
    bring(pair);
    give(pair, pair.b, depthFor(pair.b, { height: patience - 3 }));
    give(pair, pair.b, { type: 'block', height: patience + 1 });
    expect(pair.b.state.phase).toBe(phase);
    expect(kept(pair.b)).toEqual(pair.b.disk);
  });

  test('mean nothing to the funder, whose money it is', () => {
    const pair = waiting();
    give(pair, pair.a, { type: 'block', height: 100_000 });
    expect(pair.a.state.phase).toBe('open');
    expect(pair.a.broadcasts.map(({ why }) => why)).toEqual(['funding', 'funding']);
  });

  test('let a funder whose funding confirms after the fundee forgot it force-close and get its money back', () => {
    const pair = waiting();
    give(pair, pair.b, { type: 'block', height: patience + 1 });
    settle(pair);
    expect(pair.a.state.phase).toBe('failed');
    expect(pair.a.broadcasts.at(-1)?.why).toBe('commitment');
    give(pair, pair.a, depthFor(pair.a, { height: patience + 10 }));
    give(pair, pair.a, { type: 'block', height: patience + 11 });
    expect(pair.a.broadcasts.slice(-2).map(({ why }) => why)).toEqual(['commitment', 'commitment']);
  });
});

describe('a funding output that is not what was agreed', () => {
  const wrong: readonly (readonly [claim: string, change: Partial<Depth>])[] = [
    ['a satoshi short', { amount: sat(999_999n) }],
    ['a satoshi too much', { amount: sat(1_000_001n) }],
    ['to another script', { script: new Uint8Array(34) }],
    ['that the transaction does not have', { amount: sat(0n), script: new Uint8Array() }],
  ];
  test.each(wrong)('%s ends the channel: no commitment can ever spend it', (_, change) => {
    const pair = waiting();
    give(pair, pair.b, depthFor(pair.b, change));
    expect(pair.b.state.phase).toBe('abandoned');
    expect(pair.b.disk.size).toBe(0);
    expect(pair.b.broadcasts).toEqual([]);
    const error = pair.a.inbox.at(-1);
    expect(error?.name === 'error' && text(error.data)).toBe('wrong_funding_output');
  });
});

describe('a funding that is double-spent', () => {
  test.each(endings)('is given up by the funder whose channel %s, once no reorg can bring it back', (_, bring) => {
    const pair = waiting();
    bring(pair);
    settle(pair);
    const { phase } = pair.a.state;
    for (const depth of [1, 6, 99]) give(pair, pair.a, { type: 'funding_double_spent', depth });
    expect(pair.a.state.phase).toBe(phase);
    expect(kept(pair.a)).toEqual(pair.a.disk);
    give(pair, pair.a, { type: 'funding_double_spent', depth: 100 });
    expect(pair.a.state.phase).toBe('abandoned');
    expect(pair.a.disk.size).toBe(0);
    expect(eventsOf(pair.a, 'abandoned').map(({ fault }) => fault.code)).toEqual(['funding_double_spent']);
  });

  test('after a reorg of a channel in use fails what was offered over it, and what was fulfilled stays fulfilled', () => {
    const pair = ready();
    for (const n of [1, 2]) give(pair, pair.a, offerOf(20_000_000n, n));
    settle(pair);
    give(pair, pair.b, { type: 'fulfill', id: 0n, preimage: secretOf(1) });
    while (deliver(pair, pair.a));
    pair.a.events.length = 0;
    give(pair, pair.a, { type: 'funding_unconfirmed' });
    give(pair, pair.a, { type: 'funding_double_spent', depth: 5 });
    expect(eventsOf(pair.a, 'resolved')).toEqual([]);
    // As deep as any end on chain that an HTLC is failed back for; whoever paid for it need not wait for the channel.
    give(pair, pair.a, { type: 'funding_double_spent', depth: 6 });
    const ends = [
      [0n, 'fulfilled'],
      [1n, 'timed_out'],
    ];
    expect(eventsOf(pair.a, 'resolved').map(({ id, result }) => [id, result.kind])).toEqual(ends);
    expect(pair.a.state.phase).toBe('open');
    give(pair, pair.a, { type: 'funding_double_spent', depth: 100 });
    expect(pair.a.state.phase).toBe('abandoned');
    expect(eventsOf(pair.a, 'resolved').map(({ id, result }) => [id, result.kind])).toEqual([...ends, ...ends]);
    expect(pair.a.events.at(-1)?.event).toBe('abandoned');
  });

  test('does not count while the funding is in the chain', () => {
    const pair = ready();
    const before = pair.a.state;
    give(pair, pair.a, { type: 'funding_double_spent', depth: 100 });
    expect(pair.a.state).toBe(before);
  });

  test('comes back when a reorg takes that one out at a depth of 99', () => {
    const pair = waiting();
    give(pair, pair.a, { type: 'funding_double_spent', depth: 99 });
    confirm(pair);
    settle(pair);
    expect(stateName(pair.a.state)).toBe('CHANNELD_NORMAL');
  });
});

describe('a funding that is a coinbase', () => {
  /** What both sides are told of it at this depth. */
  const mined = (pair: Pair, depth: number, height = 480): void => {
    for (const side of [pair.a, pair.b]) give(pair, side, depthFor(side, { depth, height, txIndex: 0 }));
    settle(pair);
  };
  const states = ({ a, b }: Pair) => [a, b].map(({ state }) => stateName(state));

  test('is used at depth 100 and not before, for no commitment could spend it', () => {
    const pair = waiting();
    for (const depth of [1, 3, 99]) mined(pair, depth);
    expect(states(pair)).toEqual(['CHANNELD_AWAITING_LOCKIN', 'CHANNELD_AWAITING_LOCKIN']);
    expect(pair.a.inbox.concat(pair.b.inbox).filter(({ name }) => name === 'channel_ready')).toEqual([]);
    mined(pair, 100);
    expect(states(pair)).toEqual(['CHANNELD_NORMAL', 'CHANNELD_NORMAL']);
  });

  test('waits as long once more when a reorg put it into another block', () => {
    const pair = waiting();
    mined(pair, 100);
    for (const side of [pair.a, pair.b]) give(pair, side, { type: 'funding_unconfirmed' });
    mined(pair, 99, 483);
    expect(states(pair)).toEqual(['CHANNELD_AWAITING_LOCKIN', 'CHANNELD_AWAITING_LOCKIN']);
    mined(pair, 100, 483);
    expect(states(pair)).toEqual(['CHANNELD_NORMAL', 'CHANNELD_NORMAL']);
  });

  test('is waited for longer where the fundee asked for more', () => {
    const pair = waiting();
    const [deep] = [pair.b].map((side) => depthFor(side, { txIndex: 0, depth: 100 }));
    if (deep === undefined || !('core' in pair.b.state)) throw new Error('no channel');
    const { core } = pair.b.state;
    const local = { ...core.params.local, minimumDepth: 144 };
    pair.b.state = { ...pair.b.state, core: { ...core, params: { ...core.params, local } } };
    give(pair, pair.b, deep);
    expect(coreOf(pair.b).lockin.scid).toBeUndefined();
    give(pair, pair.b, { ...deep, depth: 144 });
    expect(coreOf(pair.b).lockin.scid).toBeDefined();
  });
});

describe('a funding that a reorg takes out again', () => {
  /** A channel with one HTLC either way, out of the chain on both sides. */
  const out = (): Pair => {
    const pair = ready({ ...openRequest, push: msat(300_000_000n) });
    give(pair, pair.a, offerOf(20_000_000n, 1));
    give(pair, pair.b, offerOf(30_000_000n, 2));
    settle(pair);
    for (const side of [pair.a, pair.b]) give(pair, side, { type: 'funding_unconfirmed' });
    return pair;
  };

  test('lets nothing new be offered, and tells to fail what the peer offers all the same', () => {
    const pair = out();
    give(pair, pair.a, offerOf(1_000_000n, 3));
    expect(eventsOf(pair.a, 'offer_refused').map(({ why }) => why.code)).toEqual(['not_ready']);
    expect(stateName(pair.a.state)).toBe('CHANNELD_AWAITING_LOCKIN');

    const lagging = ready();
    give(lagging, lagging.b, { type: 'funding_unconfirmed' });
    give(lagging, lagging.a, offerOf(20_000_000n, 4));
    settle(lagging);
    expect(eventsOf(lagging.b, 'received').map(({ overexposed }) => overexposed)).toEqual([true]);
  });

  test('keeps what was under way, which can still be ended', () => {
    const pair = out();
    give(pair, pair.b, { type: 'fail', id: 0n, reason: new Uint8Array(292) });
    settle(pair);
    expect(eventsOf(pair.a, 'resolved').map(({ result }) => result.kind)).toEqual(['failed']);
    expect(coreOf(pair.a).outgoing.size).toBe(1);
    expect(coreOf(pair.b).outgoing.size).toBe(1);
  });

  test('is as it was once it is deep again, under another id, whatever happened in between', () => {
    const pair = out();
    cut(pair);
    restart(pair, pair.b);
    expect(isReady(coreOf(pair.b))).toBe(false);
    join(pair);
    settle(pair);
    for (const side of [pair.a, pair.b]) give(pair, side, depthFor(side, { height: 483, txIndex: 7 }));
    settle(pair);
    for (const side of [pair.a, pair.b]) {
      expect(stateName(side.state)).toBe('CHANNELD_NORMAL');
      expect(summary(side.state)?.scid).toBe((483n << 40n) | (7n << 16n) | 1n);
      expect(eventsOf(side, 'ready').length).toBe(2);
      expect(kept(side)).toEqual(side.disk);
    }
    give(pair, pair.a, offerOf(1_000_000n, 5));
    settle(pair);
    expect(eventsOf(pair.b, 'received').at(-1)).toMatchObject({ amount: 1_000_000n, overexposed: false });
  });

  test('ends no channel that was in use, however long it is out', () => {
    const pair = ready();
    for (const side of [pair.a, pair.b]) {
      give(pair, side, { type: 'funding_unconfirmed' });
      give(pair, side, { type: 'block', height: patience + 1 });
      expect(side.state.phase).toBe('open');
    }
  });

  test('before channel_ready was said is waited for like a new one', () => {
    const pair = waiting();
    cut(pair);
    give(pair, pair.b, depthFor(pair.b));
    give(pair, pair.b, { type: 'funding_unconfirmed' });
    join(pair);
    settle(pair);
    expect(coreOf(pair.b).lockin).toMatchObject({ sent: false, scid: undefined });
    confirm(pair);
    settle(pair);
    expect(stateName(pair.b.state)).toBe('CHANNELD_NORMAL');
  });
});

test('both sides may open a channel to each other at the same time', () => {
  const there = waiting();
  const back = begin(
    { ...openRequest, key: 'c', seed: new Uint8Array(32).fill(3) },
    { ...acceptRequest, key: 'd', seed: new Uint8Array(32).fill(4) },
  );
  deliver(back, back.a);
  fund(back);
  settle(back);
  expect(coreOf(there.a).channelId).not.toEqual(coreOf(back.a).channelId);
  for (const pair of [there, back]) {
    confirm(pair);
    settle(pair);
    expect(stateName(pair.a.state)).toBe('CHANNELD_NORMAL');
  }
});
