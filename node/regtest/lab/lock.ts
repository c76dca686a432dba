/** One at a time: whoever changes a lab holds its lock file, which names the process. A lock whose process is gone is taken over. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../base/files.ts';
import { sleep } from '../demo/wait.ts';
import { LabError } from './laberror.ts';

/** Milliseconds until whoever holds it is no longer waited for. */
const patience = 180_000;

const exists = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/**
 * When a process began, as its system counts, or an empty text where the system does not say; undefined where it has ended. Numbers of
 * processes are given again, so that the number alone names none for good.
 */
export const beginningOf = async (pid: number): Promise<string | undefined> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return exists(pid) && process.platform !== 'linux' ? '' : undefined;
  // Behind the name, which may hold anything: the state first, the beginning as the twentieth.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : (fields[19] ?? '');
};

interface Holder {
  /** 0 where the file is empty or strange. */
  readonly pid: number;
  readonly began: string;
}

/** Who holds it, undefined where nobody does. */
const holderOf = async (file: string): Promise<Holder | undefined> => {
  try {
    const [, pid = '0', began = ''] = /^(\d{1,10}) (\d*)\n$/.exec(await readFile(file, 'utf8')) ?? [];
    return { pid: Number(pid), began };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

const isAtWork = async ({ pid, began }: Holder): Promise<boolean> => pid > 0 && (await beginningOf(pid)) === began;

/** Takes a file of a process that is gone out of the way; whoever comes second finds a living one and puts it back. */
const takeAway = async (file: string): Promise<void> => {
  const aside = `${file}.${process.pid}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const holder = await holderOf(aside);
  if (holder !== undefined && (await isAtWork(holder))) await rename(aside, file);
  else await rm(aside, { force: true });
};

/**
 * Runs `work` while this process alone may change the lab in this folder; `waiting` is told once when another one does. Throws LabError
 * `busy` when that takes longer than three minutes.
 */
export const withLock = async <T>(dir: string, work: () => Promise<T>, waiting: (pid: number) => void): Promise<T> => {
  await makeFolder(dir);
  const file = join(dir, 'lock');
  const own = `${process.pid} ${(await beginningOf(process.pid)) ?? ''}\n`;
  let told = false;
  for (const end = Date.now() + patience; ; await sleep(100)) {
    try {
      await writeFile(file, own, { flag: 'wx', mode: 0o600 });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = await holderOf(file);
    if (holder === undefined) continue;
    const { pid } = holder;
    if (Date.now() >= end)
      throw new LabError(
        { code: 'busy', pid },
        `process ${pid} has been at work on the lab in ${dir} for too long; when it is gone, try again`,
      );
    if (!(await isAtWork(holder))) {
      // It may be about to write its number.
      if (pid === 0) await sleep(200);
      if ((await holderOf(file))?.pid === pid) await takeAway(file);
      continue;
    }
    if (!told) waiting(pid);
    told = true;
  }
  const release = () => rm(file, { force: true });
  const onSignal = (signal: NodeJS.Signals): void => {
    void release().then(() => process.exit(signal === 'SIGINT' ? 130 : 143));
  };
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  try {
    return await work();
  } finally {
    process.removeListener('SIGINT', onSignal);
    process.removeListener('SIGTERM', onSignal);
    await release();
  }
};
