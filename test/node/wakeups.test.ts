import { expect, test } from 'vitest';
import { Wakeups } from '../../node/pay/wakeups.ts';
import type { Clock } from '../../node/ports/ports.ts';

/** A clock that stands at 0 and runs what is due only when told. */
const heldClock = () => {
  const due = new Set<() => void>();
  const clock: Clock = {
    now: () => 0,
    after: (_ms, run) => {
      due.add(run);
      return () => due.delete(run);
    },
  };
  return { clock, due };
};

test('a payment has one wake-up: a later request takes the place of the one before', () => {
  const { clock, due } = heldClock();
  const wakeups = new Wakeups();
  const woken: string[] = [];
  wakeups.set(clock, 'a', 100, () => woken.push('first'));
  wakeups.set(clock, 'a', 50, () => woken.push('second'));
  for (const run of due) run();
  expect(woken).toEqual(['second']);
});

test('no wake-up is left once they are cancelled, and none begins after that', () => {
  const { clock, due } = heldClock();
  const wakeups = new Wakeups();
  wakeups.set(clock, 'a', 100, () => undefined);
  wakeups.cancel();
  wakeups.set(clock, 'b', 100, () => undefined);
  expect(due.size).toBe(0);
});
