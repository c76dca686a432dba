/** Backup files on the disk. What is not a backup is never overwritten. */
import { link, readFile, unlink } from 'node:fs/promises';
import { replaceFile } from '../base/files.ts';
import { FileError, reasonOf } from '../base/fileserror.ts';
import { BackupError } from './errors.ts';
import { isBackup } from './format.ts';

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** The bytes of a file. Throws BackupError `unreadable`. */
export const readBackup = async (path: string): Promise<Uint8Array> => {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    throw new BackupError({ code: 'unreadable', path, reason: reasonOf(error) });
  }
};

/** The same for the file that a node keeps; undefined where there is none, or none was written yet. Throws FileError. */
export const backupIn = async (path: string): Promise<Uint8Array | undefined> => {
  try {
    const bytes = await readFile(path);
    return bytes.length === 0 ? undefined : new Uint8Array(bytes);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new FileError('read the backup in', path, error);
  }
};

const before = async (path: string): Promise<Uint8Array | undefined> => {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new BackupError({ code: 'unwritable', path, reason: reasonOf(error) });
  }
};

/** Gives a file another name, FILE.1 or the next that is free, so that it is not lost. Returns that. */
const setAside = async (path: string): Promise<string> => {
  for (let n = 1; ; n++) {
    const name = `${path}.${n}`;
    try {
      // A second name, then the first one goes: a crash between the two loses nothing.
      await link(path, name);
      await unlink(path);
      return name;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
};

/**
 * Writes a backup; it is whole after a power cut. It takes the place of an older one, unless that one says more: then the
 * older is kept under another name, which is returned. Throws BackupError.
 */
export const writeBackup = async (
  path: string,
  bytes: Uint8Array,
  saysMore: (old: Uint8Array) => boolean,
): Promise<string | undefined> => {
  const old = await before(path);
  if (old !== undefined && old.length > 0 && !isBackup(old)) throw new BackupError({ code: 'foreign_file', path });
  try {
    const aside = old !== undefined && old.length > 0 && saysMore(old) ? await setAside(path) : undefined;
    await replaceFile(path, bytes);
    return aside;
  } catch (error) {
    throw new BackupError({ code: 'unwritable', path, reason: reasonOf(error) });
  }
};
