/** An `error` of the peer's: it always ends the channel, but before channel_reestablish it does not make us publish what may be old. */
import { describe, expect, test } from 'vitest';
import { signedLocalCommitment } from '../../channel/rules/commitmentupdates.ts';
import { transactionId } from '../../channel/tx/transaction.ts';
import { equal, utf8 } from '../../wire/bytes.ts';
import { msat } from '../../wire/units.ts';
import {
  context,
  coreOf,
  cut,
  deliver,
  eventsOf,
  features,
  give,
  join,
  offerOf,
  openRequest,
  type Pair,
  ready,
  restart,
  type Side,
  settle,
} from './pair.ts';
import { txOf } from './world.ts';

const error = (pair: Pair, side: Side): void =>
  give(pair, side, {
    type: 'message',
    message: { name: 'error', channel_id: coreOf(side).channelId, data: utf8('go away') },
  });
const block = (pair: Pair, side: Side, after: number): void =>
  give(pair, side, { type: 'block', height: context.height + after });
const pay = (pair: Pair, n: number): void => {
  give(pair, pair.a, offerOf(5_000_000n, n));
  settle(pair);
};
const inUse = (): Pair => {
  const pair = ready({ ...openRequest, push: msat(400_000_000n) });
  pay(pair, 1);
  pair.b.broadcasts.length = 0;
  return pair;
};

/** A channel whose peer says `error` first on a new connection; what it says else is still on its way. */
const erred = (): Pair => {
  const pair = inUse();
  cut(pair);
  join(pair);
  error(pair, pair.b);
  return pair;
};

/** The same of a side that came back with a disk from before two payments. */
const behind = (): Pair => {
  const pair = inUse();
  const old = new Map(pair.b.disk);
  for (const n of [2, 3]) pay(pair, n);
  cut(pair);
  pair.b.disk.clear();
  for (const [key, value] of old) pair.b.disk.set(key, value);
  restart(pair, pair.b);
  join(pair);
  pair.b.broadcasts.length = 0;
  error(pair, pair.b);
  return pair;
};

test('an error after channel_reestablish fails the channel at once', () => {
  const pair = inUse();
  error(pair, pair.b);
  expect(eventsOf(pair.b, 'failed')).toMatchObject([{ fault: { code: 'peer_error' }, broadcast: true }]);
  expect(pair.b.broadcasts.map(({ why }) => why)).toEqual(['commitment']);
});

describe('an error before channel_reestablish', () => {
  test('publishes nothing, and no HTLC is offered any more', () => {
    const pair = erred();
    give(pair, pair.b, offerOf(1_000_000n, 9));
    expect(eventsOf(pair.b, 'offer_refused')).toHaveLength(1);
    expect(eventsOf(pair.b, 'warned')).toMatchObject([{ text: expect.stringContaining('go away') }]);
    expect(pair.b.broadcasts).toEqual([]);
  });

  test('fails the channel as soon as the peer proves that our state is the latest', () => {
    const pair = erred();
    deliver(pair, pair.b);
    expect(eventsOf(pair.b, 'failed')).toMatchObject([{ fault: { code: 'peer_error' }, broadcast: true }]);
    expect(pair.b.broadcasts.map(({ why }) => why)).toEqual(['commitment']);
  });

  test('fails the channel also where the peer proves that on a later connection', () => {
    const pair = erred();
    cut(pair);
    join(pair);
    settle(pair);
    expect(pair.b.broadcasts.map(({ why }) => why)).toEqual(['commitment']);
  });

  test('never publishes our commitment where the peer proves that we are behind', () => {
    const pair = behind();
    deliver(pair, pair.b);
    expect(eventsOf(pair.b, 'failed')).toMatchObject([{ fault: { code: 'we_are_behind' }, broadcast: false }]);
    block(pair, pair.b, 40);
    expect(pair.b.broadcasts).toEqual([]);
  });

  test('never publishes our commitment once the peer’s commitment is in the chain', () => {
    const pair = behind();
    cut(pair);
    const tx = signedLocalCommitment(coreOf(pair.a));
    give(pair, pair.b, { type: 'funding_spent', tx, height: context.height + 11 });
    expect(eventsOf(pair.b, 'spent')).toMatchObject([{ by: 'unknown', txid: transactionId(txOf(tx)) }]);
    block(pair, pair.b, 40);
    give(pair, pair.b, { type: 'funding_unspent' });
    expect(pair.b.broadcasts).toEqual([]);
  });

  test('fails the channel after twelve blocks without proof or commitment, whatever else the peer sends', () => {
    const pair = erred();
    block(pair, pair.b, 6);
    cut(pair);
    give(pair, pair.b, { type: 'connected', features }, { ...context, height: context.height + 6 });
    error(pair, pair.b);
    block(pair, pair.b, 11);
    expect(pair.b.broadcasts).toEqual([]);
    block(pair, pair.b, 12);
    expect(pair.b.broadcasts.map(({ why }) => why)).toEqual(['commitment']);
  });

  test('publishes at once a closing that both have signed', () => {
    const pair = ready();
    give(pair, pair.a, { type: 'close' });
    settle(pair);
    const agreed = pair.b.broadcasts.at(-1)?.tx ?? new Uint8Array();
    cut(pair);
    join(pair);
    error(pair, pair.b);
    expect(eventsOf(pair.b, 'failed')).toHaveLength(1);
    const last = pair.b.broadcasts.at(-1);
    expect(last?.why).toBe('closing');
    expect(equal(last?.tx ?? new Uint8Array(), agreed)).toBe(true);
  });
});
