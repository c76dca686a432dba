/** What the table says of each method, as text: nothing about a method is written down a second time. */
import { z } from 'zod';
import { didYouMean } from '../base/nearest.ts';
import { ApiError } from './errors.ts';
import type { Method } from './method.ts';
import { isProse, kindOf } from './params.ts';
import { type MethodSummary, type Parameter, usageOf } from './summary.ts';
import { isDevMethod, isMethod, type MethodName, type Result, table } from './table.ts';

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

/** One method, described. */
export const summaryOf = (name: MethodName): MethodSummary => ({
  name,
  doc: table[name].doc,
  example: table[name].example,
  parameters: parametersOf(table[name]),
  dev: isDevMethod(name),
});

/** All methods, in the table's order. */
export const summaries = (): readonly MethodSummary[] => Object.keys(table).filter(isMethod).map(summaryOf);

/** The method `help`; methods for experiments are there with --dev alone. Throws ApiError for a method there is none of. */
export const help = (command: string | undefined, dev: boolean): Result<'help'> => {
  const there = (name: string): name is MethodName => isMethod(name) && (dev || !isDevMethod(name));
  if (command !== undefined && !there(command))
    throw new ApiError(
      'invalid_params',
      `command: no method "${command.slice(0, 100)}"${didYouMean(command, Object.keys(table).filter(there))}`,
      { field: 'command' },
    );
  const names = command === undefined ? Object.keys(table).filter(there).sort() : [command];
  return {
    help: names.map((name) => ({ command: usageOf(summaryOf(name)), description: table[name].doc })),
    'format-hint': 'simple',
  };
};
