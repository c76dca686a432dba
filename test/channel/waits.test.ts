/** A peer that says nothing: what is waited for by the second, how long, and what happens then. */

import { describe, expect, test } from 'vitest';
import { waitLimits } from '../../channel/model/waitlimits.ts';
import { awaitedFromPeer, secondsOf } from '../../channel/rules/waits.ts';
import {
  begin,
  confirm,
  coreOf,
  cut,
  deliver,
  eventsOf,
  expireWait,
  fund,
  give,
  join,
  offerOf,
  type Pair,
  ready,
  restart,
  type Side,
  settle,
  unconfirmed,
} from './pair.ts';
import { answered, at, block, cutWhy, failure, pushed, refusals, unanswered } from './silence.ts';

/** How a side comes to wait for each message that is waited for by the second. */
const timed: Readonly<Record<string, () => readonly [Pair, Side]>> = {
  accept_channel: () => {
    const pair = begin();
    return [pair, pair.a];
  },
  funding_created: () => {
    const pair = begin();
    return [pair, pair.b];
  },
  funding_signed: () => {
    const pair = begin();
    deliver(pair, pair.a);
    fund(pair);
    return [pair, pair.a];
  },
  channel_reestablish: () => {
    const pair = ready(pushed);
    cut(pair);
    join(pair);
    return [pair, pair.a];
  },
  revoke_and_ack: () => {
    const pair = unanswered();
    return [pair, pair.a];
  },
  commitment_signed: () => {
    const pair = unanswered();
    answered(pair);
    deliver(pair, pair.a);
    return [pair, pair.a];
  },
};

describe('a peer that is there', () => {
  test('is waited for by the second in every row of the table that says so, and in no other', () => {
    const rows = Object.entries(waitLimits).filter(([, row]) => 'seconds' in row);
    expect(Object.keys(timed).sort()).toEqual(rows.map(([name]) => name).sort());
  });

  test.each(Object.entries(timed))('is waited for until %s comes, and no longer than its row says', (name, bring) => {
    const [pair, side] = bring();
    const wait = awaitedFromPeer(side.state);
    expect(wait?.name).toBe(name);
    const exits = { abandon: 'abandoned', disconnect: 'open', fail: 'failed' } as const;
    const row = Object.entries(waitLimits).find(([one]) => one === name)?.[1];
    expireWait(pair, side);
    expect(side.state.phase).toBe(exits[row?.exit ?? 'fail']);
    if (row?.exit === 'disconnect') expect(cutWhy(side)).toBe(`peer_silent: awaited ${name}, seconds 60`);
    expect(awaitedFromPeer(side.state)).toBeUndefined();
  });

  test('is waited for as long as the operator says where he may', () => {
    expect(secondsOf({ name: 'revoke_and_ack', id: '' }, 7)).toBe(7);
    expect(secondsOf({ name: 'accept_channel', id: '' }, 7)).toBe(60);
  });

  test('that has not sent channel_ready has no limit for channel_reestablish: lnd sends none before the funding is confirmed', () => {
    const pair = unconfirmed(pushed);
    cut(pair);
    join(pair);
    for (const side of [pair.a, pair.b]) {
      expect(coreOf(side).link.status).toBe('syncing');
      expect(awaitedFromPeer(side.state)).toBeUndefined();
    }
    settle(pair);
    confirm(pair);
    settle(pair);
    cut(pair);
    join(pair);
    expect(awaitedFromPeer(pair.a.state)?.name).toBe('channel_reestablish');
  });

  test('has ten minutes to have its funding transaction signed', () => {
    expect(secondsOf({ name: 'funding_created', id: '' }, 7)).toBe(600);
  });

  test('is not held to what it has said meanwhile', () => {
    const pair = unanswered();
    const wait = awaitedFromPeer(pair.a.state);
    if (wait === undefined) throw new Error('nothing is waited for');
    settle(pair);
    expect(awaitedFromPeer(pair.a.state)).toBeUndefined();
    give(pair, pair.a, { type: 'overdue', wait, seconds: 60 });
    expect(cutWhy(pair.a)).toBeUndefined();
    give(pair, pair.a, { type: 'update_fee', feerate: 2500 });
    give(pair, pair.a, { type: 'sign' });
    expect(awaitedFromPeer(pair.a.state)?.id).not.toBe(wait.id);
  });

  test('that owes a revocation is waited for anew on each connection, and offered nothing more before it comes', () => {
    const pair = unanswered();
    give(pair, pair.a, offerOf(50_000_000n, 1));
    expireWait(pair, pair.a);
    expect(refusals(pair.a)).toEqual(['disconnected']);
    cut(pair);
    join(pair);
    while (deliver(pair, pair.a)) {}
    expect(coreOf(pair.a).link.status).toBe('online');
    expect(awaitedFromPeer(pair.a.state)?.name).toBe('revoke_and_ack');
    give(pair, pair.a, offerOf(50_000_000n, 2));
    expect(refusals(pair.a)).toEqual(['disconnected', 'revocation_overdue']);
    expireWait(pair, pair.a);
    cut(pair);
    join(pair);
    settle(pair);
    give(pair, pair.a, offerOf(50_000_000n, 3));
    settle(pair);
    expect(eventsOf(pair.b, 'received')).toHaveLength(1);
  });

  test('that said error before channel_reestablish is left its twelve blocks', () => {
    const pair = ready(pushed);
    cut(pair);
    join(pair);
    const data = new Uint8Array();
    const message = { name: 'error', channel_id: coreOf(pair.a).channelId, data } as const;
    give(pair, pair.a, { type: 'message', message });
    expect(awaitedFromPeer(pair.a.state)).toBeUndefined();
  });
});

test('a channel whose peer never says channel_ready fails two weeks after its funding confirmed', () => {
  const pair = unconfirmed();
  confirm(pair);
  pair.a.inbox = [];
  const { scid } = coreOf(pair.a).lockin;
  const end = Number((scid ?? 0n) >> 40n) + waitLimits.channel_ready.blocks;
  cut(pair);
  restart(pair, pair.a);
  block(pair, pair.a, end - 1);
  expect(failure(pair.a)).toBeUndefined();
  block(pair, pair.a, end);
  expect(failure(pair.a)).toBe('channel_ready_timeout');
});

test('a node that was away while its funding confirmed hears the peer out before it gives up on channel_ready', () => {
  const pair = unconfirmed();
  cut(pair);
  restart(pair, pair.a);
  confirm(pair);
  const back = 480 + 2 * waitLimits.channel_ready.blocks;
  give(pair, pair.a, { type: 'block', height: back }, { ...at(back), reachableSince: Number.POSITIVE_INFINITY });
  expect(failure(pair.a)).toBeUndefined();
  join(pair);
  settle(pair);
  give(pair, pair.a, { type: 'block', height: back + 6 }, { ...at(back + 6), reachableSince: back });
  expect(pair.a.state.phase).toBe('open');
});
