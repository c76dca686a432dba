/**
 * The command `ampere`: `start` runs a node, every method of the API is a command, and all their help comes from the two
 * tables. Exit codes: 0 done, 1 the node answered with an error, 2 used wrongly, 3 no node to talk to.
 */

import { Command, CommanderError } from 'commander';
import { printable } from '../../wire/printable.ts';
import { CallError, ConnectionError } from '../api/rpc/client.ts';
import { toJson } from '../api/rpc/json.ts';
import type { MethodSummary } from '../api/summary.ts';
import { redactOptionValues } from '../base/redact.ts';
import { stackOf } from '../base/stacks.ts';
import { version } from '../base/version.ts';
import { type Config, loadConfig } from '../config/config.ts';
import { ConfigError } from '../config/errors.ts';
import { isOption, type OptionName, options } from '../config/options.ts';
import type { Sources } from '../config/optionsources.ts';
import { unknownVariables } from '../config/variables.ts';
import { chainCommand } from '../regtest/chain/command.ts';
import { labCommand } from '../regtest/lab/command.ts';
import { nodeCalled, noSuchNode, withNodeNames } from '../regtest/lab/nodewords.ts';
import { methodCommand } from './callmethod.ts';
import { coinCommands } from './coins.ts';
import { completionCommand, wordsOf } from './completion.ts';
import { methodGroups, otherMethods } from './groups.ts';
import { helpCommand } from './helpcommand.ts';
import { sentence } from './layout.ts';
import { methodSummaries } from './methods.ts';
import { newProtocolCommand } from './newprotocol.ts';
import { flagsOf, nodeOption, readFile } from './nodeoptions.ts';
import { render } from './render.ts';
import { replCommand } from './repl.ts';
import { replayCommand } from './replay.ts';
import { simulateCommand } from './simulate.ts';
import type { Surroundings } from './surroundings.ts';
import { noTerminal } from './terminal.ts';
import { UsageError } from './words.ts';

export type { Surroundings } from './surroundings.ts';

export const exitCodes = { done: 0, failed: 1, usage: 2, unreachable: 3 } as const;

/** Options every command takes, wherever they stand. */
const everywhere: readonly OptionName[] = ['dir', 'network', 'conf'];

const startCommand = ({ env, err, run }: Surroundings): Command => {
  const command = new Command('start').description('Runs a node until it is told to stop.');
  for (const name of Object.keys(options)) {
    if (isOption(name) && !everywhere.includes(name)) command.addOption(nodeOption(name));
  }
  return command.action(async (_own: unknown, self: Command) => {
    for (const said of unknownVariables(env)) err(`ampere: ${said}`);
    const config: Config = loadConfig({ flags: flagsOf(self.optsWithGlobals()), env, read: readFile });
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
    .option('-w, --wide', 'tables with all columns and whole ids, however wide the terminal')
    .option('--qr', 'show the QR code of an invoice or address, also where it does not fit')
    .option('--no-qr', 'show no QR code')
    .configureHelp({ subcommandTerm: (method) => method.name() })
    .showHelpAfterError('(ampere --help, or ampere METHOD --help)');
  for (const name of everywhere) command.addOption(nodeOption(name));
  command.commandsGroup('To start:').addCommand(startCommand(surroundings)).addCommand(chainCommand(surroundings.out));
  command.addCommand(replayCommand(surroundings));
  const { out, env } = surroundings;
  const sources = (self: Command): Sources => ({ flags: flagsOf(self.optsWithGlobals()), env, read: readFile });
  command.commandsGroup('On regtest:').addCommand(labCommand(surroundings));
  for (const one of coinCommands({ out, env, sources }, (to, name) => to.addOption(nodeOption(name))))
    command.addCommand(one);
  command.commandsGroup('For experiments:').addCommand(newProtocolCommand(surroundings));
  command.addCommand(simulateCommand(surroundings));
  command.addCommand(replCommand(surroundings, methods, sources));
  // `help` answers here as well, without a node.
  const commands = methods.filter(({ name }) => name !== 'help');
  const headings = new Map<string, string>(
    methodGroups.flatMap(([group, names]) => names.map((name) => [name, group])),
  );
  for (const heading of [...methodGroups.map(([group]) => group), otherMethods]) {
    command.commandsGroup(heading);
    for (const one of commands)
      if (!one.dev && (headings.get(one.name) ?? otherMethods) === heading)
        command.addCommand(methodCommand(one, surroundings));
  }
  command.commandsGroup('Methods of a node started with --dev:');
  for (const one of commands) if (one.dev) command.addCommand(methodCommand(one, surroundings));
  command
    .helpCommand(false)
    .commandsGroup('Shell:')
    .addCommand(helpCommand(command))
    .addCommand(completionCommand(surroundings, () => wordsOf(command, methods)));
  const { columns } = surroundings.terminal ?? noTerminal;
  const quiet = {
    getOutHelpWidth: () => columns,
    getErrHelpWidth: () => columns,
    writeOut: (text: string) => surroundings.out(text.trimEnd()),
    writeErr: (text: string) => surroundings.err(text.trimEnd()),
  };
  const all = command.commands.flatMap((one) => [one, ...one.commands]);
  for (const one of [command, ...all]) {
    one.exitOverride().configureOutput(quiet);
    // Nothing else wraps the usage of a method with many parameters.
    one.configureHelp({
      ...one.configureHelp(),
      minWidthToWrap: 20,
      styleUsage: (usage) => sentence(usage, columns - 7).join('\n    '),
    });
  }
  return command;
};

/** Runs the command with these words (without the program's name) and returns the exit code; never throws for bad input. */
export const runCommand = async (words: readonly string[], given: Surroundings): Promise<number> => {
  const err = (text: string) => given.err(redactOptionValues(text));
  const surroundings = { ...given, err };
  const { columns, rows } = given.terminal ?? noTerminal;
  /** A sentence, wrapped where somebody reads it on a screen: in a file or a pipe it stays a line to look for. */
  const say = (text: string): void => err(sentence(text, rows === undefined ? undefined : columns).join('\n'));
  try {
    const meant = await withNodeNames(words, surroundings.env);
    const called = { ...surroundings, called: nodeCalled(words) };
    await program(await methodSummaries(), called).parseAsync([...meant], { from: 'user' });
    return exitCodes.done;
  } catch (error) {
    if (error instanceof UsageError || error instanceof ConfigError) {
      say(`ampere: ${error.message}`);
      return exitCodes.usage;
    }
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    if (error instanceof CallError) {
      if (words.includes('--json'))
        surroundings.out(toJson({ code: error.code, message: error.message, data: error.data }));
      say(`${error.method}: ${printable(error.message)} (${[error.reason, error.code].filter(Boolean).join(', ')})`);
      const unknown = error.reason === 'invalid_params' ? await noSuchNode(words, surroundings.env) : undefined;
      if (unknown !== undefined) say(`ampere: ${unknown}`);
      if (error.data !== undefined && error.reason !== 'invalid_params')
        err(words.includes('--json') ? toJson(error.data) : render(error.method, error.data, { width: columns }));
      return exitCodes.failed;
    }
    if (error instanceof ConnectionError) {
      say(`ampere: ${error.message}`);
      say('Is the node running? `ampere start` starts it; --dir and --network say which one is meant.');
      return exitCodes.unreachable;
    }
    // What stops a node from starting has a fault of its own and a message for people, what the system refuses names its call;
    // anything else is a bug.
    const isForPeople = error instanceof Error && ('fault' in error || 'syscall' in error);
    if (isForPeople) say(`ampere: ${error.message}`);
    else err(String((error instanceof Error && stackOf(error)) || error));
    return exitCodes.failed;
  }
};
