/**
 * A log for lines that strangers can cause: it writes few lines of a kind for each cause, and few for all together, so that nobody can fill
 * the disk or hide important lines. A summary of suppressed lines follows soon after. Lines about our own money are not limited.
 */

import type { Log } from '../ports/ports.ts';
import { isLogPart, type LogPart, partLog } from './loglevels.ts';
import { Rates } from './rates.ts';

/** Limits for lines of one kind: by cause, and for all causes together. */
export const LINES = {
  each: { burst: 20, seconds: 10 },
  all: { burst: 200, seconds: 1 },
} as const;
/** Milliseconds after which suppressed lines are summed up. */
const SAID_AFTER = 60_000;

export interface LogTime {
  /** Unix seconds. */
  readonly now: () => number;
  /** Runs something after that many milliseconds. */
  readonly later: (ms: number, run: () => void) => unknown;
}

type Level = 'debug' | 'info' | 'warn' | 'error';

/** Suppressed lines of one kind. */
interface LeftOut {
  readonly level: Level;
  lines: number;
  /** The cause of the last of them. */
  cause: string;
  readonly part: LogPart | undefined;
}

/** Fields that name the cause of a line: a peer, the address of a connection, a channel. */
const NAMES = ['peer', 'from', 'channel'];

/** The cause of a line, or the one that the log is bound to; node ids are shortened as in logs. */
const causeOf = (fields: object, bound: string): string => {
  const [, value] = Object.entries(fields).find(([name]) => NAMES.includes(name)) ?? [];
  return typeof value === 'string' ? value.slice(0, 16) : bound;
};

/** A burst of lines, then one in each `seconds`. */
interface Allowance {
  readonly burst: number;
  readonly seconds: number;
}

/**
 * The same log with limits by cause: the `peer`, `from` or `channel` of a line, or of the log that it is written to. Without `all`, causes
 * do not affect each other.
 */
export const limitedLog = (
  log: Log,
  { now, later }: LogTime,
  limits: { readonly each: Allowance; readonly all?: Allowance } = LINES,
): Log => {
  const each = new Rates(limits.each.burst, limits.each.seconds);
  const all = limits.all && new Rates(limits.all.burst, limits.all.seconds);
  const leftOut = new Map<string, LeftOut>();

  const say = (): void => {
    const kinds = [...leftOut];
    leftOut.clear();
    for (const [message, { level, lines, cause, part }] of kinds)
      (part === undefined ? log : partLog(log, part))[level](
        { lines, ...(cause !== '' && { last: cause }) },
        `more lines like this were suppressed: ${message}`,
      );
  };
  const leave = (level: Level, message: string, cause: string, part: LogPart | undefined): void => {
    if (leftOut.size === 0) later(SAID_AFTER, say);
    const kind = leftOut.get(message) ?? { level, lines: 0, cause, part };
    kind.lines++;
    kind.cause = cause;
    leftOut.set(message, kind);
  };

  const limited = (to: Log, bound: string, part: LogPart | undefined): Log => {
    const at = (level: Level) => (fields: object, message: string) => {
      const cause = causeOf(fields, bound);
      const time = now();
      const own = `${cause} ${message}`;
      if (!each.allows(own, time) || all?.allows(message, time) === false) {
        leave(level, message, cause, part);
        return;
      }
      each.count(own, time);
      all?.count(message, time);
      to[level](fields, message);
    };
    return {
      // At level trace nothing is suppressed.
      trace: (fields, message) => to.trace(fields, message),
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      isTracing: () => to.isTracing(),
      child: (fields) => {
        const { part: named } = fields;
        return limited(to.child(fields), causeOf(fields, bound), isLogPart(named) ? named : part);
      },
    };
  };
  return limited(log, '', undefined);
};
