/** A method of the node as a command: its parameters, its help, the call, and the result as people or programs want it. */

import { Command, Option } from 'commander';
import { openClient } from '../api/rpc/client.ts';
import { toJson } from '../api/rpc/json.ts';
import { exampleOf, type MethodSummary, type Parameter, quoted, usageOf } from '../api/summary.ts';
import { systemClock } from '../base/entropy.ts';
import { loadPlaces } from '../config/config.ts';
import { unknownVariables } from '../config/variables.ts';
import type { Json } from './columns.ts';
import { decodeOffline, isTree, treeText } from './decoded.ts';
import { jsonPrinter } from './json.ts';
import { pairLines, sentence } from './layout.ts';
import { flagsOf, listed, readFile } from './nodeoptions.ts';
import { withProgress } from './progress.ts';
import { render } from './render.ts';
import { followNotifications } from './subscribe.ts';
import type { Surroundings } from './surroundings.ts';
import { noTerminal, painterOf } from './terminal.ts';
import { followTrace, isFollowing } from './trace.ts';
import { paramsFrom, type Style, UsageError } from './words.ts';

const parameterHelp = ({ name, kind, required, fallback, doc }: Parameter): readonly [string, string] => {
  const remark = required ? ' (required)' : fallback === undefined ? '' : ` (default ${String(fallback)})`;
  return [`  ${name}`, `<${kind}> ${doc}${remark}`];
};

const howToGive =
  'Parameters, as name=value or --name value; those without a name fill what is left, in this order. A name that is none of these is a mistake, except in a description beside no other name; -o takes every word by its place:';

/** The help behind a method's usage line: its parameters in order, and an example. */
const methodHelp = (method: MethodSummary, width: number): string => {
  const shown = method.parameters.filter(({ hidden }) => !hidden);
  const parameters =
    shown.length === 0 ? [] : ['', ...sentence(howToGive, width), ...pairLines(shown.map(parameterHelp), { width })];
  const example = exampleOf(method, width - 2).split('\n');
  return [...parameters, '', 'Example:', ...example.map((line) => `  ${line}`)].join('\n');
};

const styleOf = ({ keywords, order }: { keywords?: boolean; order?: boolean }): Style => {
  if (keywords === true && order === true) throw new UsageError('-k and -o exclude each other');
  return keywords === true ? 'keywords' : order === true ? 'order' : 'guess';
};

/** Whether a method answers with lists that may have any number of rows. */
const isLong = (name: string): boolean => name.startsWith('list');

/** Methods whose results may have a QR code; the rest need not load what makes it. */
const hasCode = new Set(['invoice', 'newaddr']);

/** How a command line says which node is meant: what has to stand before another method for the same node. */
const callOf = (given: Readonly<Record<string, unknown>>, called: string | undefined): string => {
  const flags = Object.entries(flagsOf(given)).flatMap(([name, value]) =>
    [value].flat().map((one) => `--${name} ${quoted(String(one))}`),
  );
  return ['ampere', ...(called === undefined ? flags : [called])].join(' ');
};

/** Calls a method of the node and prints what it says. */
const callMethod = async (
  { name, parameters }: MethodSummary,
  words: readonly string[],
  given: Readonly<Record<string, unknown>>,
  { out, err, env, called, terminal = noTerminal }: Surroundings,
): Promise<void> => {
  for (const said of unknownVariables(env)) err(`ampere: ${said}`);
  const params = paramsFrom(parameters, words, given, styleOf(given));
  const places = loadPlaces({ flags: flagsOf(given), env, read: readFile });
  const width = given['wide'] === true ? undefined : terminal.columns;
  if (given['offline'] === true) {
    const result = await decodeOffline(params, places);
    out(given['json'] === true ? toJson(result) : treeText(result, width));
    return;
  }
  const { socket } = places;
  const client = await openClient(socket);
  const call = { method: name, params, socket, clock: systemClock };
  try {
    if (isFollowing(name, params)) {
      const isScreen = terminal.rows !== undefined && width !== undefined;
      const columns = width ?? Number.POSITIVE_INFINITY;
      await followTrace(client, params, { json: given['json'] === true, columns, isScreen, out, err });
      return;
    }
    if (name === 'subscribe') {
      const isScreen = terminal.rows !== undefined && given['json'] !== true;
      const place = isScreen ? { width, paint: painterOf(terminal) } : undefined;
      await followNotifications(client, params, { place, out, err });
      return;
    }
    if (given['json'] === true) {
      const printer = jsonPrinter(out);
      // Of other results the rows stand among other fields, and are few.
      const answer = client.raw(name, params, isLong(name) ? printer.row : undefined);
      printer.end(await withProgress(call, terminal.progress, answer));
      return;
    }
    const result = await withProgress(call, terminal.progress, client.raw(name, params));
    if (isTree(name, result)) {
      out(treeText(result, width));
      return;
    }
    out(render(name, result, { width, paint: painterOf(terminal), ampere: callOf(given, called) }));
    if (!hasCode.has(name)) return;
    const wanted = typeof given['qr'] === 'boolean' ? given['qr'] : undefined;
    const code = (await import('./qr.ts')).qrOf(name, result as Json, wanted, terminal);
    if (code.length > 0) out(`\n${code.join('\n')}`);
  } finally {
    client.close();
  }
};

/** The command of a method. */
export const methodCommand = (method: MethodSummary, surroundings: Surroundings): Command => {
  const { name, doc, parameters } = method;
  const width = (surroundings.terminal ?? noTerminal).columns;
  const command = new Command(name)
    .description(doc)
    .usage(usageOf(method).slice(name.length + 1))
    .argument(parameters.length === 0 ? '[nothing...]' : '[values...]')
    .addHelpText('after', methodHelp(method, width))
    .configureHelp({ visibleArguments: () => [] });
  for (const { name: parameter, kind, list } of parameters) {
    const isSwitch = kind === 'true|false';
    const option = new Option(`--${parameter} ${isSwitch ? '[value]' : '<value>'}`).hideHelp();
    if (list) option.argParser(listed);
    command.addOption(option);
  }
  if (name === 'decode')
    command.option('--offline', 'needs no node: reads what is given, and the seed in --dir for a backup');
  return command.action(async (words: readonly string[], _own: unknown, self: Command) =>
    callMethod(method, words, self.optsWithGlobals(), surroundings),
  );
};
