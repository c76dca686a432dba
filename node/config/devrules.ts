/**
 * Rules of experiments, parsed from lines of text: at which message a connection is cut, at which save something happens. The lines of
 * `--dev-disconnect` are Core Lightning's, with `<` and `!` for received messages in addition.
 */
import { type MessageName, messages } from '../../wire/message.ts';

const cuts = {
  '-': 'before',
  '@': 'before',
  '+': 'after',
  $: 'drop',
  '0': 'blackhole',
  x: 'disable',
  '=': 'nothing',
  '<': 'taken',
  '!': 'untaken',
} as const;

/**
 * `before` and `after` end the connection before or after the message is sent; `drop` does not send it; `blackhole` sends and receives
 * nothing from this message on, `disable` from the next one on; `nothing` only counts. `taken` ends the connection once a received message
 * was processed, `untaken` before that.
 */
export type DisconnectAction = (typeof cuts)[keyof typeof cuts];

export interface DisconnectRule {
  readonly action: DisconnectAction;
  readonly message: MessageName;
  /** The number of the match at which the rule applies. */
  readonly count: number;
  /** The text of the rule. */
  readonly text: string;
}

const cutWanted =
  'one of - + @ $ 0 x = (sent) or < ! (received), a message such as WIRE_COMMITMENT_SIGNED, and perhaps *2 for the second';

const isCut = (sign: string): sign is keyof typeof cuts => Object.hasOwn(cuts, sign);
const isMessage = (name: string): name is MessageName => Object.hasOwn(messages, name);
const countOf = (digits: string | undefined): number => (digits === undefined ? 1 : Number(digits));

/** A line such as `-WIRE_COMMITMENT_SIGNED*2`. Throws RangeError that says what was expected. */
export const cutRule = (line: string): DisconnectRule => {
  const [, sign = '', name = '', digits] = /^(.)(?:WIRE_)?([A-Za-z_]+)(?:\*(\d{1,9}))?$/.exec(line.trim()) ?? [];
  const message = name.toLowerCase();
  const count = countOf(digits);
  if (!isCut(sign) || !isMessage(message) || count < 1)
    throw new RangeError(`${cutWanted}; got "${line.slice(0, 100)}"`);
  return { action: cuts[sign], message, count, text: line.trim() };
};

/** The rules of a file, one a line; empty lines and those that begin with # do not count. Throws RangeError. */
export const cutRules = (text: string): readonly DisconnectRule[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map(cutRule);

/** A commit, by its keys: every pattern must match one of them. `count`: the number of the matching commit that is meant. */
export interface SavePoint {
  readonly patterns: readonly RegExp[];
  readonly count: number;
  readonly text: string;
}

const pointWanted =
  'keys such as channel/*/head, with commas where a save must have several, and perhaps *2 for the second such save';

/** A pattern of keys: `*` matches anything between two `/`, `**` anything at all. */
const patternOf = (glob: string): RegExp =>
  new RegExp(
    `^${glob
      .split(/(\*\*?)/)
      .map((part) => (part === '**' ? '.*' : part === '*' ? '[^/]*' : part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')))
      .join('')}$`,
  );

/** Parses a save such as `channel/A/head*2`. Throws RangeError that says what was expected. */
export const savePoint = (text: string): SavePoint => {
  const [, globs = '', digits] = /^(.+?)(?:\*([1-9]\d{0,8}))?$/.exec(text.trim()) ?? [];
  const parts = globs.split(',').map((glob) => glob.trim());
  if (parts.some((glob) => !/^[!-~]+$/.test(glob))) throw new RangeError(pointWanted);
  return { patterns: parts.map(patternOf), count: countOf(digits), text: text.trim() };
};

/** When the process dies: before or after the save. */
export interface CrashPoint extends SavePoint {
  readonly when: 'before' | 'after';
}

/** `before:KEYS` or `after:KEYS`, see savePoint. Throws RangeError. */
export const crashPoint = (text: string): CrashPoint => {
  const [, when, point = ''] = /^(before|after):(.*)$/.exec(text.trim()) ?? [];
  if (when !== 'before' && when !== 'after') throw new RangeError(`before: or after:, then ${pointWanted}`);
  return { when, ...savePoint(point), text: text.trim() };
};

/** A save from which on saves are held: for so many milliseconds, otherwise until they are released. */
export interface HoldPoint extends SavePoint {
  readonly milliseconds: number | undefined;
}

/** `KEYS`, or `KEYS@MS`, see savePoint. Throws RangeError. */
export const holdPoint = (text: string): HoldPoint => {
  const [, point = '', digits] = /^(.*?)(?:@(\d{1,7}))?$/.exec(text.trim()) ?? [];
  return { ...savePoint(point), milliseconds: digits === undefined ? undefined : Number(digits), text: text.trim() };
};

/** Whether a commit with these keys matches, whatever the count. */
export const fits = ({ patterns }: SavePoint, keys: readonly string[]): boolean =>
  patterns.every((pattern) => keys.some((key) => pattern.test(key)));
