/**
 * The Log port on pino: readable lines at a terminal, one JSON object a line elsewhere. Fields with the name of a secret are never
 * written, at any depth.
 */

import { type Logger, pino } from 'pino';
import { printable } from '../../wire/printable.ts';
import type { Log } from '../ports/ports.ts';
import { isLogPart, LevelTable, type LogLevel, type LogLevels, type LogPart } from './loglevels.ts';
import { fileLines, type Lines, streamLines } from './loglines.ts';
import { redactLogins } from './redact.ts';
import { stackOf } from './stacks.ts';

/** Field names whose values are left out. Bytes under other names come out as hex. */
const secret = /(?:password|passphrase|mnemonic|seed|secret|preimage|token|private_?key|authorization|cookie)$/i;
const deepest = 6;

/** Text made safe for a log: without control and direction characters, and without the password of a URL. */
const clean = (text: string): string => printable(redactLogins(text));

/**
 * Fields that are written whatever their names, since their author checked each: wire messages have fields with names of secrets that are
 * revealed by then. Texts are made safe all the same.
 */
export class Public {
  readonly fields: Readonly<Record<string, unknown>>;
  constructor(fields: Readonly<Record<string, unknown>>) {
    this.fields = fields;
  }
}

/** A field's value as it may be written: secrets hidden, bytes as hex, amounts as digits. */
const writable = (name: string, value: unknown, depth: number): unknown => {
  if (value instanceof Public) return cleaned(value.fields, depth);
  if (secret.test(name) && value !== undefined && value !== null && typeof value !== 'boolean') return '[hidden]';
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (value instanceof Error) {
    const stack = stackOf(value)?.split('\n').map(clean).join('\n');
    return { ...fields(value, depth + 1), type: value.name, message: clean(value.message), stack };
  }
  if (typeof value === 'string') return clean(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= deepest) return '…';
  if (Array.isArray(value)) return value.map((item) => writable(name, item, depth + 1));
  return fields(value, depth + 1);
};
const cleaned = (value: unknown, depth: number): unknown => {
  if (typeof value === 'string') return clean(value);
  if (typeof value !== 'object' || value === null) return writable('', value, depth);
  if (depth >= deepest) return '…';
  if (Array.isArray(value)) return value.map((item) => cleaned(item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, cleaned(field, depth + 1)]));
};
const fields = (value: object, depth: number): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).map(([name, field]) => [name, writable(name, field, depth)]));

const shown = (value: unknown): string => {
  if (typeof value === 'object' && value !== null && 'type' in value && 'message' in value)
    return printable(`${value.type}: ${value.message}`);
  return printable(typeof value === 'string' ? value : JSON.stringify(value));
};
const stackLines = (value: unknown): readonly string[] =>
  typeof value === 'object' && value !== null && 'stack' in value && typeof value.stack === 'string'
    ? value.stack.split('\n').slice(1)
    : [];

/** Formats pino's JSON lines as `12:00:00.000 info  peer: message  key=value …`. */
const readable = (out: Lines, colour: boolean): Lines => {
  const paint = (code: number, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const colours: Readonly<Record<string, number>> = { trace: 90, debug: 90, info: 36, warn: 33, error: 31 };
  return {
    write: (line, worth) => {
      const { level, time, part, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
      const clock = new Date(Number(time)).toISOString().slice(11, 23);
      const tail = Object.entries(rest).map(([name, value]) => `${paint(90, `${name}=`)}${shown(value)}`);
      const word = paint(colours[String(level)] ?? 0, String(level).padEnd(5));
      const stack = level === 'error' ? Object.values(rest).flatMap(stackLines) : [];
      out.write(
        `${[`${paint(90, clock)} ${word} ${[`${part}: ${printable(String(msg))}`, ...tail].join('  ')}`, ...stack].join('\n')}\n`,
        worth,
      );
    },
  };
};

/** The stream that pino writes to. Before the first line after a gap it writes how many lines were lost. */
const telling = (out: Lines, lines: Lines): { write(line: string): void } => ({
  write: (line) => {
    const lost = out.takeLost?.() ?? 0;
    if (lost > 0) {
      const msg = 'lines are missing here: the log could not be written for a while';
      lines.write(`${JSON.stringify({ level: 'warn', time: Date.now(), part: 'core', lost, msg })}\n`, lost);
    }
    lines.write(line, 1);
  },
});

export interface LogOptions {
  readonly levels: LevelTable;
  /** `text` for people, `json` for programs. */
  readonly form: 'text' | 'json';
  readonly colour: boolean;
  readonly out: Lines;
}

const guarded = (logger: Logger, part: LogPart, levels: LevelTable): Log => {
  const at = (level: Exclude<LogLevel, 'silent'>) => (line: object, message: string) => {
    if (levels.allows(part, level)) logger[level]({ part, ...fields(line, 0) }, clean(message));
  };
  return {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    isTracing: () => levels.allows(part, 'trace'),
    child: ({ part: named = part, ...bound }) =>
      guarded(logger.child(fields(bound, 0)), isLogPart(named) ? named : part, levels),
  };
};

/**
 * A log. Its own lines belong to the part `core`, those of a child with a `part` to that. Lines are written synchronously, so that the
 * last ones before a crash are there, too.
 */
export const openLog = ({ levels, form, colour, out }: LogOptions): Log =>
  guarded(
    pino(
      // Levels are checked before pino sees a line.
      { level: 'trace', base: null, formatters: { level: (label) => ({ level: label }) } },
      telling(out, form === 'json' ? out : readable(out, colour)),
    ),
    'core',
    levels,
  );

/** The log of a process, its levels, and a function that reopens its file, if it writes to one. */
export interface ProcessLog {
  readonly log: Log;
  readonly levels: LevelTable;
  readonly reopen: (() => void) | undefined;
}

/** A log to the file, or to standard error where none is named; readable lines where that is a terminal. Throws FileError. */
export const processLog = (chosen: LogLevels, path: string | undefined): ProcessLog => {
  const levels = new LevelTable(chosen);
  if (path !== undefined) {
    const out = fileLines(path);
    return { log: openLog({ levels, form: 'json', colour: false, out }), levels, reopen: () => out.reopen() };
  }
  const { isTTY } = process.stderr;
  const colour = isTTY && process.env['NO_COLOR'] === undefined;
  const form = isTTY ? 'text' : 'json';
  return { log: openLog({ levels, form, colour, out: streamLines(process.stderr) }), levels, reopen: undefined };
};
