/** Ports for tests: a log that keeps its lines, a clock whose time passes when the test says so. */
import type { Clock, Log } from '../../node/ports/ports.ts';

export interface KeptLog extends Log {
  readonly lines: readonly string[];
}

/** A log that keeps `level: message`; children write to the same lines. */
export const keptLog = (): KeptLog => {
  const lines: string[] = [];
  const at = (level: string) => (_fields: object, message: string) => void lines.push(`${level}: ${message}`);
  const log: KeptLog = {
    lines,
    trace: at('trace'),
    isTracing: () => false,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => log,
  };
  return log;
};

export interface HeldClock extends Clock {
  /** Lets that many milliseconds pass, running what falls due. */
  pass(ms: number): void;
  /** How many timers are set. */
  readonly waiting: number;
}

/** A clock that stands still unless told. */
export const heldClock = (): HeldClock => {
  let now = 0;
  const timers = new Set<{ readonly due: number; readonly run: () => void }>();
  return {
    now: () => now,
    after: (ms, run) => {
      const timer = { due: now + ms, run };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    pass: (ms) => {
      now += ms;
      for (const timer of [...timers].sort((a, b) => a.due - b.due)) {
        if (timer.due > now || !timers.delete(timer)) continue;
        timer.run();
      }
    },
    get waiting() {
      return timers.size;
    },
  };
};

/** Resolves once `holds` does, looking again after each turn of the event loop. */
export const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise(setImmediate);
};
