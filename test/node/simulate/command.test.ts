/** `ampere simulate`: what it prints, and how it refuses. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { schemeNames } from '../../../amp/schemes.ts';
import { strategyNames } from '../../../amp/strategies.ts';
import { exitCodes, runCommand } from '../../../node/cli/program.ts';
import { schemeWords, strategyWords } from '../../../node/cli/simulate.ts';
import type { Terminal } from '../../../node/cli/terminal.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const run = async (words: readonly string[], terminal?: Terminal) => {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCommand(['simulate', ...words], {
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    env: {},
    run: () => Promise.reject(new Error('no node is started')),
    ...(terminal && { terminal }),
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
};

const few = ['--graph', 'ring:8', '--payments', '3', '--strategies', 'single,halving', '--amount', '1k..20k'];

describe('ampere simulate', () => {
  test('prints a table with a row for each plan, no wider than 80 columns, and the same for the same seed', async () => {
    const once = await run(few);
    expect(once.code).toBe(exitCodes.done);
    expect(once.err).toBe('');
    const lines = once.out.split('\n');
    expect(lines[0]).toMatch(/^plan +from +n +ok % +tries/);
    expect(lines.some((line) => line.startsWith('single'))).toBe(true);
    expect(lines.some((line) => line.startsWith('halving/tree'))).toBe(true);
    expect(lines.every(({ length }) => length <= 80)).toBe(true);
    expect(await run(few)).toEqual(once);
  });

  test('names in its help every strategy and scheme that there is', () => {
    expect([...strategyWords].sort()).toEqual(['single', 'packets', ...strategyNames].sort());
    expect([...schemeWords].sort()).toEqual([...schemeNames, 'mpp'].sort());
  });

  test('prints the figures as JSON', async () => {
    const { code, out } = await run([...few, '--json', '--seed', '5']);
    expect(code).toBe(exitCodes.done);
    const told = JSON.parse(out);
    expect(told).toMatchObject({ graph: 'ring:8', nodes: 8, channels: 8 });
    expect(told.runs).toMatchObject([
      { plan: { strategy: 'single' }, all: { payments: 3 } },
      { plan: { strategy: 'halving', scheme: 'tree', redundancy: 0 }, all: { payments: 3 } },
    ]);
  });

  test('draws a picture into a new file, and overwrites none', async () => {
    const path = join(dir, 'picture.svg');
    const { code, out } = await run([...few, '--svg', path]);
    expect([code, out]).toEqual([exitCodes.done, (await run(few)).out]);
    const svg = await readFile(path, 'utf8');
    expect(svg).toMatch(/^<svg .*ring:8, 3 payments, balances uniform, seed 1.*<\/svg>\n$/s);
    const again = await run([...few, '--svg', path]);
    expect([again.code, again.out]).toEqual([exitCodes.usage, '']);
    expect(again.err).toContain('--svg: expected a file that is not there yet');
    expect(await readFile(path, 'utf8')).toBe(svg);
  });

  test('leaves no file for a picture where the simulation fails', async () => {
    const path = join(dir, 'none.svg');
    const graph = join(dir, 'loop.json');
    const pub_key = `02${'11'.repeat(32)}`;
    const edge = { channel_id: '1', node1_pub: pub_key, node2_pub: pub_key, capacity: '1000' };
    await writeFile(graph, JSON.stringify({ nodes: [{ pub_key }], edges: [edge] }));
    const failed = await run(['--graph', graph, '--svg', path]);
    expect(failed.code).toBe(exitCodes.failed);
    await expect(readFile(path)).rejects.toThrow('ENOENT');
  });

  test('shows how far it is on a terminal, and clears that', async () => {
    const said: string[] = [];
    await run(few, { columns: 80, colors: false, progress: (text) => void said.push(text) });
    expect(said[0]).toMatch(/^█+░+ 16 % {2}single$/);
    expect(said.at(-1)).toBe('');
  });

  test.each(['thirds', 'single', 'thirds,single'])('takes a strategy of a file beside %s', async (strategies) => {
    const mine = join(import.meta.dirname, 'strategies', 'thirds.mjs');
    const words = ['--amount', '3k..20k', '--strategy', mine, '--strategies', strategies];
    const { code, out } = await run([...few.slice(0, 4), ...words]);
    expect(code).toBe(exitCodes.done);
    expect(out.match(/^thirds\/tree/gm)).toHaveLength(1);
    expect(/^single/m.test(out)).toBe(strategies.includes('single'));
  });

  test('ends the run of a strategy at fault, says why, and goes on with the others', async () => {
    const path = join(dir, 'broken.mjs');
    const row = "name: 'broken', needsShards: false, usesWindows: false, split: () => undefined";
    await writeFile(path, `export default { ${row}, cut: () => { throw new Error('no idea'); } };`);
    const { code, out } = await run([...few.slice(0, 4), '--strategy', path, '--strategies', 'broken,single']);
    expect(code).toBe(exitCodes.done);
    expect(out).toContain('broken/tree: ended after 1 payment: broken: it threw no idea');
    expect(out).toMatch(/^ +all +3 +100.0 /m);
  });

  test.each([
    [[], exitCodes.usage, /required option '--graph <NETWORK>'/],
    [
      ['--graph', 'ring:8', '--payments', 'many'],
      exitCodes.usage,
      /--payments: expected a whole number from 1 to 1000000, got 'many'/,
    ],
    [['--graph', 'ring:1'], exitCodes.usage, /expected/],
    [
      ['--graph', '/no/such/file'],
      exitCodes.failed,
      /no\/such\/file.*a file that is there, or ring:N, small-world:N or preferential:N/,
    ],
    [
      ['--graph', 'ring:8', '--strategy', '/no/such.mjs'],
      exitCodes.usage,
      /--strategy \/no\/such.mjs: there is no such file/,
    ],
    [['--graph', 'ring:8', '--colour', 'red'], exitCodes.usage, /unknown option '--colour'/],
  ])('%j is refused with what was expected', async (words, code, message) => {
    const told = await run(words);
    expect(told.err).toMatch(message);
    expect(told.code).toBe(code);
    expect(told.out).toBe('');
  });
});
