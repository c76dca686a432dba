/** Errors of files and folders, in words. */
import { getSystemErrorMap } from 'node:util';

/** Error codes of the system, in words. */
const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the disk is mounted read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EEXIST: 'something else is there',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is not a folder',
  ENXIO: 'no process reads from it',
};

/** The reason of a system error in words, with its code. */
export const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const { code, errno } = error as NodeJS.ErrnoException;
  if (code === undefined) return error.message;
  return `${reasons[code] ?? getSystemErrorMap().get(errno ?? 0)?.[1] ?? error.message} (${code})`;
};

/** The node needs a file or folder and cannot use it: what it wanted to do, and why that failed. */
export class FileError extends Error {
  override readonly name = 'FileError';
  readonly fault: { readonly code: 'unusable'; readonly path: string; readonly reason: string };
  /** `wanted` continues "cannot": "write", "make". */
  constructor(wanted: string, path: string, error: unknown, remedy = '') {
    const reason = reasonOf(error);
    super(`cannot ${wanted} ${path}: ${reason}${remedy && `; ${remedy}`}`);
    this.fault = { code: 'unusable', path, reason };
  }
}
