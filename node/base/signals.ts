/**
 * What the signals of a process do to a node: INT and TERM end it in order, and so does HUP, which reopens the log where that is a
 * file. USR1 and USR2 do nothing: left alone, one opens Node's debugger to everybody on the machine and the other kills.
 */
import type { Log } from '../ports/ports.ts';

type Heard = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2';

/** A process as far as its signals go. */
export interface SignalEvents {
  on(signal: Heard, listener: () => void): unknown;
  off(signal: Heard, listener: () => void): unknown;
}

export interface SignalParts {
  readonly log: Log;
  /** Ends the node in order. Called once. */
  readonly stop: () => void;
  /** Opens the log's file anew; undefined where the log is no file. */
  readonly reopen: (() => void) | undefined;
}

const nothing = (): void => undefined;

/** Nothing comes of USR1 and USR2 from here on, as long as the process runs. */
export const ignoreUserSignals = (from: SignalEvents): void => {
  from.on('SIGUSR1', nothing);
  from.on('SIGUSR2', nothing);
};

/** Heeds the signals until the returned function is called, which leaves those alone that would otherwise be the end. */
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
      log.info({}, 'the log file is opened anew');
    } catch (error) {
      log.error({ error }, 'the log goes on in the file it was in');
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
