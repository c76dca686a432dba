/** How fast HTLCs of one peer fail: as many as a channel holds at once, then twenty a second, each channel for itself. */
import { expect, test } from 'vitest';
import { FailureRateLimit } from '../../node/forward/failureratelimit.ts';
import { heldClock, keptLog } from '../support/quiet.ts';

const paced = () => {
  const clock = heldClock();
  const log = keptLog();
  const pace = new FailureRateLimit(clock, log);
  const failed: string[] = [];
  const fail = (channel: string, count: number): void => {
    for (let n = 0; n < count; n++) pace.run(channel, () => void failed.push(channel));
  };
  return { clock, log, pace, failed, fail };
};

test('what a channel can hold fails at once, what comes on top twenty a second, in order and to the last', () => {
  const { clock, log, pace, failed, fail } = paced();
  fail('a', 483 + 100);
  expect([failed.length, pace.waiting]).toEqual([483, 100]);
  expect(log.lines).toHaveLength(1);
  clock.pass(50);
  expect(failed.length).toBe(484);
  for (let n = 0; n < 20; n++) clock.pass(50);
  expect(failed.length).toBe(504);
  for (let n = 0; n < 79; n++) clock.pass(50);
  expect([failed.length, pace.waiting, clock.waiting]).toEqual([583, 0, 0]);
});

test('a channel does not wait for the failures of another', () => {
  const { failed, fail } = paced();
  fail('a', 1000);
  fail('b', 10);
  expect(failed.filter((channel) => channel === 'b')).toHaveLength(10);
});

test('a channel that was quiet for a while may fail as many again', () => {
  const { clock, failed, fail } = paced();
  fail('a', 483);
  clock.pass(483 * 50);
  fail('a', 483);
  expect(failed).toHaveLength(966);
});

test('one that fails twenty a second never waits', () => {
  const { clock, pace, fail } = paced();
  fail('a', 483);
  for (let n = 0; n < 100; n++) {
    clock.pass(50);
    fail('a', 1);
    expect(pace.waiting).toBe(0);
  }
});

test('nothing waits after the end', () => {
  const { clock, pace, failed, fail } = paced();
  fail('a', 500);
  pace.stop();
  clock.pass(10_000);
  fail('a', 5);
  expect([failed.length, pace.waiting, clock.waiting]).toEqual([483, 0, 0]);
});
