/** Folders that are made, and what is said of those that cannot be. */
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeFolder } from '../../node/base/files.ts';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-files-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test('a folder and those above it are for their owner alone, and made once', async () => {
  const path = join(dir, 'a', 'b', 'c');
  await makeFolder(path);
  await makeFolder(path);
  for (const made of [path, join(dir, 'a', 'b'), join(dir, 'a')]) expect((await stat(made)).mode & 0o777).toBe(0o700);
});

test.each([
  ['file', 'something else is there (EEXIST)'],
  ['file/below', 'a part of the path is not a folder (ENOTDIR)'],
  ['file/far/below', 'a part of the path is not a folder (ENOTDIR)'],
])('one at %s, where a file is, is refused in a sentence', async (name, reason) => {
  await writeFile(join(dir, 'file'), '');
  await expect(makeFolder(join(dir, name))).rejects.toThrow(`cannot make the folder ${join(dir, name)}: ${reason}`);
});

test('where the system lets nobody make folders, one is refused and not tried for ever', async () => {
  await expect(makeFolder('/proc/ampere/regtest')).rejects.toThrow('cannot make the folder /proc/ampere/regtest: ');
});
