/** The matrix of peers and cases, as Markdown and as JSON, from what a run of the suite wrote down. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { packaged } from '../../node/base/packaged.ts';
import type { Outcome } from './suite/outcome.ts';

const outcomes = z.array(
  z.object({
    peer: z.string(),
    version: z.string(),
    group: z.string(),
    text: z.string(),
    way: z.enum(['out', 'in']),
    result: z.enum(['passed', 'failed', 'cannot', 'missing']),
    why: z.string().exactOptional(),
  }),
);

/** Where the two forms of the matrix are kept, and the file whose paragraph counts it. */
const jsonFile = 'test/interop/matrix.json';
const markdownFile = 'test/interop/MATRIX.md';
const countedIn = 'README.md';
const [begin, end] = ['<!-- matrix: npm run interop -- --report -->', '<!-- /matrix -->'];

const signs = { passed: 'yes', failed: '**no**', cannot: '—', missing: '' } as const;

const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)];

/** Everything a run wrote down, in the order of the names of its files. */
export const readOutcomes = (folder: string): readonly Outcome[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .flatMap((file) => outcomes.parse(JSON.parse(readFileSync(join(folder, file), 'utf8'))));

const commit = (): string => {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: packaged('.'), encoding: 'utf8' }).trim();
  } catch {
    return 'of no repository';
  }
};

/** How many cases passed with a peer, of those that it can do. */
const counted = (rows: readonly Outcome[], peer: string): string => {
  const own = rows.filter((one) => one.peer === peer);
  const count = (result: Outcome['result']): number => own.filter((one) => one.result === result).length;
  const version = own.find((one) => one.version !== '')?.version ?? '';
  const tried = count('passed') + count('failed');
  return `| ${peer} ${version} | ${count('passed')} of ${tried} | ${count('cannot')} |`;
};

const countTable = (rows: readonly Outcome[]): readonly string[] => [
  '| peer | cases passed | cases it cannot do |',
  '| --- | --- | --- |',
  ...unique(rows.map(({ peer }) => peer)).map((peer) => counted(rows, peer)),
];

/** The matrix in Markdown: a table for each group, each peer in both directions, and below it why not. */
export const matrix = (rows: readonly Outcome[], made: string): string => {
  const peers = unique(rows.map(({ peer }) => peer));
  const tables = unique(rows.map(({ group }) => group)).flatMap((group) => {
    const of = rows.filter((one) => one.group === group);
    const cell = (text: string, peer: string, way: Outcome['way']): string => {
      const found = of.find((one) => one.text === text && one.peer === peer && one.way === way);
      return found === undefined ? '' : signs[found.result];
    };
    const columns = peers.filter((peer) => of.some((one) => one.peer === peer));
    const lines = unique(of.map(({ text }) => text)).map(
      (text) =>
        `| ${text} | ${columns.map((peer) => `${cell(text, peer, 'out')} | ${cell(text, peer, 'in')}`).join(' | ')} |`,
    );
    const head = columns.map((peer) => `A ours, B ${peer} | A ${peer}, B ours`).join(' | ');
    const rule = columns.map(() => '--- | ---').join(' | ');
    return [`## ${group}`, '', `| case | ${head} |`, `| --- | ${rule} |`, ...lines, ''];
  });
  const reasons = unique(
    rows.flatMap(({ peer, why, result }) => (why === undefined || result === 'failed' ? [] : [`- ${peer}: ${why}`])),
  );
  const failures = rows
    .filter(({ result }) => result === 'failed')
    .map(({ peer, text, why = '' }) => `- ${peer}, ${text}: ${why.split('\n')[0]}`);
  return [
    '# The matrix of peers and cases',
    '',
    `Written by \`npm run interop -- --report\` on ${made}. "—" is what a peer cannot do, for a reason below.`,
    '',
    ...countTable(rows),
    '',
    ...tables,
    '## Why not',
    '',
    ...reasons,
    ...(failures.length === 0 ? [] : ['', '## What failed', '', ...failures]),
    '',
  ].join('\n');
};

/** Writes both forms of the matrix, and the counts into the README. Throws Error where nothing was written down. */
export const report = (folder: string): void => {
  const rows = readOutcomes(folder);
  if (rows.length === 0) throw new Error('no case was run, so there is nothing to report');
  const made = `${new Date().toISOString().slice(0, 10)} at commit ${commit()}`;
  writeFileSync(packaged(jsonFile), `${JSON.stringify({ made, rows }, null, 2)}\n`);
  writeFileSync(packaged(markdownFile), matrix(rows, made));
  const text = readFileSync(packaged(countedIn), 'utf8');
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from >= 0 && to > from) {
    const counts = ['', `On ${made}:`, '', ...countTable(rows), ''].join('\n');
    writeFileSync(packaged(countedIn), `${text.slice(0, from + begin.length)}${counts}${text.slice(to)}`);
  }
  console.log(`written: ${markdownFile} and ${jsonFile}`);
};
