/** One at a time: whoever changes a lab holds its lock file, which names the process. A lock whose process is gone is taken over. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../base/files.ts';
import { sleep } from '../demo/wait.ts';
import { LabError } from './laberror.ts';

/** Milliseconds until whoever holds it is no longer waited for. */
const patience = 180_000;

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/** Who holds it: 0 where the file is empty or strange, undefined where there is none. */
const holderOf = async (file: string): Promise<number | undefined> => {
  try {
    const text = await readFile(file, 'utf8');
    return /^\d{1,10}$/.test(text) ? Number(text) : 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

/** Takes a file of a process that is gone out of the way; whoever comes second finds a living one and puts it back. */
const takeAway = async (file: string): Promise<void> => {
  const aside = `${file}.${process.pid}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const holder = (await holderOf(aside)) ?? 0;
  if (holder > 0 && isAlive(holder)) await rename(aside, file);
  else await rm(aside, { force: true });
};

/**
 * Runs `work` while this process alone may change the lab in this folder; `waiting` is told once when another one does. Throws LabError
 * `busy` when that takes longer than three minutes.
 */
export const withLock = async <T>(dir: string, work: () => Promise<T>, waiting: (pid: number) => void): Promise<T> => {
  await makeFolder(dir);
  const file = join(dir, 'lock');
  let told = false;
  for (const end = Date.now() + patience; ; await sleep(100)) {
    try {
      await writeFile(file, String(process.pid), { flag: 'wx', mode: 0o600 });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const pid = await holderOf(file);
    if (pid === undefined) continue;
    if (Date.now() >= end)
      throw new LabError(
        { code: 'busy', pid },
        `process ${pid} has been at work on the lab in ${dir} for too long; when it is gone, try again`,
      );
    if (pid === 0 || !isAlive(pid)) {
      // It may be about to write its number.
      if (pid === 0) await sleep(200);
      if ((await holderOf(file)) === pid) await takeAway(file);
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
