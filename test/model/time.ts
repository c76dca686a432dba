/** Time that passes when told. Timers belong to a process and end with it. */
import type { Clock } from '../../node/ports/ports.ts';

interface Timer {
  readonly due: number;
  readonly run: () => void;
  readonly sleeps: () => boolean;
}

export class Time {
  /** Milliseconds since 1970. */
  now = 1_700_000_000_000;
  private readonly timers = new Set<Timer>();

  /** A clock for one process, whose timers wait while it `sleeps`, and what stops them all. */
  clock(sleeps: () => boolean): Clock & { readonly end: () => void } {
    const own = new Set<Timer>();
    let ended = false;
    return {
      now: () => this.now,
      after: (ms, run) => {
        const timer: Timer = { due: this.now + ms, run, sleeps };
        const stop = (): void => {
          own.delete(timer);
          this.timers.delete(timer);
        };
        if (!ended) {
          own.add(timer);
          this.timers.add(timer);
        }
        return stop;
      },
      end: () => {
        ended = true;
        for (const timer of own) this.timers.delete(timer);
      },
    };
  }

  /** Goes forward, and gives the timers that are due by then, earliest first; one is run unless it was stopped meanwhile. */
  pass(ms: number): readonly (() => void)[] {
    this.now += ms;
    const due = [...this.timers]
      .filter(({ due, sleeps }) => due <= this.now && !sleeps())
      .sort((a, b) => a.due - b.due);
    return due.map((timer) => () => {
      if (this.timers.delete(timer)) timer.run();
    });
  }
}
