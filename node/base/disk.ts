/** The room on the disk that the store is on: said while there is still some, for a node that cannot save ends. */
import { statfs } from 'node:fs/promises';
import type { Clock, Log } from '../ports/ports.ts';

/** Bytes below which it is said: a day of a busy node fits, with what the store takes while it tidies up. */
export const LOW_SPACE_BYTES = 256 * 1024 * 1024;
/** Files that can still be made, below which it is said. */
const LOW_SPACE_FILES = 1_000;
/** How much more there must be before it counts as enough again, so that nothing is said twice for a few bytes. */
const HYSTERESIS = 1.25;
/** Milliseconds between two looks. */
const CHECK_INTERVAL_MS = 10_000;

/** What is free. `files` is undefined where the file system does not count them. */
export interface FreeSpace {
  readonly bytes: number;
  readonly files: number | undefined;
}

/** The room for everybody, without what is kept for the administrator. */
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
  /** For operators, while there is little room. */
  warning: string | undefined;
  private readonly parts: DiskParts;
  private looked = Number.NEGATIVE_INFINITY;
  private looking: Promise<void> | undefined;

  constructor(parts: DiskParts) {
    this.parts = parts;
  }

  /** Looks again, unless that was done just now; never throws. A disk that does not answer is asked once. */
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
      log.debug({ folder, error }, 'the room on the disk cannot be told');
      return;
    }
    const before = this.warning;
    this.warning = this.warningFor(found, before === undefined ? 1 : HYSTERESIS);
    if (before === undefined && this.warning !== undefined) log.warn({ folder }, this.warning);
    if (before !== undefined && this.warning === undefined) log.info({ folder }, 'there is room on the disk again');
  }

  private warningFor({ bytes, files }: FreeSpace, factor: number): string | undefined {
    const few = files !== undefined && files < LOW_SPACE_FILES * factor;
    if (bytes >= LOW_SPACE_BYTES * factor && !few) return undefined;
    const left = few ? `room for ${files} more files` : `${Math.floor(bytes / 1_000_000)} MB`;
    return (
      `${left} left on the disk of ${this.parts.folder}: once nothing can be saved the node ends. Make room, or move the folder to ` +
      'a larger disk while the node is stopped'
    );
  }
}
