/** What the table says of each method, as text: nothing about a method is written down a second time. */
import { z } from 'zod';
import { ApiError } from './errors.ts';
import type { Method } from './method.ts';
import { isProse, kindOf } from './params.ts';
import { isDevMethod, isMethod, type MethodName, type Result, table } from './table.ts';

/** One parameter, described from its schema. */
export interface Parameter {
  readonly name: string;
  readonly kind: string;
  readonly required: boolean;
  /** What it is when left out; undefined where that is nothing. */
  readonly fallback: unknown;
  readonly doc: string;
  /** Takes several values. */
  readonly list: boolean;
  /** For experiments: not shown. */
  readonly hidden: boolean;
  /** A text of any words, for people. */
  readonly prose: boolean;
  /** Other names it goes by. */
  readonly aliases: readonly string[];
}

const unwrapped = (schema: z.core.$ZodType): z.core.$ZodType => {
  const inner = 'innerType' in schema._zod.def ? schema._zod.def.innerType : undefined;
  return inner instanceof z.core.$ZodType ? unwrapped(inner) : schema;
};

/** The parameters of a method in their order. */
export const parametersOf = (method: Method): readonly Parameter[] =>
  Object.entries(method.params.shape).map(([name, schema]) => ({
    name,
    kind: kindOf(schema),
    required: !(schema instanceof z.ZodOptional || schema instanceof z.ZodDefault),
    fallback: schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined,
    doc: schema.description ?? '',
    list: unwrapped(schema) instanceof z.ZodArray,
    hidden: name.startsWith('dev_'),
    prose: isProse(schema),
    aliases: Object.entries(method.aliases ?? {}).flatMap(([alias, meant]) => (meant === name ? [alias] : [])),
  }));

/** "pay bolt11 [amount_msat] …", as Core Lightning's help has it. */
export const usageOf = (name: MethodName): string =>
  [
    name,
    ...parametersOf(table[name])
      .filter(({ hidden }) => !hidden)
      .map((one) => (one.required ? one.name : `[${one.name}]`)),
  ].join(' ');

/** The method `help`; methods for experiments are there with --dev alone. Throws ApiError for a method there is none of. */
export const help = (command: string | undefined, dev: boolean): Result<'help'> => {
  const there = (name: string): name is MethodName => isMethod(name) && (dev || !isDevMethod(name));
  if (command !== undefined && !there(command))
    throw new ApiError('invalid_params', `command: no method "${command.slice(0, 100)}"`, { field: 'command' });
  const names = command === undefined ? Object.keys(table).filter(there).sort() : [command];
  return {
    help: names.map((name) => ({ command: usageOf(name), description: table[name].doc })),
    'format-hint': 'simple',
  };
};
