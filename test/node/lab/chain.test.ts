/** Which chain a lab gets: bitcoind, else the embedded one, and never another than the one that was named. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findChain } from '../../../node/regtest/demo/chain.ts';

let folder = '';
let env: NodeJS.ProcessEnv = {};
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ampere-chain-'));
  env = { PATH: folder, XDG_CACHE_HOME: join(folder, 'cache') };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a bitcoind comes first', async () => {
  await writeFile(join(folder, 'bitcoind'), '#!/bin/sh\necho "Bitcoin daemon version v29"\n', { mode: 0o755 });
  expect(await findChain({ env })).toMatchObject({ source: 'PATH', version: 'Bitcoin daemon version v29' });
});

test('where there is none, the embedded chain stands in, and it is said why', async () => {
  const said: string[] = [];
  const found = await findChain({ env, progress: (line) => said.push(line) });
  expect(found).toMatchObject({ source: 'embedded', version: expect.stringContaining('embedded chain') });
  expect(found.command.at(-1)).toBe('chain');
  expect(said.slice(-1)).toEqual([
    expect.stringMatching(/no bitcoind can be had \(.+\), so the embedded chain stands in/),
  ]);
});

test('BITCOIND=embedded asks for it, whatever else there is', async () => {
  await writeFile(join(folder, 'bitcoind'), '#!/bin/sh\necho "Bitcoin daemon version v29"\n', { mode: 0o755 });
  expect((await findChain({ env: { ...env, BITCOIND: 'embedded' } })).source).toBe('embedded');
});

test('a BITCOIND that does not run is an error, and nothing stands in for it', async () => {
  await expect(findChain({ env: { ...env, BITCOIND: join(folder, 'none') } })).rejects.toThrow('which does not run');
});
