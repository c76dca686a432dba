/** The machine's clock, which can be put forward: what is due by then happens at once. */
import { systemClock } from '../../node/base/entropy.ts';
import type { Clock } from '../../node/ports/ports.ts';

export interface Hurried extends Clock {
  /** Puts it forward by so many seconds. */
  hurry(seconds: number): void;
}

export const hurriedClock = (): Hurried => {
  let ahead = 0;
  const timers = new Set<{ readonly due: number; readonly run: () => void }>();
  const now = (): number => systemClock.now() + ahead;
  return {
    now,
    after: (ms, run) => {
      const timer = {
        due: now() + ms,
        run: () => {
          stop();
          run();
        },
      };
      const stop = (): void => {
        timers.delete(timer);
        cancel();
      };
      const cancel = systemClock.after(ms, timer.run);
      timers.add(timer);
      return stop;
    },
    hurry: (seconds) => {
      ahead += seconds * 1000;
      const due = [...timers].filter((timer) => timer.due <= now()).sort((a, b) => a.due - b.due);
      for (const timer of due) if (timers.has(timer)) timer.run();
    },
  };
};
