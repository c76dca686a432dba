/**
 * Keeps every step of every machine in a folder: a file of JSON lines for each machine, which begins with its state and goes on with
 * one line for each input. Bounded; what cannot be written ends the recording, and changes nothing of the node.
 */
import { appendFileSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FileError, reasonOf } from '../base/fileserror.ts';
import type { PureStep, RecordedMachine, StepRecorder } from '../base/recording.ts';
import { version } from '../base/version.ts';
import type { Clock, Log } from '../ports/ports.ts';
import { changesOf, fieldAt } from './diff.ts';
import { encoded, type Keep } from './values.ts';

export interface RecorderOptions {
  readonly dir: string;
  /** Whether seeds, keys, secrets and preimages are recorded: without them nothing can be computed again. */
  readonly secrets: boolean;
}

export interface RecorderLimits {
  /** Bytes of one file and of all, and how many files there are, at most. */
  readonly file: number;
  readonly total: number;
  readonly files: number;
}

const usualLimits: RecorderLimits = { file: 64 * 1024 * 1024, total: 1024 * 1024 * 1024, files: 10_000 };

/** One machine's file. */
interface File {
  readonly path: string;
  size: number;
  isFull: boolean;
}

const sizeOf = (path: string): number => {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
};

class Recorder implements StepRecorder {
  private readonly options: RecorderOptions;
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly limits: RecorderLimits;
  private readonly keep: Keep;
  private readonly files = new Map<string, File>();
  private total = 0;
  private isOver = false;

  constructor(options: RecorderOptions, parts: { readonly clock: Clock; readonly log: Log }, limits: RecorderLimits) {
    this.options = options;
    this.clock = parts.clock;
    this.log = parts.log;
    this.limits = limits;
    this.keep = options.secrets ? 'all' : 'public';
  }

  /** Apart from `wrap`, so that what that returns does not keep the first state in memory. */
  private begin<S>(file: File, { kind, id, state, first = [], name }: RecordedMachine<S>): void {
    this.write(file, () => ({
      event: 'begin',
      time: this.clock.now(),
      ...{ machine: kind, id, name: name?.(state), program: version, secrets: this.options.secrets },
      state: encoded(state, this.keep),
      effects: first.map((effect) => encoded(effect, this.keep)),
    }));
  }

  wrap<S, I, C, E>(machine: RecordedMachine<S>, step: PureStep<S, I, C, E>): PureStep<S, I, C, E> {
    const { name: nameOf = () => undefined } = machine;
    const file = this.fileOf(machine.kind, machine.id);
    if (file === undefined) return step;
    this.begin(file, machine);
    return (before, input, context) => {
      const asked = (name: string | undefined) => ({
        event: 'step',
        time: this.clock.now(),
        name,
        input: encoded(input, this.keep),
        context: encoded(context, this.keep),
      });
      let result: readonly [S, readonly E[]];
      try {
        result = step(before, input, context);
      } catch (error) {
        this.write(file, () => ({ ...asked(nameOf(before)), error: String(error) }));
        throw error;
      }
      const [now, effects] = result;
      if (!isIdleTick(input, before, now, effects))
        this.write(file, () => ({
          ...asked(nameOf(now) ?? nameOf(before)),
          changes: changesOf(before, now).map(([path, was, is]) => [
            path,
            encoded(was, this.keep, fieldAt(path)),
            encoded(is, this.keep, fieldAt(path)),
          ]),
          effects: effects.map((effect) => encoded(effect, this.keep)),
        }));
      return result;
    };
  }

  /** Undefined where there are as many as may be. */
  private fileOf(kind: string, id: string): File | undefined {
    const name = id === kind ? kind : `${kind}-${id.replaceAll(/[^\w.-]/g, '_').slice(0, 200)}`;
    const known = this.files.get(name);
    if (known !== undefined) return known;
    if (this.files.size >= this.limits.files) {
      this.end(`${this.limits.files} machines are recorded`);
      return undefined;
    }
    const path = join(this.options.dir, `${name}.jsonl`);
    const file = { path, size: sizeOf(path), isFull: false };
    this.files.set(name, file);
    this.total += file.size;
    return file;
  }

  /** Never throws: a step is worth more than its record. */
  private write(file: File, line: () => object): void {
    if (this.isOver || file.isFull) return;
    try {
      const text = `${JSON.stringify(line())}\n`;
      if (this.total + text.length > this.limits.total) {
        this.end(`the records have ${this.limits.total} bytes`);
        return;
      }
      if (file.size + text.length > this.limits.file) {
        file.isFull = true;
        appendFileSync(file.path, `${JSON.stringify({ event: 'full', time: this.clock.now() })}\n`);
        this.log.warn({ file: file.path }, 'the record of this machine is full: its further steps are not recorded');
        return;
      }
      appendFileSync(file.path, text, { mode: 0o600 });
      file.size += text.length;
      this.total += text.length;
    } catch (error) {
      this.end(reasonOf(error));
    }
  }

  private end(why: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.log.warn({ dir: this.options.dir, why }, 'nothing more is recorded; the node goes on');
  }
}

/** A tick that changed nothing and asked for nothing: a pure machine is the same without it. */
const isIdleTick = (input: unknown, before: unknown, now: unknown, effects: readonly unknown[]): boolean =>
  before === now &&
  effects.length === 0 &&
  typeof input === 'object' &&
  input !== null &&
  'type' in input &&
  input.type === 'tick';

/** Makes the folder for its owner alone. Throws FileError. */
export const openRecorder = (
  options: RecorderOptions,
  parts: { readonly clock: Clock; readonly log: Log },
  limits: Partial<RecorderLimits> = {},
): StepRecorder => {
  try {
    mkdirSync(options.dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new FileError('make the folder', options.dir, error);
  }
  return new Recorder(options, parts, { ...usualLimits, ...limits });
};
