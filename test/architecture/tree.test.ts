/** The rules of the house, held by machine: who may import whom, where brands are made, how long a file may be. */
import { readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path/posix';
import { describe, expect, test } from 'vitest';
import { folders, imports, root, sources } from '../support/tree.ts';

const arrows: Readonly<Record<string, readonly string[]>> = {
  wire: ['wire'],
  onion: ['onion', 'wire'],
  channel: ['channel', 'wire'],
  amp: ['amp', 'wire', 'onion'],
  node: ['node', 'wire', 'onion', 'channel', 'amp'],
  test: ['test', 'node', 'wire', 'onion', 'channel', 'amp'],
};
const pure = ['wire', 'onion', 'channel', 'amp'];
const maximumLines = 350;

/** What a program outside imports, by its name in package.json. */
const isEntry = (path: string): boolean => /^(?:wire|onion|channel|amp|node)\/index\.ts$/.test(path);

const targets = (path: string, text: string): readonly string[] =>
  imports(text)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => normalize(join(dirname(path), specifier)));

/** Names of our branded types, read from the file that declares them. */
const brands = sources(['wire']).flatMap(({ text }) =>
  [...text.matchAll(/export type (\w+) = Brand</g)].map((match) => match[1] ?? ''),
);

describe('the tree', () => {
  test('imports are found in every form', () => {
    const text = [
      "import { a } from './a.ts';",
      "import './b.ts';",
      "export * from './c.ts';",
      "const d = await import('./d.ts');",
      "type E = import('./e.ts').E;",
      "const f = require('./f.ts');",
      "import {\n  g,\n} from './g.ts';",
    ].join('\n');
    expect([...imports(text)].sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => `./${name}.ts`));
  });

  test('folders import downwards only', () => {
    const wrong = sources().flatMap(({ path, folder, text }) =>
      targets(path, text)
        .filter((target) => !(arrows[folder] ?? []).includes(target.split('/')[0] ?? ''))
        .map((target) => `${path} must not import ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test(`no file is longer than ${maximumLines} lines`, () => {
    const long = sources()
      .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > maximumLines);
    expect(long).toEqual([]);
  });

  test('brands are put on in wire/ only', () => {
    expect(brands).toContain('Msat');
    const cast = new RegExp(`\\bas (?:unknown as )?(?:${brands.join('|')})\\b`);
    const wrong = sources(['onion', 'channel', 'amp', 'node']).flatMap(({ path, text }) =>
      text.split('\n').flatMap((line, i) => (cast.test(line) ? [`${path}:${i + 1} ${line.trim()}`] : [])),
    );
    expect(wrong).toEqual([]);
  });

  test('pure folders know no Buffer, clock, randomness, timers or promises', () => {
    const forbidden =
      /\bBuffer\b|\bDate\.now\b|\bnew Date\b|\bMath\.random\b|\bsetTimeout\b|\bsetInterval\b|\bPromise\b|\basync\b|\bconsole\.|\bperformance\.now\b|\brandomBytes\b|\bprocess\.|\bWeakMap\b/;
    const wrong = sources(pure)
      .filter(({ path }) => !path.startsWith('wire/crypto'))
      .flatMap(({ path, text }) =>
        text
          .split('\n')
          .map((line, i) => ({ line: line.replace(/\/\/.*$|^\s*\/?\*.*$/, ''), i }))
          .filter(({ line }) => forbidden.test(line))
          .map(({ line, i }) => `${path}:${i + 1} ${line.trim()}`),
      );
    expect(wrong).toEqual([]);
  });

  test('only wire/crypto reaches for cryptography, only node/store for the database, only node/chain for a chain', () => {
    const doors: readonly (readonly [specifier: RegExp, allowed: RegExp])[] = [
      [/^@noble\/|^secp256k1|^tiny-secp256k1|^(node:)?crypto$/, /^wire\/crypto|^node\/base\/entropy\.ts$|^test\//],
      [/^classic-level$/, /^node\/store\/|^test\//],
      [/^bolt11$/, /^test\//],
      [/^lightningdevkit/, /^test\/interop\//],
      [/^vitest$|^fast-check$/, /^test\//],
    ];
    const wrong = sources().flatMap(({ path, text }) =>
      imports(text).flatMap((specifier) =>
        doors
          .filter(([what, allowed]) => what.test(specifier) && !allowed.test(path))
          .map(() => `${path} must not import ${specifier}`),
      ),
    );
    expect(wrong).toEqual([]);
  });

  test('nothing is exported by default, no enum, no namespace, no barrel but the entries of the library', () => {
    const wrong = sources().flatMap(({ path, text }) => [
      ...(/^export default\b/m.test(text) ? [`${path} has a default export`] : []),
      ...(/^\s*(export )?(const )?(enum|namespace) \w/m.test(text) ? [`${path} has an enum or a namespace`] : []),
      ...(path.endsWith('/index.ts') && !isEntry(path) ? [`${path} is a barrel`] : []),
      ...targets(path, text)
        .filter((target) => isEntry(target) && !path.startsWith('test/'))
        .map((target) => `${path} imports ${target}, which is for programs outside`),
    ]);
    expect(wrong).toEqual([]);
  });

  test('the top of the tree holds the six folders and nothing else but manifests and tool configuration', () => {
    const ignored = ['node_modules', 'dist', 'coverage', '.git', '.ci'];
    const found = readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !ignored.includes(entry.name))
      .map((entry) => entry.name);
    expect(found.sort()).toEqual([...folders].sort());
  });

  test('the tree has no note to do something later, no focused test and no machine path', () => {
    const marks = new RegExp(
      ['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].map((word) => `\\b${word}\\b`).join('|') +
        '|\\.only\\(|(?<![\\w.~$}])/(?:work|root|home)/',
    );
    const wrong = sources().flatMap(({ path, text }) =>
      text.split('\n').flatMap((line, i) => (marks.test(line) ? [`${path}:${i + 1} ${line.trim()}`] : [])),
    );
    expect(wrong).toEqual([]);
  });
});
