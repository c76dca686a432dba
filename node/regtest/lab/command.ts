/** The command `ampere lab`. What it does is loaded only when it is done. */

import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { msatFrom } from '../../base/amounts.ts';
import { Printer } from '../demo/print.ts';
import { LabError } from './laberror.ts';

/** What the command needs of its process. */
export interface LabSurroundings {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly env: NodeJS.ProcessEnv;
}

const whole =
  (least: number, most: number) =>
  (text: string): number => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most))
      throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}`);
    return value;
  };

const msat = (text: string): bigint => {
  try {
    const amount = msatFrom(text);
    if (amount > 0n) return amount;
  } catch (error) {
    throw new InvalidArgumentError(`expected ${error instanceof Error ? error.message : 'an amount'}`);
  }
  throw new InvalidArgumentError('expected more than nothing');
};

const folderOf = async ({ env }: LabSurroundings): Promise<string> => (await import('./labfile.ts')).labFolder(env);

/** On a terminal with a spinner; everything that is no result goes to standard error where results are for programs. */
const printerOf = ({ env }: LabSurroundings): Printer => new Printer(process.stdout, env);

const asked = async (question: string): Promise<boolean> => {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(question)).trim());
  } finally {
    lines.close();
  }
};

interface UpWishes {
  readonly nodes?: number;
  readonly shape?: string;
  readonly with?: string;
  /** False with --no-web. */
  readonly web: boolean;
}

/** A link to the page of a lab that is up; a page that does not come up costs nothing but itself. */
const linkOf = async (dir: string, { err }: LabSurroundings): Promise<string | undefined> => {
  const { labPageLink } = await import('./page.ts');
  return labPageLink(dir).catch((error: unknown) => {
    err(`ampere: the lab has no web page now: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  });
};

const up = async (given: UpWishes, around: LabSurroundings): Promise<void> => {
  const { isShape, planOfShape, shapeNames, withLnd } = await import('./shapes.ts');
  const { shape: word = 'diamond', nodes } = given;
  if (!isShape(word) && !/[./]/.test(word)) {
    const { didYouMean } = await import('../../base/nearest.ts');
    throw new LabError(
      { code: 'bad_argument', field: 'shape', expected: shapeNames.join(', ') },
      `--shape: expected ${shapeNames.join(', ')}, or a file (./${word})${didYouMean(word, shapeNames)}`,
    );
  }
  if (!isShape(word) && nodes !== undefined)
    throw new LabError(
      { code: 'bad_argument', field: 'nodes', expected: 'none beside a file' },
      '--nodes: a file says itself which nodes there are; leave one of the two out',
    );
  const base = isShape(word)
    ? planOfShape(word, nodes ?? 4)
    : await (await import('./planfile.ts')).planOfFile(resolve(word));
  const plan = given.with === undefined ? base : withLnd(base);
  const dir = await folderOf(around);
  const printer = printerOf(around);
  const isAsked = given.shape !== undefined || nodes !== undefined || given.with !== undefined;
  const { labUp } = await import('./up.ts');
  const { upLines } = await import('./hints.ts');
  const lab = await labUp({ dir, env: around.env, printer, plan, isAsked });
  const page = given.web ? await linkOf(dir, around) : undefined;
  around.out(upLines(dir, lab, page).join('\n'));
};

const down = async (around: LabSurroundings, isReset: boolean, isSure: boolean): Promise<void> => {
  const dir = await folderOf(around);
  const { openLab } = await import('./labfile.ts');
  const { nodes } = await openLab(dir);
  const { labReset, labStop } = await import('./down.ts');
  const options = { dir, env: around.env, printer: printerOf(around) };
  if (!isReset) {
    await labStop(options);
    around.out('The lab is stopped. `ampere lab up` brings it back as it was.');
    return;
  }
  if (!isSure) {
    if (!process.stdin.isTTY)
      throw new LabError(
        { code: 'bad_argument', field: 'yes', expected: '--yes' },
        'expected --yes, since nobody can be asked here',
      );
    if (!(await asked(`Remove the lab in ${dir} with its ${nodes.length} nodes and all their coins? [y/N] `))) {
      around.out('Nothing is removed.');
      return;
    }
  }
  await labReset(options);
  around.out('The lab is removed.');
};

interface PayOptions {
  readonly scheme?: string;
  readonly shards?: number;
  readonly redundancy?: number;
  readonly strategy?: string;
  readonly prefer?: 'cheap' | 'balanced' | 'reliable';
  readonly json?: boolean;
}

const pay = async (from: string, to: string, amountMsat: bigint, given: PayOptions, around: LabSurroundings) => {
  const { openLab } = await import('./labfile.ts');
  const { labPay, paidLines } = await import('./pay.ts');
  const lab = await openLab(await folderOf(around));
  const { scheme, shards, redundancy, strategy, prefer } = given;
  const paid = await labPay(
    lab,
    {
      ...{ from, to, amountMsat },
      ...(scheme !== undefined && { scheme }),
      ...(shards !== undefined && { shards }),
      ...(redundancy !== undefined && { redundancy }),
      ...(strategy !== undefined && { strategy }),
      ...(prefer !== undefined && { prefer }),
    },
    around.env,
  );
  const names = new Map(lab.nodes.map(({ id, name }) => [id, name]));
  const { toJson } = await import('../../api/rpc/json.ts');
  around.out(given.json === true ? toJson(paid) : paidLines(paid, (id) => names.get(id) ?? id.slice(0, 8)).join('\n'));
};

const status = async (isJson: boolean, around: LabSurroundings): Promise<void> => {
  const dir = await folderOf(around);
  const { openLab } = await import('./labfile.ts');
  const { statusLines, statusOf } = await import('./status.ts');
  const now = await statusOf(dir, await openLab(dir), around.env);
  const { toJson } = await import('../../api/rpc/json.ts');
  around.out(isJson ? toJson(now) : statusLines(now).join('\n'));
};

const globals = (self: Command): Readonly<Record<string, unknown>> => self.optsWithGlobals();

/** `ampere lab`, with what it can do. */
export const labCommand = (around: LabSurroundings): Command => {
  const lab = new Command('lab').description(
    'A network of nodes with channels on a regtest chain of its own, that stays up.',
  );
  lab
    .command('up')
    .description('Starts the lab, made anew where there is none; again is harmless, and brings back what does not run.')
    .option('--nodes <N>', 'how many nodes a new lab has; 4 unless told', whole(1, 26))
    .option('--shape <SHAPE>', 'line, ring, star, diamond, or a YAML or JSON file; diamond unless told')
    .addOption(new Option('--with <WHAT>', 'an lnd beside ours, from the PATH or ~/.cache/ampere').choices(['lnd']))
    .option('--no-web', 'without a web page; `lab page` starts it later')
    .action((given: UpWishes) => up(given, around));
  lab
    .command('status')
    .description('What runs, and what is in the channels.')
    .action((_given: unknown, self: Command) => status(globals(self)['json'] === true, around));
  lab
    .command('mine')
    .description('Mines blocks, and waits until every node has read them.')
    .argument('[BLOCKS]', 'how many', whole(1, 10_000), 1)
    .action(async (blocks: number) => {
      const { openLab } = await import('./labfile.ts');
      const { mineInLab } = await import('./mine.ts');
      around.out(await mineInLab(await openLab(await folderOf(around)), blocks, around.env));
    });
  lab
    .command('pay')
    .description('Has one node pay another; names may be cut short.')
    .argument('<FROM>', 'who pays')
    .argument('<TO>', 'who is paid')
    .argument('<AMOUNT>', 'such as 50000sat, 1.5sat, 0.001btc; a number alone is msat', msat)
    .option('--scheme <NAME>', 'fixed, dynamic, tree, threshold, deployed, single, or invoice')
    .option('--shards <N>', 'in how many HTLCs', whole(1, 255))
    .option('--redundancy <N>', 'HTLCs beyond what is needed, with threshold', whole(1, 254))
    .option('--strategy <NAME>', 'how the amount is cut: outlets, equal, halving, congestion or flow')
    .addOption(
      new Option('--prefer <ROUTES>', 'which routes; balanced unless told').choices(['cheap', 'balanced', 'reliable']),
    )
    .action((from: string, to: string, amount: bigint, _given: unknown, self: Command) =>
      pay(from, to, amount, globals(self) as PayOptions, around),
    );
  lab
    .command('page')
    .description('A web page that shows the lab and has buttons to mine, pay and close: a link that opens it once.')
    .addOption(new Option('--serve <DIR>', 'serves it, with what it needs in this folder').hideHelp())
    .action(async ({ serve }: { serve?: string }) => {
      const { labPageLink, servePage } = await import('./page.ts');
      const dir = await folderOf(around);
      if (serve === undefined) around.out(await labPageLink(dir));
      else await servePage(dir, around.env);
    });
  lab
    .command('stop')
    .description('Ends every process of the lab; nothing is lost.')
    .action(() => down(around, false, true));
  lab
    .command('reset')
    .description('Ends every process of the lab, and removes all of it.')
    .option('--yes', 'without asking')
    .action((given: { yes?: boolean }) => down(around, true, given.yes === true));
  return lab;
};
