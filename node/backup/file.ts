/** Backup files on disk. A file that is no backup is never overwritten. */
import { link, readFile, stat, unlink } from 'node:fs/promises';
import { replaceFile } from '../base/files.ts';
import { FileError, reasonOf } from '../base/fileserror.ts';
import { BackupError } from './errors.ts';
import { isBackup } from './format.ts';

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** Bytes of the largest backup that is read: a hundred thousand channels have less. */
const MOST_BYTES = 128 * 1024 * 1024;

/** Why a path is not read: whoever may ask for a decode could name a device that never ends. */
const noBackup = async (path: string): Promise<string | undefined> => {
  const there = await stat(path);
  if (!there.isFile()) return 'it is no file';
  return there.size > MOST_BYTES ? `it has ${there.size} bytes, at most ${MOST_BYTES} are read` : undefined;
};

/** The bytes of a file, at most 128 MiB. Throws BackupError `unreadable`. */
export const readBackup = async (path: string): Promise<Uint8Array> => {
  let reason: string | undefined;
  try {
    reason = await noBackup(path);
    if (reason === undefined) return new Uint8Array(await readFile(path));
  } catch (error) {
    reason = reasonOf(error);
  }
  throw new BackupError({ code: 'unreadable', path, reason });
};

/** The same for the node's own backup file; undefined where there is none yet. Throws FileError. */
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

/** Renames a file to FILE.1, or the next number that is free, so that it is not lost. Returns the new name. */
const setAside = async (path: string): Promise<string> => {
  for (let n = 1; ; n++) {
    const name = `${path}.${n}`;
    try {
      // The second name is linked before the first is removed: a crash in between loses nothing.
      await link(path, name);
      await unlink(path);
      return name;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
};

/**
 * Writes a backup, which is complete even after a power cut. It replaces an older one, unless that has channels which this one lacks:
 * then the older is kept under another name, which is returned. Throws BackupError.
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
