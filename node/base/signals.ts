/**
 * Signals of the process: INT and TERM stop the node in order. HUP reopens the log file, or stops the node where the log is no file. USR1
 * and USR2 are ignored: by default USR1 opens Node's debugger to everybody on the machine, and USR2 kills the process.
 */
import type { Log } from '../ports/ports.ts';

type Heard = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2';

/** The part of a process that emits signals. */
export interface SignalEvents {
  on(signal: Heard, listener: () => void): unknown;
  off(signal: Heard, listener: () => void): unknown;
}

export interface SignalParts {
  readonly log: Log;
  /** Stops the node in order. Called once. */
  readonly stop: () => void;
  /** Reopens the log file; undefined where the log is no file. */
  readonly reopen: (() => void) | undefined;
}

const nothing = (): void => undefined;

/** Ignores USR1 and USR2 for the rest of the process. */
export const ignoreUserSignals = (from: SignalEvents): void => {
  from.on('SIGUSR1', nothing);
  from.on('SIGUSR2', nothing);
};

/** Handles the signals until the returned function is called; USR1 and USR2 stay ignored. */
export const onSignals = (from: SignalEvents, { log, stop, reopen }: SignalParts): (() => void) => {
  let stopping = false;
  const ending = (signal: Heard) => () => {
    if (stopping) {
      log.info({ signal }, 'already stopping');
      return;
    }
    stopping = true;
    log.info({ signal }, 'stopping');
    stop();
  };
  const reopening = () => {
    try {
      reopen?.();
      log.info({}, 'reopened the log file');
    } catch (error) {
      log.error({ error }, 'the log file could not be reopened; the log goes on in the old one');
    }
  };
  const heeded: readonly (readonly [Heard, () => void])[] = [
    ['SIGINT', ending('SIGINT')],
    ['SIGTERM', ending('SIGTERM')],
    ['SIGHUP', reopen === undefined ? ending('SIGHUP') : reopening],
  ];
  ignoreUserSignals(from);
  for (const [signal, listener] of heeded) from.on(signal, listener);
  return () => {
    for (const [signal, listener] of heeded) from.off(signal, listener);
  };
};
