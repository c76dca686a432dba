/** Backup files on the disk. What is not a backup is never overwritten. */
import { readFile } from 'node:fs/promises';
import { replaceFile } from '../files.ts';
import { BackupError } from './errors.ts';
import { isBackup } from './format.ts';

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** The bytes of a file. Throws BackupError `unreadable`. */
export const readBackup = async (path: string): Promise<Uint8Array> => {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    throw new BackupError({ code: 'unreadable', path, reason: reason(error) });
  }
};

const before = async (path: string): Promise<Uint8Array | undefined> => {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new BackupError({ code: 'unwritable', path, reason: reason(error) });
  }
};

/** Writes a backup, in the place of an older one if there is one; it is whole after a power cut. Throws BackupError. */
export const writeBackup = async (path: string, bytes: Uint8Array): Promise<void> => {
  const old = await before(path);
  if (old !== undefined && old.length > 0 && !isBackup(old)) throw new BackupError({ code: 'foreign_file', path });
  try {
    await replaceFile(path, bytes);
  } catch (error) {
    throw new BackupError({ code: 'unwritable', path, reason: reason(error) });
  }
};
