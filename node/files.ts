/** Files that must be whole after a power cut. */
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes a file's name in its folder durable. */
export const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};

/** Writes a new file, which must not be there, for its owner alone; durable but for its name. */
export const writeNew = async (path: string, bytes: Uint8Array | string, flags: 'w' | 'wx' = 'wx'): Promise<void> => {
  const file = await open(path, flags, 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
};

/** Puts a file in the place of another, for its owner alone: whoever looks, and after a power cut, finds one of the two whole. */
export const replaceFile = async (path: string, bytes: Uint8Array): Promise<void> => {
  const next = `${path}.new`;
  await writeNew(next, bytes, 'w');
  await rename(next, path);
  await syncFolder(dirname(path));
};
