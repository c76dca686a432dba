/** One at a time: whoever changes a lab holds its lock file, which names the process. A lock whose process is gone is taken over. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../base/files.ts';
import { takeLock } from '../chain/lockfile.ts';
import { sleep } from '../demo/wait.ts';
import { LabError } from './laberror.ts';

/** Milliseconds until whoever holds it is no longer waited for. */
const patience = 180_000;

/**
 * Runs `work` while this process alone may change the lab in this folder; `waiting` is told once when another one does. Throws LabError
 * `busy` when that takes longer than three minutes.
 */
export const withLock = async <T>(dir: string, work: () => Promise<T>, waiting: (pid: number) => void): Promise<T> => {
  await makeFolder(dir);
  const file = join(dir, 'lock');
  let told = false;
  for (const end = Date.now() + patience; ; await sleep(100)) {
    const pid = await takeLock(file);
    if (pid === undefined) break;
    if (Date.now() >= end)
      throw new LabError(
        { code: 'busy', pid },
        `process ${pid} has been at work on the lab in ${dir} for too long; when it is gone, try again`,
      );
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
