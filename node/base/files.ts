/** Files that must be whole after a power cut. */
import { access, constants, mkdir, open, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FileError } from './fileserror.ts';

/**
 * A folder, and those above it where there are none. Not with the `recursive` of mkdir, which tries without end where a system says
 * of the folder to make, and not of one above it, that it is not there.
 */
const made = async (path: string): Promise<void> => {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const isThere = async () => (await stat(path)).isDirectory();
    // On a disk mounted read-only this may come before that the folder is there.
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

/** Makes a folder for its owner alone, and those above it, where there is none, in which files can be made. Throws FileError. */
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
