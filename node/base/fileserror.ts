/** What is said of a file or folder that cannot be used. */
import { getSystemErrorMap } from 'node:util';

/** Reasons that people know by other words than the system's own. */
const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the disk is mounted read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EEXIST: 'something else is there',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is no folder',
  ENXIO: 'nobody reads from it',
};

/** An error of the system in words, with its code. */
export const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const { code, errno } = error as NodeJS.ErrnoException;
  if (code === undefined) return error.message;
  return `${reasons[code] ?? getSystemErrorMap().get(errno ?? 0)?.[1] ?? error.message} (${code})`;
};

/** A file or folder that the node needs and cannot use: what it wanted of it, and why that failed. */
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
