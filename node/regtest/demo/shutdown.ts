/**
 * Stops everything that a program has started when it ends: in order when it is asked to stop or fails, at once when asked a second time.
 */
import { stackOf } from '../../base/stacks.ts';

/** Signals by which people and supervisors end a program; the exit code is 128 and the signal's number. */
const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

export interface Guard {
  /** True once everything is being stopped: what fails from then on fails because of that. */
  readonly stopping: boolean;
  /** Takes the guard away. */
  remove(): void;
}

/**
 * Runs `stop` once when a signal comes or an error is caught by nobody, then ends the process. `say` gets a line for a
 * person.
 */
export const stopOnSignals = (stop: () => Promise<void>, say: (line: string) => void): Guard => {
  let stopping = false;
  const end = (code: number, line: string): void => {
    if (stopping) process.exit(code);
    stopping = true;
    say(line);
    stop().then(
      () => process.exit(code),
      (error: unknown) => {
        say(`stopping failed: ${error instanceof Error ? error.message : String(error)}`);
        process.exit(code);
      },
    );
  };
  const handlers = Object.entries(signals).map(
    ([signal, code]) => [signal, () => end(code, `${signal}: stopping everything (again: at once)`)] as const,
  );
  const failed = (error: unknown): void =>
    end(1, `${error instanceof Error ? (stackOf(error) ?? error.message) : String(error)}\nstopping everything`);
  for (const [signal, handler] of handlers) process.on(signal, handler);
  process.on('uncaughtException', failed);
  process.on('unhandledRejection', failed);
  return {
    get stopping() {
      return stopping;
    },
    remove: () => {
      for (const [signal, handler] of handlers) process.removeListener(signal, handler);
      process.removeListener('uncaughtException', failed);
      process.removeListener('unhandledRejection', failed);
    },
  };
};
