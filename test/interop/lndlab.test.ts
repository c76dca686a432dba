/** A lab with an lnd in it, where there is one. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { runToEnd } from '../../node/regtest/demo/run.ts';
import { lndProgram } from '../../node/regtest/lab/lndmember.ts';
import { built, whyNoChain } from '../support/regtest.ts';

const parent = mkdtempSync(join(tmpdir(), 'ampere-lndlab-'));
const dir = join(parent, 'lab');
const ampere = (...words: readonly string[]) =>
  runToEnd([process.execPath, built('node/main.js'), ...words], {
    env: { ...process.env, AMPERE_LAB: dir },
    timeout: 240_000,
  });

let missing: string | undefined;
beforeAll(async () => {
  try {
    lndProgram(process.env);
    missing = await whyNoChain();
  } catch (error) {
    missing = error instanceof Error ? error.message : String(error);
    console.warn(`skipped: ${missing}`);
  }
});
beforeEach((context) => {
  if (missing !== undefined) context.skip(missing);
});
afterAll(async () => {
  if (existsSync(join(dir, 'lab.json'))) await ampere('lab', 'reset', '--yes');
  rmSync(parent, { recursive: true, force: true });
});

test('an lnd in a lab pays and is paid over channels that the lab opened, and how to call it is said', async () => {
  const up = await ampere('lab', 'up', '--nodes', '2', '--shape', 'line', '--with', 'lnd');
  expect({ code: up.code, err: up.err }).toEqual({ code: 0, err: '' });
  expect(up.out).toContain('lnd is an lnd:');
  const rows: readonly (readonly [readonly string[], string])[] = [
    [['alice', 'lnd', '5000sat'], 'alice paid lnd 5,000 sat'],
    [['lnd', 'bob', '5000sat'], 'lnd paid bob 5,000 sat (invoice)'],
    [['alice', 'lnd', '8000sat', '--scheme', 'deployed', '--shards', '4'], '(deployed) in 4 HTLCs'],
  ];
  for (const [words, said] of rows) expect((await ampere('lab', 'pay', ...words)).out).toContain(said);
  expect((await ampere('@lnd', 'getinfo')).err).toContain('lncli --lnddir=');
});
