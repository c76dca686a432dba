/**
 * The command `ampere`: `start` runs a node, every method of the API is a command, and all their help comes from the two
 * tables. Exit codes: 0 done, 1 the node answered with an error, 2 used wrongly, 3 no node to talk to.
 */

import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { printable } from '../../wire/printable.ts';
import { CallError, ConnectionError, openClient } from '../api/rpc/client.ts';
import { toJson } from '../api/rpc/json.ts';
import { exampleOf, type MethodSummary, type Parameter, usageOf } from '../api/summary.ts';
import { reasonOf } from '../base/fileserror.ts';
import { redactOptionValues } from '../base/redact.ts';
import { stackOf } from '../base/stacks.ts';
import { pairLines } from '../base/table.ts';
import { version } from '../base/version.ts';
import { type Config, loadConfig, loadPlaces, type RunNode } from '../config/config.ts';
import { devOptions } from '../config/devoptions.ts';
import { ConfigError } from '../config/errors.ts';
import type { Option as NodeOption } from '../config/optionkinds.ts';
import { isOption, type OptionName, options, variableOf } from '../config/options.ts';
import type { Sources } from '../config/optionsources.ts';
import { strangeVariables } from '../config/variables.ts';
import { chainCommand } from '../regtest/chain/command.ts';
import { labCommand } from '../regtest/lab/command.ts';
import { withNodeNames } from '../regtest/lab/nodewords.ts';
import { coinCommands } from './coins.ts';
import { jsonPrinter } from './json.ts';
import { methodSummaries } from './methods.ts';
import { render } from './render.ts';
import { followTrace, isFollowing } from './trace.ts';
import { paramsFrom, type Style, UsageError } from './words.ts';

export const exitCodes = { done: 0, failed: 1, usage: 2, unreachable: 3 } as const;

/** What the command needs of the process it runs in. */
export interface Surroundings {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly env: Sources['env'];
  /** Starts a node. */
  readonly run: RunNode;
}

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ConfigError('file', path, `cannot be read: ${reasonOf(error)}`);
  }
};

/** Options every command takes, wherever they stand. */
const everywhere: readonly OptionName[] = ['dir', 'network', 'conf'];

/** The values of an option that may be given several times. */
const added = (value: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), value];

const nodeOption = (name: OptionName): Option => {
  const row: NodeOption = options[name];
  const doc = `${row.doc} [${variableOf(name)}]`;
  const option = new Option(row.value === undefined ? `--${name}` : `--${name} <${row.value}>`, doc);
  if (name in devOptions) option.helpGroup('For experiments, on regtest only; the rest of them need --dev:');
  if (row.value === undefined) return option;
  // The same flag twice is either a list or a mistake, and the configuration can tell which.
  return option.argParser(added);
};

const flagsOf = (given: Readonly<Record<string, unknown>>): Sources['flags'] =>
  Object.fromEntries(
    Object.entries(given).flatMap(([key, value]) => {
      const name = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      return isOption(name) ? [[name, value === true ? 'true' : value]] : [];
    }),
  );

const parameterHelp = ({ name, kind, required, fallback, doc }: Parameter): readonly [string, string] => {
  const remark = required ? ' (required)' : fallback === undefined ? '' : ` (default ${String(fallback)})`;
  return [`  ${name} <${kind}>`, `${doc}${remark}`];
};

/** The help behind a method's usage line: its parameters in order, and an example. */
const methodHelp = (method: MethodSummary): string =>
  method.parameters.length === 0
    ? ''
    : [
        '',
        'Parameters, as name=value or --name value; those without a name fill what is left, in this order. A name that is',
        'none of these is a mistake, except in a description beside no other name; -o takes every word by its place:',
        ...pairLines(method.parameters.filter(({ hidden }) => !hidden).map(parameterHelp)),
        '',
        `Example: ${exampleOf(method)}`,
      ].join('\n');

const styleOf = ({ keywords, order }: { keywords?: boolean; order?: boolean }): Style => {
  if (keywords === true && order === true) throw new UsageError('-k and -o exclude each other');
  return keywords === true ? 'keywords' : order === true ? 'order' : 'guess';
};

/** Whether a method answers with lists that may have any number of rows. */
const isLong = (name: string): boolean => name.startsWith('list');

/** Calls a method of the node and prints what it says. */
const callMethod = async (
  { name, parameters }: MethodSummary,
  words: readonly string[],
  given: Readonly<Record<string, unknown>>,
  { out, err, env }: Surroundings,
): Promise<void> => {
  for (const said of strangeVariables(env)) err(`ampere: ${said}`);
  const params = paramsFrom(parameters, words, given, styleOf(given));
  const { socket } = loadPlaces({ flags: flagsOf(given), env, read });
  const client = await openClient(socket);
  try {
    if (isFollowing(name, params)) await followTrace(client, params, { json: given['json'] === true, out, err });
    else if (given['json'] === true) {
      const printer = jsonPrinter(out);
      // Of other results the rows stand among other fields, and are few.
      printer.end(await client.raw(name, params, isLong(name) ? printer.row : undefined));
    } else out(render(name, await client.raw(name, params)));
  } finally {
    client.close();
  }
};

const methodCommand = (method: MethodSummary, surroundings: Surroundings): Command => {
  const { name, doc, parameters } = method;
  const command = new Command(name)
    .description(doc)
    .usage(usageOf(method).slice(name.length + 1))
    .argument(parameters.length === 0 ? '[nothing...]' : '[values...]')
    .addHelpText('after', methodHelp(method))
    .configureHelp({ visibleArguments: () => [] });
  for (const { name: parameter, kind, list } of parameters) {
    const isSwitch = kind === 'true|false';
    const option = new Option(`--${parameter} ${isSwitch ? '[value]' : '<value>'}`).hideHelp();
    if (list) option.argParser(added);
    command.addOption(option);
  }
  return command.action(async (words: readonly string[], _own: unknown, self: Command) =>
    callMethod(method, words, self.optsWithGlobals(), surroundings),
  );
};

const startCommand = ({ env, err, run }: Surroundings): Command => {
  const command = new Command('start').description('Runs a node until it is told to stop.');
  for (const name of Object.keys(options)) {
    if (isOption(name) && !everywhere.includes(name)) command.addOption(nodeOption(name));
  }
  return command.action(async (_own: unknown, self: Command) => {
    for (const said of strangeVariables(env)) err(`ampere: ${said}`);
    const config: Config = loadConfig({ flags: flagsOf(self.optsWithGlobals()), env, read });
    const { ended } = await run(config);
    await ended;
  });
};

const program = (methods: readonly MethodSummary[], surroundings: Surroundings): Command => {
  const command = new Command('ampere')
    .description('A Lightning node that speaks AMP, and the calls to talk to one.')
    .version(version)
    .option('--json', 'print the result as JSON')
    .option('-k, --keywords', 'take every value as name=value')
    .option('-o, --order', 'take every value by its place, even with = in it')
    .configureHelp({ subcommandTerm: (method) => method.name() })
    .showHelpAfterError('(ampere --help, or ampere METHOD --help)');
  for (const name of everywhere) command.addOption(nodeOption(name));
  command.commandsGroup('Node:').addCommand(startCommand(surroundings)).addCommand(chainCommand(surroundings.out));
  const { out, env } = surroundings;
  const sources = (self: Command): Sources => ({ flags: flagsOf(self.optsWithGlobals()), env, read });
  command.commandsGroup('On regtest:').addCommand(labCommand(surroundings));
  for (const one of coinCommands({ out, env, sources }, (to, name) => to.addOption(nodeOption(name))))
    command.addCommand(one);
  // `help` answers here as well, without a node.
  const commands = methods.filter(({ name }) => name !== 'help');
  command.commandsGroup('Methods:');
  for (const one of commands) if (!one.dev) command.addCommand(methodCommand(one, surroundings));
  command.commandsGroup('Methods of a node started with --dev:');
  for (const one of commands) if (one.dev) command.addCommand(methodCommand(one, surroundings));
  const quiet = {
    writeOut: (text: string) => surroundings.out(text.trimEnd()),
    writeErr: (text: string) => surroundings.err(text.trimEnd()),
  };
  const all = command.commands.flatMap((one) => [one, ...one.commands]);
  for (const one of [command, ...all]) one.exitOverride().configureOutput(quiet);
  return command;
};

/** Runs the command with these words (without the program's name) and returns the exit code; never throws for bad input. */
export const runCommand = async (words: readonly string[], given: Surroundings): Promise<number> => {
  const err = (text: string) => given.err(redactOptionValues(text));
  const surroundings = { ...given, err };
  try {
    const meant = await withNodeNames(words, surroundings.env);
    await program(await methodSummaries(), surroundings).parseAsync([...meant], { from: 'user' });
    return exitCodes.done;
  } catch (error) {
    if (error instanceof UsageError || error instanceof ConfigError) {
      err(`ampere: ${error.message}`);
      return exitCodes.usage;
    }
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    if (error instanceof CallError) {
      if (words.includes('--json'))
        surroundings.out(toJson({ code: error.code, message: error.message, data: error.data }));
      err(`${error.method}: ${printable(error.message)} (${[error.reason, error.code].filter(Boolean).join(', ')})`);
      if (error.data !== undefined && error.reason !== 'invalid_params') err(toJson(error.data));
      return exitCodes.failed;
    }
    if (error instanceof ConnectionError) {
      err(`ampere: ${error.message}`);
      err('Is the node running? `ampere start` starts it; --dir and --network say which one is meant.');
      return exitCodes.unreachable;
    }
    // What stops a node from starting has a fault of its own and a message for people, what the system refuses names its call;
    // anything else is a bug.
    err(
      error instanceof Error && ('fault' in error || 'syscall' in error)
        ? `ampere: ${error.message}`
        : String((error instanceof Error && stackOf(error)) || error),
    );
    return exitCodes.failed;
  }
};
