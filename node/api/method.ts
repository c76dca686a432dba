/** What one row of the table of methods is. */
import type { z } from 'zod';

export interface Method {
  /** One line for people. */
  readonly doc: string;
  /** Parameters by name, in the order in which they count when they are given without names. */
  readonly params: z.ZodObject;
  readonly result: z.ZodObject;
  /** Other names a parameter goes by, to the name in `params`. */
  readonly aliases?: Readonly<Record<string, string>>;
}

/** Keeps each row's own schema types while checking its shape. */
export const methods = <const T extends Readonly<Record<string, Method>>>(rows: T): T => rows;
