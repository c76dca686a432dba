/** A replayed step as lines for people, and as a value for programs. */
import { hex } from '../../wire/bytes.ts';
import { printable } from '../../wire/printable.ts';
import { scidText, shortChannelId } from '../../wire/units.ts';
import { fieldAt } from './diff.ts';
import type { ReplayedStep } from './run.ts';
import { Hidden, NamedTable, plainValue } from './values.ts';

/** Characters of a value, and lines of a step's changes and effects, that people are shown. */
const MOST_VALUE = 100;
const MOST_LINES = 30;
/** Bytes that are shown whole. */
const WHOLE_BYTES = 33;

const bytesText = (bytes: Uint8Array): string =>
  bytes.length <= WHOLE_BYTES ? hex(bytes) : `${hex(bytes.subarray(0, 8))}… (${bytes.length} bytes)`;

const SCIDS: ReadonlySet<string> = new Set(['scid', 'alias', 'peerAlias', 'short_channel_id', 'shortChannelId']);

/** A value in one line; `name`: of the field in which it stands. */
const valueText = (value: unknown, name = ''): string => {
  if (value === undefined) return '-';
  if (typeof value === 'bigint' && SCIDS.has(name)) return scidText(shortChannelId(value));
  if (value instanceof Uint8Array) return bytesText(value);
  if (value instanceof Hidden) return `[${value.length} bytes, not recorded]`;
  if (value instanceof NamedTable) return value.names.join(', ');
  if (typeof value === 'string') return printable(value);
  if (Array.isArray(value)) return `[${value.map((one) => valueText(one, name)).join(', ')}]`;
  if (value instanceof Set) return `{${[...value].map((one) => valueText(one)).join(', ')}}`;
  if (typeof value !== 'object' || value === null) return String(value);
  const entries: readonly (readonly [unknown, unknown])[] =
    Symbol.iterator in value ? [...(value as Iterable<readonly [unknown, unknown]>)] : Object.entries(value);
  return `{${entries.map(([key, one]) => `${valueText(key)}: ${valueText(one, String(key))}`).join(', ')}}`;
};

const cut = (text: string, most = MOST_VALUE): string => (text.length <= most ? text : `${text.slice(0, most)}…`);

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;

/** The names that an input or effect goes by: its kind, its message, its event, what it is for. */
const namesOf = (value: unknown): readonly string[] =>
  [
    fieldOf(value, 'type') ?? fieldOf(value, 'do'),
    fieldOf(fieldOf(value, 'message'), 'name'),
    fieldOf(fieldOf(value, 'event'), 'event'),
    fieldOf(fieldOf(value, 'report'), 'event'),
    fieldOf(fieldOf(value, 'outcome'), 'kind'),
    fieldOf(fieldOf(value, 'failure'), 'name'),
    fieldOf(value, 'why'),
  ].filter((name): name is string => typeof name === 'string');

/** Whether a step has to do with a name: of its input, of an effect, or of the phase that it leads to. */
export const isNamed = ({ input, effects, phase, changes }: ReplayedStep, name: string): boolean =>
  [input, ...effects].some((one) => namesOf(one).includes(name)) ||
  (phase === name && changes.some(([path]) => path === 'phase' || path === 'kind'));

/** The fields that say more than the names do. */
const restOf = (value: unknown): string => {
  if (typeof value !== 'object' || value === null) return '';
  const held = fieldOf(value, 'message') ?? fieldOf(value, 'event') ?? fieldOf(value, 'report') ?? value;
  if (typeof held !== 'object' || held === null) return cut(valueText(held));
  if (fieldOf(value, 'do') === 'save') {
    const changes = fieldOf(value, 'changes');
    return cut(Array.isArray(changes) ? changes.map((one) => valueText(fieldOf(one, 'key'))).join(', ') : '');
  }
  const skipped = new Set(['type', 'do', 'name', 'event']);
  const rest = Object.entries(held).filter(([key]) => !skipped.has(key));
  return cut(rest.map(([key, one]) => `${key}=${valueText(one, key)}`).join(' '), 2 * MOST_VALUE);
};

const shownNames = (value: unknown): string => namesOf(value).slice(0, 2).join(' ');

const listed = (label: string, lines: readonly string[]): readonly string[] => {
  const shown = lines.slice(0, MOST_LINES);
  const left = lines.length - shown.length;
  return [...shown, ...(left > 0 ? [`… (${left} more: --json shows all)`] : [])].map(
    (line, i) => `  ${(i === 0 ? label : '').padEnd(8)} ${line}`,
  );
};

/** The step as lines of so many columns at most: its input, what it changed of the state, its effects, and how it differs when made again. */
export const stepText = (one: ReplayedStep, columns: number = Number.POSITIVE_INFINITY): string =>
  stepLines(one)
    .split('\n')
    .map((line) => cut(line, columns - 1))
    .join('\n');

const stepLines = (one: ReplayedStep): string => {
  const when = new Date(one.time).toISOString().slice(11, 23);
  const phase = one.phase === undefined ? '' : `  ${one.phase}`;
  if (one.what === 'full') return `-- the record ends here: its file was full`;
  if (one.what === 'begin')
    return [
      `-- ${when}  begins${phase}${one.name === undefined ? '' : `  ${one.name}`}`,
      ...listed(
        'effects',
        one.effects.map((effect) => `${shownNames(effect)}  ${restOf(effect)}`.trimEnd()),
      ),
    ].join('\n');
  return [
    `#${one.step} ${when}  ${shownNames(one.input)}${phase}`,
    ...listed(
      'input',
      [restOf(one.input)].filter((text) => text !== ''),
    ),
    ...listed(
      'state',
      one.changes.map(
        ([path, was, is]) =>
          `${path}  ${cut(valueText(was, fieldAt(path)), 60)} -> ${cut(valueText(is, fieldAt(path)), 60)}`,
      ),
    ),
    ...listed(
      'effects',
      one.effects.map((effect) => `${shownNames(effect)}  ${restOf(effect)}`.trimEnd()),
    ),
    ...(one.error === undefined ? [] : listed('THROWS', [printable(one.error)])),
    ...listed(
      'DIFFERS',
      one.differences.map((difference) => printable(difference)),
    ),
  ].join('\n');
};

/** The step for programs. */
export const stepJson = (one: ReplayedStep): Readonly<Record<string, unknown>> => ({
  step: one.step,
  time: new Date(one.time).toISOString(),
  name: one.name,
  what: one.what,
  phase: one.phase,
  input: plainValue(one.input),
  context: plainValue(one.context),
  changes: one.changes.map(([path, before, after]) => ({ path, before: plainValue(before), after: plainValue(after) })),
  effects: one.effects.map(plainValue),
  error: one.error,
  replayed: one.isReplayed,
  differences: one.differences,
});
