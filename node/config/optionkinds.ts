/** The type of a row in the table of options, and kinds of values. Every value is given as a text. */
import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';

export interface Option {
  /** Name of the value in help; an option without one is a switch, true when named. */
  readonly value?: string;
  readonly doc: string;
  readonly schema: z.ZodType<unknown, string>;
  /** May be given several times, or as a list with commas. */
  readonly repeats?: true;
  /** Needed to find the config file, so it cannot be in it. */
  readonly notInFile?: true;
  /** Its value may have a password or a key, and is never shown. */
  readonly secret?: true;
}

/** Shown in place of a secret value. */
export const HIDDEN = '...';

/** Keeps each row's own schema type while checking its shape. */
export const rows = <const T extends Readonly<Record<string, Option>>>(table: T): T => table;

/** A text that `read` turns into a value; a RangeError's message says what was expected. */
export const value = <T>(read: (text: string) => T) =>
  z.string().transform((text, context): T => {
    try {
      return read(text);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
      return z.NEVER;
    }
  });

/** One of these words. */
export const oneOf = <const W extends string>(...words: readonly W[]) =>
  value((text): W => {
    const found = words.find((word) => word === text);
    if (found === undefined) throw new RangeError(`one of ${words.join(', ')}`);
    return found;
  });
/** A whole number within these bounds. */
export const whole = (low: number, high: number) =>
  value((text) => {
    const n = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(n >= low && n <= high)) throw new RangeError(`an integer from ${low} to ${high}`);
    return n;
  });
export const yesOrNo = value((text) => {
  if (['true', 'yes', '1'].includes(text)) return true;
  if (['false', 'no', '0'].includes(text)) return false;
  throw new RangeError('true or false');
});
/** A path, relative to the folder in which the process was started. */
export const path = value((text) => {
  if (text.length === 0) throw new RangeError('a path');
  return isAbsolute(text) ? text : resolve(text);
});
