/** The rooms of the house: which of them may import which, that nothing goes in a circle, and that no file stands alone for nothing. */
import { dirname, join, normalize } from 'node:path/posix';
import { describe, expect, test } from 'vitest';
import { circles } from '../support/circles.ts';
import { imports, sources } from '../support/tree.ts';

/** THE table of arrows below node/ and channel/. Beside them, each room may import what its folder may (tree.test.ts). */
const arrows: Readonly<Record<string, readonly string[]>> = {
  channel: ['channel/tx', 'channel/model', 'channel/rules', 'channel/claims', 'channel/phases'],
  'channel/model': ['channel/tx'],
  'channel/rules': ['channel/tx', 'channel/model'],
  'channel/claims': ['channel/tx', 'channel/model', 'channel/rules'],
  'channel/phases': ['channel/tx', 'channel/model', 'channel/rules', 'channel/claims'],

  'node/base': ['node/ports'],
  'node/store': ['node/ports', 'node/base'],
  'node/chain': ['node/ports', 'node/base', 'node/store'],
  'node/peer': ['node/ports', 'node/base', 'node/store'],
  'node/graph': ['node/ports', 'node/base', 'node/store', 'node/chain', 'node/peer'],
  'node/wallet': ['node/ports', 'node/base', 'node/store', 'node/chain'],
  'node/sweep': ['node/ports', 'node/store', 'node/chain', 'node/wallet'],
  'node/pay': ['node/ports', 'node/base', 'node/store', 'node/graph'],
  'node/forward': ['node/ports', 'node/base', 'node/store', 'node/graph', 'node/pay'],
  'node/channels': [
    ...['node/ports', 'node/base', 'node/store', 'node/chain', 'node/peer'],
    ...['node/graph', 'node/wallet', 'node/sweep', 'node/forward'],
  ],
  'node/runes': ['node/ports', 'node/store'],
  'node/simulate': ['node/ports', 'node/base', 'node/graph', 'node/pay'],
  'node/backup': ['node/ports', 'node/base', 'node/wallet', 'node/channels'],
  'node/config': ['node/ports', 'node/base', 'node/chain', 'node/peer', 'node/forward', 'node/channels'],
  'node/core': [
    ...['node/ports', 'node/base', 'node/store', 'node/chain', 'node/peer', 'node/graph'],
    ...['node/wallet', 'node/pay', 'node/forward', 'node/channels', 'node/backup', 'node/runes', 'node/config'],
  ],
  'node/api': [
    ...['node/ports', 'node/base', 'node/store', 'node/chain', 'node/peer', 'node/graph', 'node/wallet'],
    ...[
      'node/pay',
      'node/forward',
      'node/sweep',
      'node/channels',
      'node/backup',
      'node/runes',
      'node/decode',
      'node/config',
      'node/core',
    ],
  ],
  'node/decode': ['node/ports', 'node/base', 'node/peer', 'node/wallet', 'node/backup', 'node/runes'],
  'node/replay': ['node/ports', 'node/base'],
  'node/dev': [
    ...['node/ports', 'node/base', 'node/replay', 'node/store', 'node/chain', 'node/peer', 'node/sweep'],
    ...['node/channels', 'node/config', 'node/core', 'node/api'],
  ],
  'node/regtest': ['node/ports', 'node/base', 'node/chain', 'node/wallet', 'node/config', 'node/api', 'node/web'],
  'node/web': ['node/ports', 'node/base', 'node/api'],
  'node/cli': [
    'node/ports',
    'node/base',
    'node/config',
    'node/api',
    'node/regtest',
    'node/replay',
    'node/decode',
    'node/simulate',
  ],
  node: [
    ...['node/base', 'node/store', 'node/chain', 'node/peer', 'node/config'],
    ...[
      'node/core',
      'node/ports',
      'node/api',
      'node/dev',
      'node/web',
      'node/cli',
      'node/forward',
      'node/runes',
      'node/regtest',
    ],
  ],
};

/** Files of fewer than 15 lines, and why each is one of its own. */
const short: Readonly<Record<string, string>> = {
  'channel/tx/shutdownscript.ts': 'one rule of BOLT 2 that both an opening and a shutdown ask for',
  'node/base/calm.ts': 'has to be loaded before everything else',
  'node/base/cleanup.ts': 'a leaf that several need',
  'node/base/listeners.ts': 'a leaf that several need',
  'node/base/tojson.ts': 'a leaf that several need',
  'node/base/txids.ts': 'a leaf that several need',
  'node/base/version.ts': 'the one place of the version number',
  'node/channels/features.ts': 'a leaf that several need',
  'node/forward/mincltvdelta.ts': 'a number that the options need without the machinery around it',
  'node/regtest/demo/fetch.ts': 'a program',
  'node/runes/errors.ts': 'a leaf that several need',
  'wire/change.ts': 'a type that all pure folders need',
  'wire/onionmessage.ts': 'a message of its own in BOLT 4',
};
const leastLines = 15;

const tree = sources(['wire', 'onion', 'channel', 'amp', 'node']);
const paths = new Set(tree.map(({ path }) => path));

/** `node/peer` for node/peer/tcp.ts; the folder alone for a file that stands in it. */
const roomOf = (path: string): string => {
  const [folder = '', room, ...deeper] = path.split('/');
  return room === undefined || deeper.length === 0 ? folder : `${folder}/${room}`;
};

const targetsOf = (path: string, text: string): readonly string[] =>
  imports(text)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => normalize(join(dirname(path), specifier)))
    .filter((target) => paths.has(target));

const graph = new Map(tree.map(({ path, text }) => [path, targetsOf(path, text)]));

/** The arrows between rooms of node/ and channel/ that there are, each with the files that make it. */
const found = new Map<string, string[]>();
for (const [path, targets] of graph)
  for (const target of targets) {
    const [from, to] = [roomOf(path), roomOf(target)];
    const within = ['node', 'channel'].some((folder) => from.startsWith(folder) && to.startsWith(folder));
    if (!within || from === to) continue;
    const arrow = `${from} -> ${to}`;
    found.set(arrow, [...(found.get(arrow) ?? []), `${path} -> ${target}`]);
  }

describe('the rooms', () => {
  test('import each other as the table says and no other way, types counted', () => {
    const wrong = [...found].flatMap(([arrow, files]) => {
      const [from = '', to = ''] = arrow.split(' -> ');
      return arrows[from]?.includes(to) ? [] : files;
    });
    expect(wrong).toEqual([]);
  });

  test('have no arrow in the table that nothing uses', () => {
    const unused = Object.entries(arrows).flatMap(([from, targets]) =>
      targets.map((to) => `${from} -> ${to}`).filter((arrow) => !found.has(arrow)),
    );
    expect(unused).toEqual([]);
  });

  test('are in no circle', () => {
    expect(circles(new Map(Object.entries(arrows)))).toEqual([]);
  });
});

describe('the files', () => {
  test('are in no circle, types counted, in any folder', () => {
    expect(circles(graph)).toEqual([]);
  });

  test('stand in rooms: beside what starts nodes and the entries of the library none is loose in node/ or channel/', () => {
    const loose = [...paths].filter((path) => ['node', 'channel'].includes(roomOf(path)));
    expect(loose.sort()).toEqual([
      'channel/index.ts',
      'node/index.ts',
      'node/localnetwork.ts',
      'node/main.ts',
      'node/run.ts',
    ]);
  });

  test(`are of ${leastLines} lines at least, or listed with the reason why not`, () => {
    const found = tree.filter(({ text }) => text.trimEnd().split('\n').length < leastLines).map(({ path }) => path);
    expect(found.sort()).toEqual(Object.keys(short).sort());
  });
});

test('a circle is found, however long, and a tree has none', () => {
  const of = (edges: Readonly<Record<string, readonly string[]>>) => circles(new Map(Object.entries(edges)));
  expect(of({ a: ['b'], b: ['c'], c: [] })).toEqual([]);
  expect(of({ a: ['b'], b: ['c'], c: ['a'], d: ['a'] })).toEqual([['a', 'b', 'c']]);
  expect(of({ a: ['a'] })).toEqual([['a']]);
});
