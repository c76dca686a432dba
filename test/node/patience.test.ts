/** The seconds that channels wait, counted on a clock, and the ping before a signature to a peer that was not heard of lately. */

import { expect, test } from 'vitest';
import type { Input } from '../../channel/model/io.ts';
import { waitLimits } from '../../channel/model/waitlimits.ts';
import type { Entry } from '../../node/channels/entry.ts';
import { idleInput, WaitTimers } from '../../node/channels/waittimers.ts';
import { cut, give, join, offerOf, ready, settle } from '../channel/pair.ts';
import { unanswered } from '../channel/silence.ts';

/** A clock whose timers run when told, and what they were set to, in seconds. */
const handClock = () => {
  const timers = new Map<number, { readonly seconds: number; readonly run: () => void }>();
  let drawn = 0;
  return {
    timers,
    seconds: () => [...timers.values()].map(({ seconds }) => seconds),
    after: (ms: number, run: () => void) => {
      const id = drawn++;
      timers.set(id, { seconds: ms / 1000, run });
      return () => void timers.delete(id);
    },
  };
};

/** As much of a channel's entry as is looked at. */
const entryOf = (pushed: Input[], connection?: Partial<Entry['connection']>): Entry => {
  const entry = { key: 'a', machine: { push: (input: Input) => void pushed.push(input) }, connection };
  return entry as unknown as Entry;
};

test('a wait has one timer, which ends with it, and begins anew on each connection', () => {
  const clock = handClock();
  const pushed: Input[] = [];
  const entry = entryOf(pushed);
  const patience = new WaitTimers(clock, 7);
  const pair = unanswered();
  patience.follow(entry, pair.a.state);
  patience.follow(entry, pair.a.state);
  expect(clock.seconds()).toEqual([7]);
  cut(pair);
  patience.follow(entry, pair.a.state);
  expect(clock.seconds()).toEqual([]);
  join(pair);
  patience.follow(entry, pair.a.state);
  const [again] = clock.timers.values();
  again?.run();
  expect(pushed).toMatchObject([{ type: 'overdue', wait: { name: 'channel_reestablish' }, seconds: 7 }]);
  settle(pair);
  patience.follow(entry, pair.a.state);
  expect(clock.seconds()).toEqual([]);
  expect(waitLimits.revoke_and_ack.seconds).toBe(60);
});

test('a connection that replaces another gives the peer its whole time', () => {
  const clock = handClock();
  const entry = entryOf([], { heardRecently: true });
  const patience = new WaitTimers(clock, 7);
  const pair = ready();
  join(pair);
  patience.follow(entry, pair.a.state);
  const [first] = clock.timers.keys();
  join(pair);
  patience.follow(Object.assign(entry, { connection: { heardRecently: true } }), pair.a.state);
  expect(clock.seconds()).toEqual([7]);
  expect([...clock.timers.keys()]).not.toEqual([first]);
});

test('a peer that was not heard of lately is asked before it is signed to, and signed to once it answers', () => {
  const { a } = ready();
  const pair = ready();
  give(pair, pair.a, offerOf(5_000_000n, 1));
  const pushed: Input[] = [];
  const asked: (() => void)[] = [];
  const pingThen = (_: string, then: () => void): void => void asked.push(then);
  const stale = entryOf(pushed, { heardRecently: false, pingThen });
  expect(idleInput(stale, pair.a.state)).toBeUndefined();
  expect(pushed).toEqual([]);
  asked[0]?.();
  expect(pushed).toEqual([{ type: 'sign' }]);
  expect(idleInput(entryOf([], { heardRecently: true, pingThen }), pair.a.state)).toEqual({ type: 'sign' });
  // What is no signature does not wait for anybody.
  expect(idleInput(stale, a.state)).toEqual({ type: 'prepare' });
  expect(asked).toHaveLength(1);
});
