/** What a node does again and again, or once a while later. */
import type { Clock } from './ports.ts';

/** Runs something once a second until the returned function is called. */
export const everySecond = (clock: Pick<Clock, 'after'>, run: () => void): (() => void) => {
  let cancel = () => {};
  const again = () => {
    cancel = clock.after(1000, () => {
      run();
      again();
    });
  };
  again();
  return () => cancel();
};

/** Running things later, all of which can be called off together. */
export interface Later {
  /** Runs something once after that many milliseconds. */
  readonly run: (ms: number, run: () => void) => void;
  /** Nothing more is run. */
  readonly cancel: () => void;
}

export const laterBy = (clock: Pick<Clock, 'after'>): Later => {
  const waiting = new Set<() => void>();
  return {
    run: (ms, run) => {
      const cancel = clock.after(ms, () => {
        waiting.delete(cancel);
        run();
      });
      waiting.add(cancel);
    },
    cancel: () => {
      for (const cancel of waiting) cancel();
      waiting.clear();
    },
  };
};
