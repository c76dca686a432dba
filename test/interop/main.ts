/**
 * `npm run interop`: the tests with other implementations, all that this machine can have, or those of the peers named. What it prints
 * is vitest's; what a peer needs and this machine has not is said before, with how to get it.
 */

import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packaged } from '../../node/base/packaged.ts';
import { report } from './report.ts';
import { recordVariable } from './suite/outcome.ts';

const usage = `npm run interop -- [PEER ...] [options]

  PEER        ldk, lnd, electrum, lnbits, lnmessage or pyln; all unless named
  --keep      starts bitcoind, one PEER (lnd, ldk, electrum) and two nodes of ours
              with channels, and says how to talk to them, until Ctrl-C
  --speed     no test: how fast nodes of ours pay each other, and those of lnd and
              LDK, or of the PEERs named
  --report    also writes what became of each case: test/interop/MATRIX.md,
              matrix.json, and the counts in README.md
  --help      this text
`;

/** The peers that have files of tests, each with the files whose names begin with it. */
const peers = ['electrum', 'ldk', 'lnbits', 'lnd', 'lnmessage', 'pyln'];
const filesOf = (peer: string): readonly string[] =>
  readdirSync(packaged('test/interop'))
    .filter((file) => file.startsWith(peer) && file.endsWith('.test.ts'))
    .map((file) => `test/interop/${file}`);

/** Runs vitest over some files, and gives its exit code. */
const run = (files: readonly string[], env: NodeJS.ProcessEnv): Promise<number> =>
  new Promise((resolve) => {
    const args = [packaged('node_modules/vitest/vitest.mjs'), 'run', '--project', 'interop', ...files];
    const child = spawn(process.execPath, args, { cwd: packaged('.'), env, stdio: 'inherit' });
    child.on('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : 1));
  });

/** No test: a peer to play with. */
const keepOne = async (named: readonly string[]): Promise<number> => {
  const { kinds } = await import('./peers/kinds.ts');
  const [name = ''] = named;
  if (named.length !== 1 || !Object.hasOwn(kinds, name)) {
    console.error(`expected one of ${Object.keys(kinds).join(', ')}, not ${named.join(' ') || 'none'}`);
    return 2;
  }
  const { keep } = await import('./keep.ts');
  await keep(kinds[name as keyof typeof kinds], process.env);
  return 0;
};

/** No test: how fast the peers are. */
const measure = async (named: readonly string[]): Promise<number> => {
  const { kinds } = await import('./peers/kinds.ts');
  const unknown = named.filter((name) => !Object.hasOwn(kinds, name));
  if (unknown.length > 0) {
    console.error(`expected some of ${Object.keys(kinds).join(', ')}, not ${unknown.join(' ')}`);
    return 2;
  }
  const { speed } = await import('./speed.ts');
  const chosen = named.map((name) => kinds[name as keyof typeof kinds]);
  await speed(process.env, chosen.length > 0 ? chosen : [kinds.lnd, kinds.ldk]);
  return 0;
};

const main = async (): Promise<number> => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      speed: { type: 'boolean', default: false },
      report: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const named = positionals.map((name) => name.toLowerCase());
  if (values.keep) return keepOne(named);
  if (values.speed) return measure(named);
  const unknown = named.filter((name) => !peers.includes(name) || filesOf(name).length === 0);
  if (unknown.length > 0) {
    console.error(
      `no tests with ${unknown.join(', ')}: there are some with ${peers.filter((one) => filesOf(one).length > 0).join(', ')}`,
    );
    return 2;
  }
  const wanted = named.length === 0 ? peers : named;
  const env = { ...process.env, AMPERE_INTEROP_BUILD: wanted.join(',') };
  if (!values.report) return run(named.flatMap(filesOf), env);
  const folder = await mkdtemp(join(tmpdir(), 'ampere-matrix-'));
  try {
    const code = await run(named.flatMap(filesOf), { ...env, [recordVariable]: folder });
    report(folder);
    return code;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

process.exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  return 1;
});
