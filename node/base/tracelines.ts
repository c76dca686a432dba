/** A wire message of a trace, as a JSON line for programs and as lines for people. */
import { printable } from '../../wire/printable.ts';
import { toJson } from './tojson.ts';

/** A message as it crossed the wire. */
export interface TracedMessage {
  /** ISO 8601, with milliseconds. */
  readonly time: string;
  readonly direction: 'in' | 'out';
  /** The peer's node id, in hex. */
  readonly peer: string;
  /** Its name in the BOLTs, or `unknown`. */
  readonly name: string;
  /** Undefined where not even the type is there. */
  readonly type?: number | undefined;
  /** Of the message, type included. */
  readonly bytes: number;
  /** Undefined where the message cannot be read. */
  readonly fields?: Readonly<Record<string, unknown>> | undefined;
  /** Why it cannot be read. */
  readonly error?: string | undefined;
  /** All of it in hex. */
  readonly raw: string;
}

/** Characters of a line for people, unless a terminal has fewer; `raw` has all of the message. */
const COLUMNS = 160;
/** A field has at least this room. */
const LEAST_ROOM = 24;

/** A text in so many characters, with its length where it was cut. */
const shortened = (text: string, room: number): string => {
  const mark = `… (${text.length} characters)`;
  return text.length <= room ? text : `${text.slice(0, Math.max(LEAST_ROOM, room) - mark.length)}${mark}`;
};

/** Field names stand below each other up to this width. */
const WIDEST_NAME = 32;

/** The message as one line of JSON. */
export const traceJson = (message: TracedMessage): string => `${toJson(message)}\n`;

/**
 * The message as lines for people: what it is, its fields in lines of so many columns, and its bytes in one that can be copied, or, where
 * `isCut` says so, as many of them as such a line has room for.
 */
export const traceText = (
  { time, direction, peer, name, type, bytes, fields = {}, error, raw }: TracedMessage,
  columns = COLUMNS,
  isCut = false,
): string => {
  const names = Object.keys(fields);
  const width = Math.min(WIDEST_NAME, Math.max(3, ...names.map((one) => one.length)));
  const room = columns - width - 6;
  const row = (label: string, text: string) => `    ${label.padEnd(width)}  ${text}`;
  return [
    `${time.replace('T', ' ').replace('Z', '')} ${direction === 'in' ? '<-' : '->'} ${peer.slice(0, 16)}  ${name}${type === undefined ? '' : ` (${type})`}, ${bytes} bytes`,
    ...(error === undefined ? [] : [row('malformed', printable(error))]),
    ...names.map((one) => {
      const value = fields[one];
      return row(one, shortened(printable(typeof value === 'string' ? value : toJson(value)), room));
    }),
    row('raw', isCut ? shortened(raw, room) : raw),
    '',
  ].join('\n');
};
