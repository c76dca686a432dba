/** Timers: periodic ones, and groups that can be cancelled together. */
import type { Clock } from '../ports/ports.ts';

/** Runs a function once a second until the returned function is called. */
export const everySecond = (clock: Pick<Clock, 'after'>, run: () => void): (() => void) => {
  let cancel = () => {};
  const again = () => {
    cancel = clock.after(1000, () => {
      // Set first, so that the next run comes even if this one throws.
      again();
      run();
    });
  };
  again();
  return () => cancel();
};

/** Timers that can be cancelled together. */
export interface TimerGroup {
  /** Runs a function once after that many milliseconds, unless the returned function is called first. */
  readonly run: (ms: number, run: () => void) => () => void;
  /** Cancels all timers; none can be set any more. */
  readonly cancel: () => void;
}

export const timerGroup = (clock: Pick<Clock, 'after'>): TimerGroup => {
  const waiting = new Set<() => void>();
  let over = false;
  return {
    run: (ms, run) => {
      if (over) return () => undefined;
      const cancel = clock.after(ms, () => {
        waiting.delete(cancel);
        run();
      });
      waiting.add(cancel);
      return () => {
        waiting.delete(cancel);
        cancel();
      };
    },
    cancel: () => {
      over = true;
      for (const cancel of waiting) cancel();
      waiting.clear();
    },
  };
};

/**
 * A clock whose timers all end with it, so that a forgotten or late timer does not keep the process alive. Errors of what timers run go to
 * `threw`.
 */
export const endingClock = (clock: Clock, threw: (error: unknown) => void): Clock & { readonly end: () => void } => {
  const { run, cancel } = timerGroup(clock);
  const contained = (work: () => void) => () => {
    try {
      work();
    } catch (error) {
      threw(error);
    }
  };
  return { now: () => clock.now(), after: (ms, work) => run(ms, contained(work)), end: cancel };
};
