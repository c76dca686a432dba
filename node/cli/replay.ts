/** `ampere replay DIR [MACHINE]`: goes through what `--dev-record DIR` recorded. Needs no node. */
import { Command } from 'commander';
import { type Column, tableLines } from '../base/table.ts';
import { toJson } from '../base/tojson.ts';
import type { MachineRecord } from '../replay/record.ts';
import type { ReplayedStep } from '../replay/run.ts';
import type { Surroundings } from './surroundings.ts';
import { UsageError } from './words.ts';

type Output = Pick<Surroundings, 'out' | 'err' | 'ask' | 'terminal'>;

interface Choice {
  readonly until: number | undefined;
  readonly breakOn: string | undefined;
  readonly json: boolean;
}

const stepNumber = (text: string): number => {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError('--until: expected the number of a step');
  return Number(text);
};

const howMade = ({ secrets }: MachineRecord): string =>
  secrets
    ? 'recorded with secrets: each step is made again and compared'
    : 'recorded without secrets: the steps are shown as they were recorded, and none is made again';

/** Steps through one machine. Returns whether a step came out otherwise than it was recorded. */
const stepThrough = async (
  record: MachineRecord,
  { until, breakOn, json }: Choice,
  { out, err, ask, terminal }: Output,
): Promise<boolean> => {
  const { replayed } = await import('../replay/run.ts');
  const { isNamed, stepJson, stepText } = await import('../replay/show.ts');
  // A file or pipe gets whole lines.
  const columns = terminal?.rows === undefined ? undefined : terminal.columns;
  let differs = false;
  /** Whether to stop at each step, as somebody at a terminal wants once the step asked for is there. */
  let isStepping = ask !== undefined && !json && until === undefined && breakOn === undefined;
  let last = 0;
  if (!json) err(`${record.kind} ${record.name}, ${howMade(record)}`);
  const end = (step: ReplayedStep): boolean => step.step === until || (breakOn !== undefined && isNamed(step, breakOn));
  for (const step of replayed(record)) {
    differs ||= step.differences.length > 0;
    last = step.step;
    out(json ? toJson(stepJson(step)) : stepText(step, columns));
    const isThere = step.what === 'step' && !isStepping && end(step);
    if (isThere && (ask === undefined || json)) break;
    isStepping ||= isThere;
    if (!isStepping || ask === undefined) continue;
    const answer = (await ask('enter: next step, c: all that follow, q: quit > '))?.trim();
    if (answer === undefined || answer === 'q') break;
    if (answer === 'c') isStepping = false;
  }
  if (until !== undefined && last < until) err(`ampere: the record ends with step ${last}`);
  if (record.isCut) err('ampere: the last line of the record is cut, as by a power cut: it is left out');
  return differs;
};

/** One line for each machine. Returns whether a step of one came out otherwise than it was recorded. */
const overview = async (
  records: readonly MachineRecord[],
  dir: string,
  json: boolean,
  { out, err }: Output,
): Promise<boolean> => {
  const { replayed } = await import('../replay/run.ts');
  const rows = records.map((record) => {
    const steps = [...replayed(record)];
    const made = steps.filter(({ isReplayed }) => isReplayed).length;
    const all = steps.filter(({ what }) => what === 'step').length;
    const different = steps.filter(({ differences }) => differences.length > 0);
    return { record, all, made, different, phase: steps.at(-1)?.phase };
  });
  if (json)
    for (const { record, all, made, different, phase } of rows) {
      const { kind, id, name, secrets } = record;
      out(
        toJson({
          machine: kind,
          id,
          name,
          secrets,
          steps: all,
          replayed: made,
          phase,
          differ: different.map(({ step }) => step),
        }),
      );
    }
  else {
    const columns: readonly Column<(typeof rows)[number]>[] = [
      { title: 'machine', cell: ({ record }) => record.kind },
      { title: 'name', cell: ({ record }) => record.name.slice(0, 24) },
      { title: 'phase', cell: ({ phase = '' }) => phase },
      { title: 'steps', cell: ({ all }) => String(all), right: true },
      { title: 'made again', cell: ({ made }) => String(made), right: true },
      { title: 'differ', cell: ({ different }) => String(different.length), right: true },
    ];
    for (const line of tableLines(columns, rows)) out(line);
    const [first] = [...rows].sort((a, b) => b.different.length - a.different.length || b.all - a.all);
    if (rows.some(({ made, all }) => made < all))
      err('Steps recorded without secrets (--dev-record-secrets) are shown, and not made again.');
    err(`To go through one: ampere replay ${dir} ${first?.record.name.slice(0, 24) ?? 'NAME'}`);
  }
  return rows.some(({ different }) => different.length > 0);
};

const help = `
Without a machine all are replayed and listed. A machine is named as in the log and in lists: a channel by its short_channel_id or
channel_id, a payment by its payment hash, what receives payments by "receiver"; the first four digits do. At a terminal each step
waits for enter. Exit code 1: a step came out otherwise than it was recorded.

Examples: ampere replay rec
          ampere replay rec 103x1x0 --break-on commitment_signed
          ampere replay rec receiver --json`;

/** A step came out otherwise than it was recorded. */
class ReplayDiffers extends Error {
  override readonly name = 'ReplayDiffers';
  readonly fault = { code: 'differs' } as const;
}

/** The command. */
export const replayCommand = (output: Output): Command =>
  new Command('replay')
    .description('Goes through the steps of channels and payments that --dev-record recorded; needs no node.')
    .argument('<DIR>', 'the folder of the record')
    .argument('[MACHINE]', 'the channel or payment, or receiver')
    .option('--until <N>', 'go to step N', stepNumber)
    .option('--break-on <NAME>', 'go to the first step whose input, effect or new phase has this name')
    .addHelpText('after', help)
    .action(async (dir: string, machine: string | undefined, _own: unknown, self: Command) => {
      const { until, breakOn, json = false } = self.optsWithGlobals<Partial<Choice>>();
      const { readRecords, recordOf } = await import('../replay/record.ts');
      const records = readRecords(dir);
      if (machine === undefined && (until !== undefined || breakOn !== undefined))
        throw new UsageError('--until and --break-on are for one machine: name it');
      const differs =
        machine === undefined
          ? await overview(records, dir, json, output)
          : await stepThrough(recordOf(records, dir, machine), { until, breakOn, json }, output);
      if (differs)
        throw new ReplayDiffers(
          'steps came out otherwise than they were recorded (DIFFERS): by another version of the program, or by a bug',
        );
    });
