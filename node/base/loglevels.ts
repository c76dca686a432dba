/**
 * How much each part of the node writes to its log: the levels, the parts that can have one of their own, how both are written, and
 * the table that a running log asks.
 */
import type { Log } from '../ports/ports.ts';
import { didYouMean } from './nearest.ts';

/** From everything to nothing. What each is for stands in CONTRIBUTING.md. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

export type LogLevel = (typeof logLevels)[number];

/** The parts of a node that an operator knows; `core` is what belongs to no other. */
export const logParts = [
  'peer',
  'channel',
  'payment',
  'forward',
  'gossip',
  'chain',
  'sweep',
  'wallet',
  'store',
  'api',
  'core',
] as const;

export type LogPart = (typeof logParts)[number];

/** A level for each part, and one for those that have none of their own. */
export interface LogLevels {
  readonly others: LogLevel;
  readonly parts: Readonly<Partial<Record<LogPart, LogLevel>>>;
}

/** What is logged where nothing else is asked for. */
export const defaultLevels: LogLevels = { others: 'info', parts: {} };

const isLevel = (word: string): word is LogLevel => logLevels.some((level) => level === word);
export const isLogPart = (word: unknown): word is LogPart => logParts.some((part) => part === word);

/** Every part once, all with blanks around them: nobody means to write more. */
const LONGEST_TEXT = 500;

/**
 * `info`, `peer=debug,channel=trace` or `info,peer=trace`: a level for all parts, levels for single ones, or both. RangeError says
 * what was expected.
 */
export const logLevelsFrom = (text: string): LogLevels => {
  if (text.length > LONGEST_TEXT) throw new RangeError(`at most ${LONGEST_TEXT} characters`);
  let others: LogLevel | undefined;
  const parts: Partial<Record<LogPart, LogLevel>> = {};
  for (const item of text.split(',')) {
    const [first = '', second, ...more] = item.split('=').map((word) => word.trim());
    const level = second ?? first;
    if (second !== undefined && !isLogPart(first))
      throw new RangeError(
        `PART=LEVEL with a part that there is: ${logParts.join(', ')}${didYouMean(first, logParts)}`,
      );
    if (!isLevel(level) || more.length > 0)
      throw new RangeError(
        second !== undefined || isLogPart(first)
          ? `${first}=LEVEL with one of ${logLevels.join(', ')}${didYouMean(level, logLevels)}`
          : `one of ${logLevels.join(', ')}, or PART=LEVEL with one of ${logParts.join(', ')}${didYouMean(level, logLevels)}`,
      );
    if (second === undefined) {
      if (others !== undefined) throw new RangeError('one level for all parts, not two');
      others = level;
    } else if (isLogPart(first)) {
      if (parts[first] !== undefined) throw new RangeError(`one level for ${first}, not two`);
      parts[first] = level;
    }
  }
  return { others: others ?? defaultLevels.others, parts };
};

/** The same as a text that `logLevelsFrom` reads: `info,peer=trace`. */
export const logLevelsText = ({ others, parts }: LogLevels): string =>
  [others, ...Object.entries(parts).map(([part, level]) => `${part}=${level}`)].join(',');

const rankOf = Object.fromEntries(logLevels.map((level, rank) => [level, rank])) as Readonly<Record<LogLevel, number>>;

/** The levels that a log goes by now; another choice holds from the next line on. */
export class LevelTable {
  private chosen: LogLevels;
  private ranks: Readonly<Record<LogPart, number>>;

  constructor(levels: LogLevels) {
    this.chosen = levels;
    this.ranks = LevelTable.ranksOf(levels);
  }

  private static ranksOf({ others, parts }: LogLevels): Readonly<Record<LogPart, number>> {
    return Object.fromEntries(logParts.map((part) => [part, rankOf[parts[part] ?? others]])) as Record<LogPart, number>;
  }

  get levels(): LogLevels {
    return this.chosen;
  }

  set(levels: LogLevels): void {
    this.chosen = levels;
    this.ranks = LevelTable.ranksOf(levels);
  }

  /** Whether a line of this part at this level is written. */
  allows(part: LogPart, level: LogLevel): boolean {
    return rankOf[level] >= this.ranks[part];
  }
}

/** A log for one part of the node: its lines say so, and its level is that part's. */
export const partLog = (log: Log, part: LogPart): Log => log.child({ part });

/** The same for each of them. */
export const partLogs = (log: Log): Readonly<Record<LogPart, Log>> =>
  Object.fromEntries(logParts.map((part) => [part, partLog(log, part)])) as Record<LogPart, Log>;
