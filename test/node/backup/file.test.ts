/** Backup files on the disk: replaced whole, for their owner alone, and never in the place of something else. */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BackupError } from '../../../node/backup/errors.ts';
import { readBackup, writeBackup } from '../../../node/backup/file.ts';
import { concat, utf8 } from '../../../wire/bytes.ts';

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ampere-backup-'));
  path = join(folder, 'channels.backup');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const backup = (n: number): Uint8Array => concat(utf8('ampereCB'), new Uint8Array(100).fill(n));
const write = (to: string, bytes: Uint8Array) => writeBackup(to, bytes, () => false);
const code = (deed: Promise<unknown>): Promise<string> =>
  deed.then(
    () => 'done',
    (error: unknown) => (error instanceof BackupError ? error.fault.code : String(error)),
  );

test('one backup takes the place of another, and nothing else is left in the folder', async () => {
  await write(path, backup(1));
  await write(path, backup(2));
  expect(await readBackup(path)).toEqual(backup(2));
  expect(await readdir(folder)).toEqual(['channels.backup']);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('what is no file is not read, and no file that is too large', async () => {
  await writeFile(path, '');
  await truncate(path, 128 * 1024 * 1024 + 1);
  expect(await code(readBackup('/dev/null'))).toBe('unreadable');
  expect(await code(readBackup(path))).toBe('unreadable');
});

test('what a write that was cut short left behind is no hindrance', async () => {
  await write(path, backup(1));
  await writeFile(`${path}.new`, backup(2).subarray(0, 20));
  expect(await readBackup(path)).toEqual(backup(1));
  await write(path, backup(3));
  expect(await readBackup(path)).toEqual(backup(3));
});

test('one that says more is kept under the next name that is free', async () => {
  await write(path, backup(1));
  const more = (old: Uint8Array) => old.at(-1) !== 3;
  expect(await writeBackup(path, backup(2), more)).toBe(`${path}.1`);
  expect(await writeBackup(path, backup(3), more)).toBe(`${path}.2`);
  expect(await writeBackup(path, backup(4), more)).toBeUndefined();
  expect((await readdir(folder)).sort()).toEqual(['channels.backup', 'channels.backup.1', 'channels.backup.2']);
  expect(await readBackup(`${path}.1`)).toEqual(backup(1));
  expect(await readBackup(`${path}.2`)).toEqual(backup(2));
  expect(await readBackup(path)).toEqual(backup(4));
});

test('a file that is no backup is left as it is; an empty one is taken', async () => {
  await writeFile(path, 'a letter');
  expect(await code(write(path, backup(1)))).toBe('foreign_file');
  expect(await readFile(path, 'utf8')).toBe('a letter');
  await writeFile(path, '');
  expect(await code(write(path, backup(1)))).toBe('done');
});

test('what cannot be read or written is said', async () => {
  expect(await code(readBackup(path))).toBe('unreadable');
  expect(await code(write(join(folder, 'nowhere', 'file'), backup(1)))).toBe('unwritable');
  await mkdir(path);
  expect(await code(write(path, backup(1)))).toBe('unwritable');
});
