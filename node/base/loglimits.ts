/**
 * A log for what strangers can cause: of each kind of line few for each of them, and few for all together, so that nobody fills a
 * disk or hides what matters among lines of his own making. How many were left out is said soon after. What is about our own money
 * does not go through here.
 */

import type { Log } from '../ports/ports.ts';
import { isLogPart, type LogPart, partLog } from './loglevels.ts';
import { Rates } from './rates.ts';

/** Lines of one kind, of one who causes them and of all of them. */
export const LINES = {
  each: { burst: 20, seconds: 10 },
  all: { burst: 200, seconds: 1 },
} as const;
/** Milliseconds after which it is said what was left out. */
const SAID_AFTER = 60_000;

export interface LogTime {
  /** Unix seconds. */
  readonly now: () => number;
  /** Runs something after that many milliseconds. */
  readonly later: (ms: number, run: () => void) => unknown;
}

type Level = 'debug' | 'info' | 'warn' | 'error';

/** What was left out of one kind. */
interface LeftOut {
  readonly level: Level;
  lines: number;
  /** Who caused the last of them. */
  cause: string;
  readonly part: LogPart | undefined;
}

/** Fields that say who caused a line: a peer, an address that is none yet, a channel. */
const NAMES = ['peer', 'from', 'channel'];

/** Who caused a line, or whoever the log is about; of a node id as much as logs show. */
const causeOf = (fields: object, bound: string): string => {
  const [, value] = Object.entries(fields).find(([name]) => NAMES.includes(name)) ?? [];
  return typeof value === 'string' ? value.slice(0, 16) : bound;
};

/** So many lines at once, then one in so many seconds. */
interface Allowance {
  readonly burst: number;
  readonly seconds: number;
}

/**
 * The log, but with few lines for whoever causes them: the `peer`, `from` or `channel` of a line, or of the log that it goes to.
 * Without `all` those who cause lines take nothing from each other.
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
        `more lines like this were left out: ${message}`,
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
      // Who asked for everything gets everything.
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
