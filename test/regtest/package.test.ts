/** The package as npm makes it: what is in it, and that a program elsewhere can import, type-check and run it. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import * as amp from '../../amp/index.ts';
import * as channel from '../../channel/index.ts';
import * as node from '../../node/index.ts';
import { runToEnd } from '../../node/regtest/demo/run.ts';
import * as onion from '../../onion/index.ts';
import * as wire from '../../wire/index.ts';
import { folders, root } from '../support/tree.ts';

const entries = { wire, onion, channel, amp, node };
const names = z.record(z.string(), z.string());
const manifest = z
  .object({ exports: z.record(z.string(), z.unknown()), dependencies: names, optionalDependencies: names })
  .parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));

const work = mkdtempSync(join(tmpdir(), 'ampere-package-'));
afterAll(() => rmSync(work, { recursive: true }));
/** A program's folder, in which the package is installed with what it says it needs. */
const place = join(work, 'place');
const installed = join(place, 'node_modules', 'ampere');

/** What a program wrote, which has to end well. */
const run = async (line: readonly string[], cwd: string): Promise<string> => {
  const { code, out, err } = await runToEnd(line, { cwd, timeout: 240_000 });
  if (code !== 0) throw new Error(`${line.join(' ')} ended with ${code}:\n${out}${err}`);
  return out;
};
const runNode = (...words: readonly string[]): Promise<string> => run([process.execPath, ...words], place);
const tsc = (project: string): Promise<string> =>
  runNode(join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', project);

/** Has the program find a package that is installed here. */
const link = (name: string): void => {
  const path = join(place, 'node_modules', name);
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(join(root, 'node_modules', name), path);
};

/** A file of an earlier build. */
const old = 'dist/chunks/old-00000000.js';
let packed = '';
beforeAll(async () => {
  // A copy, since building it here would take the programs away from tests that run them.
  const tree = join(work, 'tree');
  const files = readdirSync(root).filter((name) => statSync(join(root, name)).isFile());
  for (const name of [...folders, ...files]) cpSync(join(root, name), join(tree, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  // As an earlier build leaves it, for programs that run.
  mkdirSync(join(tree, 'dist', 'chunks'), { recursive: true });
  writeFileSync(join(tree, old), '');
  await run(['npm', 'run', '--silent', 'package', '--', '--silent', '--offline', '--pack-destination', work], tree);
  packed = join(work, readdirSync(work).find((name) => name.endsWith('.tgz')) ?? '');
  mkdirSync(installed, { recursive: true });
  await run(['tar', '-xzf', packed, '--strip-components=1', '-C', installed], work);
  for (const name of Object.keys(manifest.dependencies)) link(name);
  for (const name of Object.keys(manifest.optionalDependencies)) link(name);
  writeFileSync(join(place, 'package.json'), JSON.stringify({ type: 'module' }));
});

test('the package holds the built program, declarations and what its user reads, in less than a megabyte', () => {
  expect(statSync(packed).size).toBeLessThan(1_000_000);
  expect(readdirSync(installed).sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'package.json']);
  const inside = readdirSync(join(installed, 'dist'), { recursive: true, encoding: 'utf8' });
  expect(inside).toContain('LICENSES.txt');
  expect(inside.filter((path) => /^test\b|\.ts$/.test(path) && !path.endsWith('.d.ts'))).toEqual([]);
});

test('each entry exports from the package what it exports from its source, and nothing else can be imported', async () => {
  expect(Object.keys(manifest.exports)).toEqual([...Object.keys(entries).map((name) => `./${name}`), './package.json']);
  const program = `
    const all = {};
    for (const name of ${JSON.stringify(Object.keys(entries))}) all[name] = Object.keys(await import('ampere/' + name));
    const deep = await import('ampere/dist/node/index.js').catch(({ code }) => code);
    console.log(JSON.stringify({ all, deep }));`;
  const { all, deep } = JSON.parse(await runNode('--input-type=module', '-e', program));
  expect(deep).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED');
  for (const [name, entry] of Object.entries(entries))
    expect(all[name].sort(), name).toEqual(Object.keys(entry).sort());
});

test('an error is told in the place of its source', async () => {
  const program = "(await import('ampere/wire')).msat(-1n)";
  const line = [process.execPath, '--enable-source-maps', '--input-type=module', '-e', program];
  const { err } = await runToEnd(line, { cwd: place });
  expect(err).toMatch(/at (?:Module\.)?msat \(\S*wire\/units\.ts:\d+:\d+\)/);
});

test('a build leaves the chunks of the last one to programs that run, and the package has none of them', () => {
  expect(statSync(join(work, 'tree', old)).size).toBe(0);
  expect(readdirSync(join(installed, dirname(old)))).not.toContain(basename(old));
  expect(readdirSync(join(installed, 'dist'))).not.toContain('.npmignore');
  expect(readdirSync(join(work, 'tree'))).not.toContain('.build');
});

test('a build leaves a command that can be run, as a link to it does', () => {
  expect(statSync(join(work, 'tree', 'dist', 'node', 'main.js')).mode & 0o111).toBe(0o111);
});

test('the command runs from where the package is installed', async () => {
  const main = join(installed, 'dist', 'node', 'main.js');
  expect(readFileSync(main, 'utf8').startsWith('#!/usr/bin/env node\n')).toBe(true);
  const bin = join(place, 'node_modules', '.bin');
  mkdirSync(bin);
  symlinkSync(main, join(bin, 'ampere'));
  expect(await runNode(join(bin, 'ampere'), '--help')).toContain('Wallet and chain:');
});

/** What a program that uses the package is checked with, beside its own options. */
const checked = (more: object, include: readonly string[]): string =>
  JSON.stringify({
    compilerOptions: { target: 'ES2023', strict: true, noEmit: true, types: ['node'], ...more },
    include,
  });

test('types are found as Node.js finds modules and as bundlers do, down to the declarations themselves', async () => {
  link('@types/node');
  link('undici-types');
  writeFileSync(
    join(place, 'uses.ts'),
    `import { tree, type Scheme } from 'ampere/amp';
import { transition, type Step } from 'ampere/channel';
import { runNode, type Result } from 'ampere/node';
import { peel, type Peeled } from 'ampere/onion';
import { msat, type Msat } from 'ampere/wire';

const scheme: Scheme = tree;
const amount: Msat = msat(5n);
type Called = Awaited<ReturnType<typeof runNode>>['call'];
const height = async (call: Called): Promise<number> => (await call('getinfo')).blockheight;
const info = (result: Result<'getinfo'>): string => result.alias;
// @ts-expect-error amounts are no plain numbers
const wrong: Msat = 5n;
// @ts-expect-error the method has no such result
const none = async (call: Called) => (await call('getinfo')).nothing;
export { amount, height, info, none, peel, scheme, transition, wrong, type Peeled, type Step };
`,
  );
  for (const [module, moduleResolution, skipLibCheck] of [
    ['NodeNext', 'NodeNext', false],
    ['ESNext', 'bundler', true],
  ] as const) {
    const project = join(place, `tsconfig.${moduleResolution}.json`);
    writeFileSync(project, checked({ module, moduleResolution, skipLibCheck }, ['uses.ts']));
    expect(await tsc(project)).toBe('');
  }
});

test('the examples pass the compiler on the package alone', async () => {
  link('vitest');
  cpSync(join(root, 'test', 'examples'), join(place, 'examples'), { recursive: true });
  const project = join(place, 'tsconfig.examples.json');
  writeFileSync(
    project,
    checked({ module: 'NodeNext', moduleResolution: 'NodeNext', skipLibCheck: true }, ['examples']),
  );
  expect(await tsc(project)).toBe('');
});
