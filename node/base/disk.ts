/** Free space on the disk of the store: the node warns before it is full, since a node that cannot save stops. */
import { statfs } from 'node:fs/promises';
import type { Clock, Log } from '../ports/ports.ts';

/** Bytes below which the node warns: enough for a day of a busy node, and for the store's compactions. */
export const LOW_SPACE_BYTES = 256 * 1024 * 1024;
/** Free inodes below which the node warns. */
const LOW_SPACE_FILES = 1_000;
/** Factor by which free space must exceed the limit before the warning ends, so that it does not come and go. */
const HYSTERESIS = 1.25;
/** Milliseconds between two checks. */
const CHECK_INTERVAL_MS = 10_000;

/** Free space and inodes. `files` is undefined where the file system does not count inodes. */
export interface FreeSpace {
  readonly bytes: number;
  readonly files: number | undefined;
}

/** Free space for unprivileged processes. */
export const freeSpaceAt = async (path: string): Promise<FreeSpace> => {
  const { bavail, bsize, files, ffree } = await statfs(path);
  return { bytes: bavail * bsize, files: files > 0 ? ffree : undefined };
};

export interface DiskParts {
  readonly folder: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  readonly room?: (path: string) => Promise<FreeSpace>;
}

export class Disk {
  /** The warning for operators, while there is little space. */
  warning: string | undefined;
  private readonly parts: DiskParts;
  private looked = Number.NEGATIVE_INFINITY;
  private looking: Promise<void> | undefined;

  constructor(parts: DiskParts) {
    this.parts = parts;
  }

  /** Checks again, unless it has just done so; never throws. While a disk does not answer, no further check is begun. */
  check(): Promise<void> {
    const now = this.parts.clock.now();
    if (this.looking !== undefined || now - this.looked < CHECK_INTERVAL_MS) return this.looking ?? Promise.resolve();
    this.looked = now;
    const looking = this.ask().finally(() => {
      this.looking = undefined;
    });
    this.looking = looking;
    return looking;
  }

  private async ask(): Promise<void> {
    const { folder, log, room = freeSpaceAt } = this.parts;
    let found: FreeSpace;
    try {
      found = await room(folder);
    } catch (error) {
      log.debug({ folder, error }, 'the free space on the disk cannot be determined');
      return;
    }
    const before = this.warning;
    this.warning = this.warningFor(found, before === undefined ? 1 : HYSTERESIS);
    if (before === undefined && this.warning !== undefined) log.warn({ folder }, this.warning);
    if (before !== undefined && this.warning === undefined)
      log.info({ folder }, 'there is enough free space on the disk again');
  }

  private warningFor({ bytes, files }: FreeSpace, factor: number): string | undefined {
    const few = files !== undefined && files < LOW_SPACE_FILES * factor;
    if (bytes >= LOW_SPACE_BYTES * factor && !few) return undefined;
    const left = few ? `room for ${files} more files` : `${Math.floor(bytes / 1_000_000)} MB`;
    return (
      `${left} left on the disk of ${this.parts.folder}: the node stops once it cannot save. Free some space, or move the folder to ` +
      'a larger disk while the node is stopped'
    );
  }
}
