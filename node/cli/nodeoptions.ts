/** The options of a node as flags of the command line. */
import { readFileSync } from 'node:fs';
import { Option } from 'commander';
import { reasonOf } from '../base/fileserror.ts';
import { devOptions } from '../config/devoptions.ts';
import { ConfigError } from '../config/errors.ts';
import type { Option as NodeOption } from '../config/optionkinds.ts';
import { isOption, type OptionName, options, variableOf } from '../config/options.ts';
import type { Sources } from '../config/optionsources.ts';

/** The text of a file; undefined where there is none. Throws ConfigError for one that cannot be read. */
export const readFile = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ConfigError('file', path, `cannot be read: ${reasonOf(error)}`);
  }
};

/** The values of an option that may be given several times. */
export const listed = (value: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  value,
];

/** An option of a node as a flag. */
export const nodeOption = (name: OptionName): Option => {
  const row: NodeOption = options[name];
  const doc = `${row.doc} [${variableOf(name)}]`;
  const option = new Option(row.value === undefined ? `--${name}` : `--${name} <${row.value}>`, doc);
  if (name in devOptions) option.helpGroup('For experiments, on regtest only; the rest of them need --dev:');
  if (row.value === undefined) return option;
  // The same flag twice is either a list or a mistake, and the configuration can tell which.
  return option.argParser(listed);
};

/** The options of a node among the flags of a command. */
export const flagsOf = (given: Readonly<Record<string, unknown>>): Sources['flags'] =>
  Object.fromEntries(
    Object.entries(given).flatMap(([key, value]) => {
      const name = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      return isOption(name) ? [[name, value === true ? 'true' : value]] : [];
    }),
  );
