/** The commands for whoever experiments: what they write runs as it is. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { runToEnd } from '../../node/regtest/demo/run.ts';
import { built } from '../support/regtest.ts';
import { root } from '../support/tree.ts';

const dir = mkdtempSync(join(tmpdir(), 'ampere-experiments-'));
afterAll(() => rmSync(dir, { recursive: true }));
const ampere = (...words: readonly string[]) =>
  runToEnd([process.execPath, built('node/main.js'), ...words], { cwd: dir });

test('new-protocol writes a protocol whose payer writes and whose hops read, and says how to run it', async () => {
  const { code, out } = await ampere('new-protocol', 'hello');
  expect(code).toBe(0);
  // Nothing is installed in the folder yet.
  expect(out).toContain(`npm install --no-save '${dirname(join(root, 'package.json'))}'`);
  expect(out).toContain('node hello.mjs');
  mkdirSync(join(dir, 'node_modules'));
  symlinkSync(root, join(dir, 'node_modules', 'ampere'));
  const ran = await runToEnd([process.execPath, 'hello.mjs'], { cwd: dir });
  expect(ran).toMatchObject({ code: 0, err: '' });
  expect(ran.out.trim().split('\n')).toEqual([
    'bob forwards an HTLC and reads: hello, hop 1',
    'carol is paid and reads: hello, hop 2',
    'alice paid carol: complete',
  ]);
});

test('new-protocol writes over no file, and takes no name that is a path', async () => {
  writeFileSync(join(dir, 'mine.mjs'), 'mine');
  for (const [name, why] of [
    ['mine', 'it is there already'],
    ['../up', 'expected a name'],
  ] as const) {
    const { code, err } = await ampere('new-protocol', name);
    expect([code, err]).toEqual([2, expect.stringContaining(why)]);
  }
  expect(readFileSync(join(dir, 'mine.mjs'), 'utf8')).toBe('mine');
});

test('the prompt has the library at hand, shows bytes as hex, and says where it finds no node', () => {
  const lines = [
    'hex(Uint8Array.of(1, 171))',
    'sha256(utf8("a")).subarray(0, 4)',
    'onion.FRAME_LENGTH + amp.SHARE_LENGTH',
    'typeof ampere.node.runNode + typeof channel.transition',
    'await node.getinfo()',
  ];
  const words = [built('node/main.js'), '--dir', join(dir, 'none'), 'repl'];
  const said = execFileSync(process.execPath, words, {
    input: `${lines.join('\n')}\n`,
    encoding: 'utf8',
    timeout: 60_000,
  });
  for (const answer of ["'01ab'", '<ca978112>', '97', "'functionfunction'", 'ConnectionError: cannot reach a node at'])
    expect(said).toContain(answer);
});
