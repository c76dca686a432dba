/**
 * The Log port on pino: readable lines for a person at a terminal, one JSON object a line for everything else. What goes by
 * a secret's name is never written, wherever in a line's fields it stands.
 */

import { type Logger, pino } from 'pino';
import { printable } from '../../wire/printable.ts';
import type { Log } from '../ports/ports.ts';
import { withoutLogins } from './hidden.ts';
import { fileLines, type Lines, type LogLevel, streamLines } from './loglines.ts';

/** Field names whose values are left out. Bytes under other names come out as hex. */
const secret = /(?:password|passphrase|mnemonic|seed|secret|preimage|token|private_?key|authorization|cookie)$/i;
const deepest = 6;

/** Text as it may be written: nothing that hides or turns what stands around it, and no password of a URL. */
const clean = (text: string): string => printable(withoutLogins(text));

/** A field's value as it may be written: secrets hidden, bytes as hex, amounts as digits. */
const writable = (name: string, value: unknown, depth: number): unknown => {
  if (secret.test(name) && value !== undefined && value !== null && typeof value !== 'boolean') return '[hidden]';
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (value instanceof Error) {
    const stack = value.stack?.split('\n').map(clean).join('\n');
    return { ...fields(value, depth + 1), type: value.name, message: clean(value.message), stack };
  }
  if (typeof value === 'string') return clean(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= deepest) return '…';
  if (Array.isArray(value)) return value.map((item) => writable(name, item, depth + 1));
  return fields(value, depth + 1);
};
const fields = (value: object, depth: number): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).map(([name, field]) => [name, writable(name, field, depth)]));

const shown = (value: unknown): string => {
  if (typeof value === 'object' && value !== null && 'type' in value && 'message' in value)
    return printable(`${value.type}: ${value.message}`);
  return printable(typeof value === 'string' ? value : JSON.stringify(value));
};
const stackOf = (value: unknown): readonly string[] =>
  typeof value === 'object' && value !== null && 'stack' in value && typeof value.stack === 'string'
    ? value.stack.split('\n').slice(1)
    : [];

/** Turns pino's JSON lines into `12:00:00.000 info  message  key=value …`. */
const readable = (out: Lines, colour: boolean): Lines => {
  const paint = (code: number, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const colours: Readonly<Record<string, number>> = { debug: 90, info: 36, warn: 33, error: 31 };
  return {
    write: (line, worth) => {
      const { level, time, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
      const clock = new Date(Number(time)).toISOString().slice(11, 23);
      const tail = Object.entries(rest).map(([name, value]) => `${paint(90, `${name}=`)}${shown(value)}`);
      const word = paint(colours[String(level)] ?? 0, String(level).padEnd(5));
      const stack = level === 'error' ? Object.values(rest).flatMap(stackOf) : [];
      out.write(
        `${[`${paint(90, clock)} ${word} ${[printable(String(msg)), ...tail].join('  ')}`, ...stack].join('\n')}\n`,
        worth,
      );
    },
  };
};

/** What pino writes to. Lines that got lost are told before the first one behind them. */
const telling = (out: Lines, lines: Lines): { write(line: string): void } => ({
  write: (line) => {
    const lost = out.takeLost?.() ?? 0;
    if (lost > 0) {
      const msg = 'the log could not be written for a while: so many lines are missing here';
      lines.write(`${JSON.stringify({ level: 'warn', time: Date.now(), lost, msg })}\n`, lost);
    }
    lines.write(line, 1);
  },
});

export interface LogOptions {
  readonly level: LogLevel;
  /** `text` for people, `json` for programs. */
  readonly form: 'text' | 'json';
  readonly colour: boolean;
  readonly out: Lines;
}

const guarded = (logger: Logger): Log => {
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (line: object, message: string) => {
    if (logger.isLevelEnabled(level)) logger[level](fields(line, 0), clean(message));
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (bound) => guarded(logger.child(fields(bound, 0))),
  };
};

/** A log. Lines are written at once, so that the last ones before a crash are there too. */
export const openLog = ({ level, form, colour, out }: LogOptions): Log =>
  guarded(
    pino(
      { level, base: null, formatters: { level: (label) => ({ level: label }) } },
      telling(out, form === 'json' ? out : readable(out, colour)),
    ),
  );

/** The log of a process, and how to open its file anew, where it is one. */
export interface ProcessLog {
  readonly log: Log;
  readonly reopen: (() => void) | undefined;
}

/** To the file, or to standard error where none is named; for people where that is a terminal. Throws FileError. */
export const processLog = (level: LogLevel, path: string | undefined): ProcessLog => {
  if (path !== undefined) {
    const out = fileLines(path);
    return { log: openLog({ level, form: 'json', colour: false, out }), reopen: () => out.reopen() };
  }
  const { isTTY } = process.stderr;
  const colour = isTTY && process.env['NO_COLOR'] === undefined;
  const form = isTTY ? 'text' : 'json';
  return { log: openLog({ level, form, colour, out: streamLines(process.stderr) }), reopen: undefined };
};
