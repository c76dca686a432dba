/** Files that must be whole after a power cut. */
import { access, constants, mkdir, open, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FileError } from './fileserror.ts';

/**
 * Creates a folder and its missing parents. It does not use mkdir's `recursive`, which loops forever where the system reports ENOENT for
 * the folder itself and not for a parent.
 */
const made = async (path: string): Promise<void> => {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const isThere = async () => (await stat(path)).isDirectory();
    // On a read-only disk EROFS may be reported even where the folder exists.
    if ((code === 'EEXIST' || code === 'EROFS' || code === 'EACCES') && (await isThere().catch(() => false))) return;
    const above = dirname(path);
    if (
      code !== 'ENOENT' ||
      above === path ||
      (await stat(above).then(
        () => true,
        () => false,
      ))
    )
      throw error;
    await made(above);
    await mkdir(path, { mode: 0o700 });
  }
};

/** Creates a folder for its owner only, with its parents, unless it exists, and checks that it is writable. Throws FileError. */
export const makeFolder = async (path: string): Promise<void> => {
  try {
    await made(path);
  } catch (error) {
    throw new FileError('make the folder', path, error);
  }
  try {
    await access(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new FileError('write into', path, error);
  }
};

/** Makes the directory entry of a file durable. */
export const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};

/** Writes a new file for its owner only, which must not exist; its contents are durable, its directory entry is not yet. */
export const writeNew = async (path: string, bytes: Uint8Array | string, flags: 'w' | 'wx' = 'wx'): Promise<void> => {
  const file = await open(path, flags, 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
};

/** Replaces a file atomically, for its owner only: readers, also after a power cut, find the old or the new one complete. */
export const replaceFile = async (path: string, bytes: Uint8Array): Promise<void> => {
  const next = `${path}.new`;
  await writeNew(next, bytes, 'w');
  await rename(next, path);
  await syncFolder(dirname(path));
};
