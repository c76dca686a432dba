/** Stands in for the check of the disk's free space, which no run needs: a real one would bring the file system's own time into a run. */
import type { Disk as RealDisk } from '../../../node/base/disk.ts';

export class Disk implements Pick<RealDisk, 'warning' | 'check'> {
  readonly warning = undefined;
  check(): Promise<void> {
    return Promise.resolve();
  }
}
