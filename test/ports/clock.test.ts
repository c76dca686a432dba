/** The Clock port of a real machine: a timer ends when it was asked to, however far ahead that is. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../node/base/entropy.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const MONTH = 31 * 24 * 3_600_000;

test.each([0, 1_000, 2 ** 31 - 1, 2 ** 31, 3 * MONTH])('a timer of %d ms ends then, and not before', (ms) => {
  const run = vi.fn();
  systemClock.after(ms, run);
  vi.advanceTimersByTime(Math.max(0, ms - 1));
  expect(run).toHaveBeenCalledTimes(ms === 0 ? 1 : 0);
  vi.advanceTimersByTime(1);
  expect(run).toHaveBeenCalledTimes(1);
});

test('a timer that is taken back never ends, also after a month', () => {
  const run = vi.fn();
  const cancel = systemClock.after(3 * MONTH, run);
  vi.advanceTimersByTime(MONTH);
  cancel();
  vi.advanceTimersByTime(3 * MONTH);
  expect(run).not.toHaveBeenCalled();
});
