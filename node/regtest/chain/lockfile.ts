/** A lock file, which names the process that holds it. That of a process which is gone is taken over. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

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
 * Takes the lock file for this process. The number of the process that holds it where that is at work, which may be this one, else
 * undefined: then it is taken, until the file is removed.
 */
export const takeLock = async (file: string): Promise<number | undefined> => {
  const own = `${process.pid} ${(await beginningOf(process.pid)) ?? ''}\n`;
  for (;;) {
    try {
      await writeFile(file, own, { flag: 'wx', mode: 0o600 });
      return undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = await holderOf(file);
    if (holder === undefined) continue;
    if (await isAtWork(holder)) return holder.pid;
    // It may be about to write its number.
    if (holder.pid === 0) await sleep(200);
    if ((await holderOf(file))?.pid === holder.pid) await takeAway(file);
  }
};
