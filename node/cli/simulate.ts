/** `ampere simulate`: payments in a network in virtual time. It needs no node, and nothing of its folder. */
import { constants } from 'node:fs';
import { access, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Command, Option } from 'commander';
import { toJson } from '../api/rpc/json.ts';
import { systemClock } from '../base/entropy.ts';
import { listed } from './nodeoptions.ts';
import { seldom } from './progress.ts';
import type { Surroundings } from './surroundings.ts';
import { noTerminal, painterOf } from './terminal.ts';
import { UsageError } from './words.ts';

/** Words that stand here so that nothing has to be loaded for help and completion. */
export const strategyWords = ['single', 'packets', 'outlets', 'equal', 'halving', 'congestion', 'flow'] as const;
export const schemeWords = ['fixed', 'dynamic', 'tree', 'threshold', 'mpp'] as const;

/** The flags, what they take and what they mean. */
const flags: readonly (readonly [flag: string, doc: string, words?: readonly string[]])[] = [
  ['payments <N>', 'payments to make by each plan [1000]'],
  ['amount <SAT>', 'sat of each, or the least and the most, between which all ratios are as likely [10k..1M]'],
  ['strategies <LIST>', 'how amounts are cut, with commas; equal needs --shards [all but equal]', strategyWords],
  ['schemes <LIST>', 'how shares are made [tree]', schemeWords],
  ['redundancy <LIST>', 'spare shards, where any so many will do (threshold) [0]'],
  ['status <LIST>', 'a status session of payer and payee, in AMPs [none]', ['none', 'perfect', 'distant']],
  ['shards <N>', 'wanted number of shards; needed ones where there are spare ones, else 8 [auto]'],
  ['seed <N>', 'what all chance follows from [1]'],
  ['balances <MODEL>', 'of the channels, which no payer knows [uniform]', ['uniform', 'bimodal', 'even']],
  ['latency <MS>', 'of a hop: 100, 50..300, or tail:MEDIAN:SPREAD [tail:150:0.6]'],
  ['rate <N>', 'payments that begin in a second, by chance; none: one after the other [none]'],
  ['slots <N>', 'HTLCs at once in one direction of a channel [483]'],
  ['inflight <PART>', 'of the capacity that HTLCs may take in one direction, up to 1 [1]'],
  ['failures <CHANCE>', 'that a forwarder fails an HTLC that it could forward [0]'],
  ['stuck <CHANCE>', 'that a forwarder keeps an HTLC for half a minute [0]'],
  ['deadline <S>', 'seconds until a payment gives up [60]'],
  ['maxfeepercent <P>', 'of the amount that fees may come to [0.5]'],
  ['svg <FILE>', 'a new file for a picture: payments delivered by amount, time by redundancy [none]'],
];

const help = `
NETWORK is a file (GOSSMAP_COMPRESSv1, or the JSON of lnd's describegraph) or
one that is made: ring:N, small-world:N[,NEIGHBOURS[,REWIRED]] or
preferential:N[,CHANNELS]. A plan is a strategy with a scheme. "single" sends
one HTLC, "packets" small payments of their own, which nothing holds together;
where there are spare shards (+2), all are of one size, by "flow" or,
in place of every other strategy, by "outlets". In a status session (?perfect:
at once, ?distant: a hop's time for each message) the payer learns which HTLCs
stand still, which the payee refuses from then on, and sends others; and that
the payee has the whole set. All plans find the same balances and the same
payments, between nodes whose channels have twice the amount in sum; the same
seed gives the same figures. Ctrl-C prints what there is by then.

Columns: from the least amount of the payments of a row, in sat, which are below
ten times that; n payments, ok % delivered, tries HTLCs offered for one, parts
HTLCs in which one that was delivered arrived, ppm its fee in millionths, med s
and p95 s until the payee had all of it, sat·s what one locked in all channels
times how long, sat/s delivered.

Examples: ampere simulate --graph preferential:1000 --payments 200
          ampere simulate --graph ring:50 --schemes threshold --redundancy 0,2
          ampere simulate --graph ring:20 --strategy ./mine.mjs --json`;

type Given = Readonly<Record<string, unknown>>;

const textOf = (given: Given, name: string): string | undefined => {
  const value = given[name];
  return typeof value === 'string' ? value : undefined;
};

const noPicture = (path: string, error: unknown): UsageError => {
  const code = error instanceof Error && 'code' in error ? error.code : String(error);
  return new UsageError(`--svg: expected a file that is not there yet and can be written, got '${path}' (${code})`);
};

/** Whether there can be a file for a picture, before anything is simulated for it. Throws UsageError. */
const mustBeNew = async (path: string): Promise<void> => {
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (isThere) throw noPicture(path, 'it is there');
  await access(dirname(path), constants.W_OK).catch((error: unknown) => Promise.reject(noPicture(path, error)));
};

/** Writes the picture once it is made, so that a simulation that fails or is killed leaves no file. Throws UsageError. */
const writeNew = (path: string, svg: string): Promise<void> =>
  writeFile(path, svg, { flag: 'wx' }).catch((error: unknown) => Promise.reject(noPicture(path, error)));

/** Runs it all, and prints what there is when it is done or interrupted. */
const simulateAndPrint = async (given: Given, { out, err, terminal = noTerminal }: Surroundings): Promise<void> => {
  const [
    { settingsOf, defaults },
    { networkFrom },
    { ownStrategy },
    { runAll },
    { summaryOf },
    { planName, reportLines },
    { drawingOf },
  ] = await Promise.all([
    import('../simulate/settings.ts'),
    import('../simulate/source.ts'),
    import('../simulate/ownstrategy.ts'),
    import('../simulate/runs.ts'),
    import('../simulate/summary.ts'),
    import('../simulate/report.ts'),
    import('../simulate/drawing.ts'),
  ]);
  const graphText = textOf(given, 'graph');
  if (graphText === undefined)
    throw new UsageError('--graph: expected a file, ring:N, small-world:N or preferential:N');
  const files = Array.isArray(given['strategy']) ? given['strategy'].map(String) : [];
  const own = files.map((path) => ownStrategy(path));
  const interrupted = new AbortController();
  const svgPath = textOf(given, 'svg');
  const onSignal = (): void => interrupted.abort('interrupted');
  try {
    const named = new Map(own.map(({ strategy }) => [strategy.name, strategy]));
    const texts = Object.keys(defaults).flatMap((name) => {
      const text = textOf(given, name);
      return text === undefined ? [] : [[name, text] as const];
    });
    const settings = settingsOf(Object.fromEntries(texts), named);
    const { graph, notes } = networkFrom(graphText, settings.seed);
    for (const note of notes) err(note);
    if (svgPath !== undefined) await mustBeNew(svgPath);
    process.once('SIGINT', onSignal);
    let shown = -1;
    const isLogged = terminal !== noTerminal && terminal.progress === undefined;
    const logged = isLogged ? seldom(err, systemClock.now) : undefined;
    const runs = await runAll(graph, settings, named, {
      signal: interrupted.signal,
      progress: (ended, plan, of) => {
        logged?.(() => `simulate: ${ended} of ${of} payments, ${planName(plan)}`);
        const percent = Math.floor((100 * ended) / of);
        if (percent === shown) return;
        shown = percent;
        const bar = '█'.repeat(Math.floor(percent / 4)).padEnd(25, '░');
        terminal.progress?.(`${bar} ${percent} %  ${planName(plan)}`);
      },
    });
    terminal.progress?.('');
    const summaries = runs.map(summaryOf);
    if (given['json'] === true)
      out(toJson({ graph: graphText, nodes: graph.nodes, channels: graph.channels, runs: summaries }));
    else {
      const width = given['wide'] === true ? undefined : terminal.columns;
      for (const line of reportLines(summaries, { width, paint: painterOf(terminal) })) out(line);
    }
    const about = `${graphText}, ${settings.payments} payments, balances ${settings.balances}, seed ${settings.seed}`;
    if (svgPath !== undefined) await writeNew(svgPath, drawingOf(runs, about));
    if (interrupted.signal.aborted) err('Interrupted: these are the payments that had ended by then.');
  } finally {
    process.off('SIGINT', onSignal);
    terminal.progress?.('');
    await Promise.all(own.map(({ end }) => end()));
  }
};

const misuses: ReadonlySet<unknown> = new Set(['bad_option', 'bad_generator', 'bad_strategy']);

/** Whether it is the flags that are wrong. */
const isMisused = (error: unknown): error is Error => {
  if (!(error instanceof Error) || !('fault' in error)) return false;
  const { fault } = error;
  return typeof fault === 'object' && fault !== null && 'code' in fault && misuses.has(fault.code);
};

/** The command. */
export const simulateCommand = (surroundings: Surroundings): Command => {
  const command = new Command('simulate')
    .description('Makes payments in a network in virtual time, by each strategy, and compares; needs no node.')
    .requiredOption('--graph <NETWORK>', 'a file, or ring:N, small-world:N, preferential:N');
  for (const [flag, doc, words] of flags) {
    const option = new Option(`--${flag}`, doc);
    // For help and completion: what is given is checked together with everything else.
    if (words !== undefined) option.argChoices = [...words];
    command.addOption(option);
  }
  return command
    .addOption(
      new Option(
        '--strategy <FILE>',
        'a strategy of your own, the row that a node takes: export `strategy` of a .mjs, or from Node 22.18 on of a .ts',
      ).argParser(listed),
    )
    .addHelpText('after', help)
    .action(async (_own: unknown, self: Command) => {
      try {
        await simulateAndPrint(self.optsWithGlobals(), surroundings);
      } catch (error) {
        throw isMisused(error) ? new UsageError(`simulate: ${error.message}`) : error;
      }
    });
};
