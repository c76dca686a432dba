/** `ampere lab stop` and `ampere lab reset`. */
import { rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Printer } from '../demo/print.ts';
import { stopChain } from './labchain.ts';
import { type LabFile, labFileIn, openLab, pageFolderIn } from './labfile.ts';
import { withLock } from './lock.ts';
import { membersOf } from './members.ts';
import { checkOwn, foldersOf } from './ownfolders.ts';
import { stopProcess } from './processes.ts';

export interface DownOptions {
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly printer: Printer;
}

const locked = <T>({ dir, printer }: DownOptions, work: () => Promise<T>): Promise<T> =>
  withLock(dir, work, (pid) => printer.lines(`  process ${pid} is at work on this lab: waiting for it`));

const stopAll = async (lab: LabFile, { dir, env, printer }: DownOptions): Promise<void> => {
  await stopProcess(pageFolderIn(dir));
  const stopped = await printer.step(`nodes: ${lab.nodes.map(({ name }) => name).join(', ')}`, () =>
    Promise.all(
      [...membersOf(lab, env).values()].map(async (member) => [member.node.name, await member.stop()] as const),
    ),
  );
  for (const [name, how] of stopped)
    if (how === 'killed') printer.lines(`  ${name} did not stop in time and was killed`);
  await printer.step('the chain', () => stopChain(lab.chain));
};

/** Ends everything of a lab; it is all still there. Throws LabError. */
export const labStop = async (options: DownOptions): Promise<void> => {
  await openLab(options.dir);
  await locked(options, async () => {
    const lab = await openLab(options.dir);
    await checkOwn(lab, options.dir);
    await stopAll(lab, options);
  });
};

/** Ends everything of a lab and removes what the lab made, and nothing else. Throws LabError. */
export const labReset = async (options: DownOptions): Promise<void> => {
  const { dir, printer } = options;
  await openLab(dir);
  await locked(options, async () => {
    const lab = await openLab(dir);
    await checkOwn(lab, dir);
    await stopAll(lab, options);
    await printer.step(`what is in ${dir}`, async () => {
      // The file goes last, so that a removal that was interrupted can be gone on with.
      for (const folder of foldersOf(lab, dir)) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
      await rm(labFileIn(dir), { force: true });
      await rm(join(dir, 'lab.json.new'), { force: true });
    });
  });
  // Whatever else somebody put there stays.
  await rmdir(dir).catch(() => undefined);
};
