/** Errors that nothing caught: said with the part they came from, and the node ends in order. */
import { stackOf } from '../base/stacks.ts';
import type { Log } from '../ports/ports.ts';

/** The two events of a process that are about them. */
export interface ProcessEvents {
  on(event: 'unhandledRejection' | 'uncaughtException', listener: (error: unknown) => void): unknown;
  off(event: 'unhandledRejection' | 'uncaughtException', listener: (error: unknown) => void): unknown;
}

/** A place in one of our files, as a stack names it: the innermost of our folders that a path goes through, and what follows. */
const PLACE = /.*\/((?:node|channel|amp|onion|wire)\/[\w/.-]+?)\.[jt]s:\d+/;

/** The file of ours in which an error was made, such as `node/backup/backups`. */
export const partOf = (error: unknown): string => {
  const lines = error instanceof Error ? (stackOf(error) ?? '').split('\n') : [];
  for (const line of lines) {
    const [, part] = line.includes('node_modules') ? [] : (PLACE.exec(line) ?? []);
    if (part !== undefined) return part;
  }
  return 'unknown';
};

/** Watches for such errors until the returned function is called; `end` is told of the first. */
export const onUnhandled = (from: ProcessEvents, log: Log, end: (error: unknown) => void): (() => void) => {
  let said = false;
  const take = (error: unknown): void => {
    log.error({ internal: partOf(error), error }, 'an error that nothing caught; the node stops in order');
    if (said) return;
    said = true;
    end(error ?? new Error('an error that nothing caught'));
  };
  from.on('unhandledRejection', take);
  from.on('uncaughtException', take);
  return () => {
    from.off('unhandledRejection', take);
    from.off('uncaughtException', take);
  };
};
