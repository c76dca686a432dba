/** The folder for downloads: of this user alone, whatever leads to it. */
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cacheFolder } from '../../../node/regtest/demo/cache.ts';

let base = '';
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'ampere-cache-test-')));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const place = (): string => join(base, 'ampere');
const found = () => cacheFolder({ XDG_CACHE_HOME: base });

test('a folder is made where there is none', async () => {
  expect(await found()).toBe(place());
});

test('a link of this user to a folder of this user is taken', async () => {
  mkdirSync(join(base, 'large disk'), { mode: 0o700 });
  symlinkSync(join(base, 'large disk'), place());
  expect(await found()).toBe(place());
});

test.each(['a link to it', 'it'])('%s is not taken where others can write into the folder', async (what) => {
  const folder = what === 'it' ? place() : join(base, 'open');
  mkdirSync(folder);
  chmodSync(folder, 0o777);
  if (what !== 'it') symlinkSync(folder, place());
  expect(await found()).not.toBe(place());
});

test('a link that leads nowhere is not taken', async () => {
  symlinkSync(join(base, 'missing'), place());
  expect(await found()).not.toBe(place());
});
