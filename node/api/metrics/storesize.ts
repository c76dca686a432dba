/** Bytes of the store on disk, and those that are free there, looked at while somebody asks. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { freeSpaceAt } from '../../base/disk.ts';
import type { Clock } from '../../ports/ports.ts';

export interface StoreSize {
  readonly store: number;
  readonly free: number;
}

/** Milliseconds that whoever asks waits for the disk; one that hangs holds up no answer. */
const PATIENCE = 1000;

const sizeOf = async (path: string): Promise<number> => {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : 0;
  } catch {
    // The database removes files as it goes.
    return 0;
  }
};

const look = async (folder: string): Promise<StoreSize> => {
  const names = await readdir(folder);
  let store = 0;
  for (const name of names) store += await sizeOf(join(folder, name));
  return { store, free: (await freeSpaceAt(folder)).bytes };
};

/** Asks the disk of that folder; what it said last where it does not answer, undefined before it ever did. One look at a time. */
export const storeSizes = (folder: string, clock: Clock): (() => Promise<StoreSize | undefined>) => {
  let last: StoreSize | undefined;
  let looking: Promise<void> | undefined;
  return async () => {
    looking ??= look(folder)
      .then((found) => {
        last = found;
      })
      .catch(() => undefined)
      .finally(() => {
        looking = undefined;
      });
    let cancel: () => void = () => undefined;
    const enough = new Promise<void>((resolve) => {
      cancel = clock.after(PATIENCE, resolve);
    });
    await Promise.race([looking, enough]);
    cancel();
    return last;
  };
};
