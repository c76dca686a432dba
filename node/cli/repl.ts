/** `ampere repl`: a prompt with the library at hand, and with the calls of a node that runs. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { REPLServer } from 'node:repl';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { Command } from 'commander';
import { openClient } from '../api/rpc/client.ts';
import type { MethodSummary } from '../api/summary.ts';
import { packaged } from '../base/packaged.ts';
import { loadPlaces, type Places } from '../config/config.ts';
import type { Sources } from '../config/optionsources.ts';
import type { Surroundings } from './surroundings.ts';
import { noTerminal } from './terminal.ts';

const entries = ['wire', 'onion', 'channel', 'amp', 'node'] as const;

/** The library as it was built. No source here imports it, since it is for programs outside, which a prompt stands for. */
const library = async (): Promise<Readonly<Record<string, object>>> =>
  Object.fromEntries(
    await Promise.all(
      entries.map(async (name) => [name, await import(pathToFileURL(packaged(`dist/${name}/index.js`)).href)] as const),
    ),
  );

/** One call, on a connection of its own: a node may be stopped and started while the prompt is open. */
const callOf =
  ({ socket }: Places) =>
  async (method: string, params: unknown = {}): Promise<unknown> => {
    const client = await openClient(socket);
    try {
      return await client.raw(method, params);
    } finally {
      client.close();
    }
  };

/** The method of each name, as a function. */
const methodsOf = (methods: readonly MethodSummary[], call: ReturnType<typeof callOf>): object =>
  Object.fromEntries(methods.map(({ name }) => [name, (params?: unknown) => call(name, params)]));

/** Bytes as people write them. */
const showBytes = (): void => {
  Object.defineProperty(Uint8Array.prototype, inspect.custom, {
    configurable: true,
    value: function (this: Uint8Array) {
      return `<${Buffer.from(this).toString('hex')}>`;
    },
  });
};

/** What is said first, in lines of fewer than 80 letters. */
const words = ({ socket }: Places): readonly string[] => [
  'wire, onion, channel, amp and ampere.node are the library. What wire has is',
  'here by its name, too: hex, unhex, sha256, msat, decodeInvoice, decodeMessage …',
  "Calls of a node:  await node.getinfo()  or  await call('listpays')",
  `It is the one at ${socket}`,
  '.help lists commands, Tab completes, .exit or Ctrl-D ends.',
];

/** Opens the prompt; resolves once it is closed. History is kept in the node's folder, where there is one. */
export const openPrompt = async (
  places: Places,
  methods: readonly MethodSummary[],
  { out, terminal = noTerminal }: Pick<Surroundings, 'out' | 'terminal'>,
): Promise<void> => {
  const [{ start }, all] = await Promise.all([import('node:repl'), library()]);
  const isTerminal = process.stdin.isTTY && process.stdout.isTTY;
  if (isTerminal) for (const line of words(places)) out(line);
  showBytes();
  const call = callOf(places);
  const { wire, onion, channel, amp } = all;
  const here = { ...wire, wire, onion, channel, amp, ampere: all, call, node: methodsOf(methods, call) };
  const prompt: REPLServer = start({
    prompt: isTerminal ? 'ampere> ' : '',
    terminal: isTerminal,
    useColors: terminal.colors,
    ignoreUndefined: true,
  });
  const isReset = (): void => void Object.assign(prompt.context, here);
  isReset();
  prompt.on('reset', isReset);
  const closed = new Promise<void>((resolve) => prompt.once('exit', resolve));
  if (isTerminal && existsSync(places.dir))
    await new Promise<void>((resolve) => prompt.setupHistory(join(places.dir, 'repl-history'), () => resolve()));
  await closed;
};

/** The command. `sources` says which node is meant. */
export const replCommand = (
  surroundings: Surroundings,
  methods: readonly MethodSummary[],
  sources: (self: Command) => Sources,
): Command =>
  new Command('repl')
    .description('Opens a prompt with the library at hand, and the calls of the node of --dir.')
    .action(async (_own: unknown, self: Command) => openPrompt(loadPlaces(sources(self)), methods, surroundings));
