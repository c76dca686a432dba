/** Reads what a recorder wrote. Files come from somebody else: their size, their lines and what stands in them are checked. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { reasonOf } from '../base/fileserror.ts';

/** Bytes of one file: twice what a recorder writes. */
const MOST_BYTES = 128 * 1024 * 1024;
const MOST_FILES = 10_000;

/** A folder or file that is no record, or cannot be read. */
export class RecordError extends Error {
  override readonly name = 'RecordError';
  readonly fault: { readonly code: 'unreadable' | 'not_a_record' | 'no_such_machine'; readonly path: string };
  constructor(code: RecordError['fault']['code'], path: string, message: string) {
    super(message);
    this.fault = { code, path };
  }
}

const kinds = z.enum(['channel', 'payment', 'receiver']);
const begin = z.object({
  event: z.literal('begin'),
  time: z.number(),
  machine: kinds,
  id: z.string(),
  name: z.string().optional(),
  program: z.string(),
  secrets: z.boolean(),
  state: z.unknown(),
  effects: z.array(z.unknown()),
});
const step = z.object({
  event: z.literal('step'),
  time: z.number(),
  name: z.string().optional(),
  input: z.unknown(),
  context: z.unknown(),
  changes: z.array(z.tuple([z.string(), z.unknown(), z.unknown()])).optional(),
  effects: z.array(z.unknown()).optional(),
  error: z.string().optional(),
});
const full = z.object({ event: z.literal('full'), time: z.number() });
const lineShape = z.discriminatedUnion('event', [begin, step, full]);

export type BeginLine = z.output<typeof begin>;
export type StepLine = z.output<typeof step>;
export type Line = z.output<typeof lineShape>;

/** The record of one machine. */
export interface MachineRecord {
  readonly file: string;
  readonly kind: z.output<typeof kinds>;
  readonly id: string;
  /** The last name it had, and all that it had. */
  readonly name: string;
  readonly names: readonly string[];
  readonly secrets: boolean;
  readonly lines: readonly Line[];
  /** The last line was cut, as by a power cut. */
  readonly isCut: boolean;
}

const parsedLine = (text: string, path: string, number: number): Line => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new RecordError('not_a_record', path, `${path} line ${number}: expected JSON`);
  }
  const result = lineShape.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new RecordError(
    'not_a_record',
    path,
    `${path} line ${number}: expected a line of --dev-record: ${issue?.path.join('.')} ${issue?.message}`,
  );
};

/** Reads one machine's file. Throws RecordError that names the line. */
export const readRecord = (path: string): MachineRecord => {
  let text: string;
  try {
    const { size } = statSync(path);
    if (size > MOST_BYTES)
      throw new RecordError('unreadable', path, `${path} has ${size} bytes: expected at most ${MOST_BYTES}`);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof RecordError) throw error;
    throw new RecordError('unreadable', path, `cannot read ${path}: ${reasonOf(error)}`);
  }
  const isCut = text !== '' && !text.endsWith('\n');
  const texts = text.split('\n').slice(0, -1);
  const lines = texts.map((line, at) => parsedLine(line, path, at + 1));
  const [first] = lines;
  if (first?.event !== 'begin')
    throw new RecordError('not_a_record', path, `${path}: expected a record that begins with a machine's state`);
  const names = [...new Set(lines.flatMap((line) => ('name' in line && line.name !== undefined ? [line.name] : [])))];
  return {
    ...{ file: basename(path), kind: first.machine, id: first.id, names, lines, isCut },
    name: names.at(-1) ?? first.id,
    secrets: lines.every((line) => line.event !== 'begin' || line.secrets),
  };
};

/** Every machine in a folder, the earliest first. Throws RecordError. */
export const readRecords = (dir: string): readonly MachineRecord[] => {
  let files: readonly string[];
  try {
    files = readdirSync(dir).filter((name) => name.endsWith('.jsonl'));
  } catch (error) {
    throw new RecordError('unreadable', dir, `cannot read ${dir}: ${reasonOf(error)}`);
  }
  if (files.length === 0 || files.length > MOST_FILES)
    throw new RecordError(
      'not_a_record',
      dir,
      `${dir}: expected 1 to ${MOST_FILES} files NAME.jsonl, as ampere start --dev --dev-record DIR writes them`,
    );
  const records = files.map((name) => readRecord(join(dir, name)));
  return records.sort((a, b) => (a.lines[0]?.time ?? 0) - (b.lines[0]?.time ?? 0));
};

/** The machine that a word means: its id, a name it had, its file, or the first four digits or more. Throws RecordError. */
export const recordOf = (records: readonly MachineRecord[], dir: string, word: string): MachineRecord => {
  const exact = records.filter(
    ({ id, names, file }) => id === word || file === word || file === `${word}.jsonl` || names.includes(word),
  );
  const near =
    word.length < 4
      ? []
      : records.filter(({ id, names }) => id.startsWith(word) || names.some((name) => name.startsWith(word)));
  const found = exact.length > 0 ? exact : near;
  const [only, another] = found;
  if (only !== undefined && another === undefined) return only;
  const all = (found.length > 0 ? found : records).slice(0, 20).map(({ kind, name }) => `${kind} ${name}`);
  throw new RecordError(
    'no_such_machine',
    dir,
    `${found.length === 0 ? 'no machine' : 'several machines'} '${word.slice(0, 100)}' in ${dir}: there are ${all.join(', ')}`,
  );
};
