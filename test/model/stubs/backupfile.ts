/** Stands in for the backup's file, which no run reads: a real one would bring the file system's own time into a run. */
import type * as real from '../../../node/backup/file.ts';

export const writeBackup: typeof real.writeBackup = async () => undefined;

export const backupIn: typeof real.backupIn = async () => undefined;
