/** What one can do with a lab that is up: lines that work when they are pasted. */

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, delimiter, dirname, join, relative } from 'node:path';
import { program } from '../demo/process.ts';
import { type LabFile, labFolder } from './labfile.ts';
import { lndProgram } from './lndmember.ts';

/** A path as a shell takes it: with $HOME where that is shorter, in quotes where it must be. */
export const shellPath = (path: string): string => {
  const home = homedir();
  if (path.startsWith(`${home}/`) && /^[\w./-]+$/.test(path)) return `$HOME${path.slice(home.length)}`;
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
};

/** Columns of a terminal that every line should fit into. */
const columns = 80;

/** Commands, each with what it does behind it where that fits. */
const remarked = (lines: readonly (readonly [command: string, remark: string])[]): readonly string[] =>
  lines.map(([command, remark]) => {
    const line = `  ${command}  # ${remark}`;
    return line.length <= columns ? line : `  ${command}`;
  });

/** lncli by its name where the shell finds it, else as it lies beside lnd. */
const lncli = (): string => {
  const beside = join(dirname(lndProgram(process.env)), 'lncli');
  const isOnPath = (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'lncli')));
  return isOnPath || !existsSync(beside) ? 'lncli' : shellPath(beside);
};

/** Lines about a lab that is up; `command` is how this program is called. */
export const hintLines = (lab: LabFile, command: string): readonly string[] => {
  const ours = lab.nodes.filter(({ kind }) => kind === 'ampere').map(({ name }) => name);
  const [first = '', last = first] = [ours.at(0), ours.at(-1)];
  const payments: readonly (readonly [string, string])[] = [
    // Over a diamond more than one channel carries: then it takes several routes.
    [
      `lab pay ${first} ${last} ${lab.shape === 'diamond' && ours.length > 3 ? 700_000 : 50_000}sat --scheme tree --shards 8`,
      'an AMP',
    ],
    [`@${first} keysend @${last} 25000sat`, 'any method of any node'],
    [`@${last} listsets`, 'AMPs on their way in'],
  ];
  const lines: readonly (readonly [string, string])[] = [
    ['lab status', 'what runs, and balances'],
    ...(first === last ? [] : payments),
    ['lab page', 'another link to its web page'],
    ['lab mine 6', 'blocks'],
    ['lab stop', '`lab up` brings it back'],
  ];
  return [
    ...remarked(lines.map(([words, what]) => [`${command} ${words}`, what])),
    ...lab.nodes
      .filter(({ kind }) => kind === 'lnd')
      .flatMap(({ name, dir, rpc = '' }) => [
        `${name} is an lnd:`,
        `  ${lncli()} -n regtest \\`,
        `    --lnddir=${shellPath(dir)} \\`,
        `    --rpcserver=${rpc} getinfo`,
      ]),
  ];
};

/** How this program was called, so that a line with it works in the same shell. */
export const ownCommand = (): string => {
  const called = process.argv[1] ?? '';
  if (/^ampere(?:\.(?:cmd|ps1))?$/.test(basename(called))) return 'ampere';
  const near = relative(process.cwd(), program);
  return `node ${shellPath(near.startsWith('..') ? program : near)}`;
};

/** What `lab up` ends with; `page` is a link to its web page. Where the folder is not the usual one, a line says so to the shell. */
export const upLines = (dir: string, lab: LabFile, page?: string): readonly string[] => [
  ...(page === undefined ? [] : ['', 'See it in a browser, by a link that works once:', `  ${page}`]),
  '',
  `The lab is up in ${shellPath(dir)}, and stays up when this terminal goes.`,
  ...(dir === labFolder({}) ? [] : [`  export AMPERE_LAB=${shellPath(dir)}`]),
  ...hintLines(lab, ownCommand()),
];
