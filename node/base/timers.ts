/** What a node does again and again, or once a while later. */
import type { Clock } from '../ports/ports.ts';

/** Runs something once a second until the returned function is called. */
export const everySecond = (clock: Pick<Clock, 'after'>, run: () => void): (() => void) => {
  let cancel = () => {};
  const again = () => {
    cancel = clock.after(1000, () => {
      // First, so that a run that throws is not the last.
      again();
      run();
    });
  };
  again();
  return () => cancel();
};

/** Running things later, all of which can be called off together. */
export interface TimerGroup {
  /** Runs something once after that many milliseconds, unless the returned function is called first. */
  readonly run: (ms: number, run: () => void) => () => void;
  /** Nothing more is run. */
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
 * A clock all of whose timers end with it: what forgot to cancel one, or sets one late, keeps no process from ending. What a
 * timer runs and that throws goes to `threw`.
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
