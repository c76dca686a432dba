/**
 * lnd, built from its Go module, whose version test/interop/lnd/go.mod pins: once for each release, into the folder of what is kept
 * between runs. It takes 8 to 10 minutes on two cores, and seconds where Go's own cache still has it.
 */

import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packaged } from '../../../node/base/packaged.ts';
import { cacheFolder } from '../../../node/regtest/demo/cache.ts';
import { runToEnd } from '../../../node/regtest/demo/run.ts';
import { sleep } from '../../../node/regtest/demo/wait.ts';
import { isAlive } from '../../support/regtest.ts';
import { findLnd, release } from './lndprocess.ts';

const moduleFolder = packaged('test/interop/lnd');
/** The services of lnd's that the tests, and people at its command line, ask. */
const tags = 'autopilotrpc chainrpc invoicesrpc peersrpc routerrpc signrpc walletrpc';

/** Milliseconds: how long a build may take, how long one by another process is waited for, and between two lines about it. */
const buildTimeout = 40 * 60_000;
const lineEvery = 30_000;

export const noGo =
  'lnd is neither on the PATH nor built, and building it takes Go 1.25 or newer: https://go.dev/doc/install, then `npm run interop -- lnd`';

/** Go itself needs a folder for what it downloads and one for what it has compiled; without a home it does not find them. */
const goVersion = async (env: NodeJS.ProcessEnv): Promise<string | undefined> => {
  const { code, out } = await runToEnd(['go', 'version'], { env, timeout: 30_000 });
  return code === 0 ? out.trim() : undefined;
};

/** Makes a lock file with our process id in it; that of a process that is gone is taken over. */
const locked = async (path: string): Promise<boolean> => {
  try {
    await writeFile(path, `${process.pid}`, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const owner = Number(await readFile(path, 'utf8').catch(() => '0'));
    if (owner > 0 && !isAlive(owner)) await rm(path, { force: true });
    return false;
  }
};

const minutes = (since: number): string => `${((Date.now() - since) / 60_000).toFixed(1)} minutes`;

const build = async (place: string, env: NodeJS.ProcessEnv, progress: (line: string) => void): Promise<void> => {
  const work = `${place}.${process.pid}.new`;
  const since = Date.now();
  progress(`building lnd ${release}, once; 8 to 10 minutes on two cores`);
  const timer = setInterval(() => progress(`building lnd for ${minutes(since)}`), lineEvery);
  try {
    const command = ['go', 'build', '-buildvcs=false', '-tags', tags, '-o', `${work}/`, 'tool'];
    const goEnv = { ...env, CGO_ENABLED: '0' };
    const { code, err } = await runToEnd(command, { cwd: moduleFolder, env: goEnv, timeout: buildTimeout });
    if (code !== 0) throw new Error(`lnd could not be built: ${err.trim().split('\n').slice(-10).join('\n')}`);
    await rename(work, place);
    progress(`lnd is built, in ${minutes(since)}: ${join(place, 'lnd')}`);
  } finally {
    clearInterval(timer);
    await rm(work, { recursive: true, force: true });
  }
};

/**
 * Gives the program, built first where that is needed; one process builds, others wait for it. Throws Error that says how to get Go, or
 * with the end of what Go says.
 */
export const buildLnd = async (progress: (line: string) => void, env = process.env): Promise<string> => {
  const end = Date.now() + buildTimeout;
  for (;;) {
    const found = findLnd(env);
    if (found !== undefined) return found;
    if ((await goVersion(env)) === undefined) throw new Error(noGo);
    const place = join(await cacheFolder(env), `lnd-${release}`);
    const lock = `${place}.lock`;
    await mkdir(join(place, '..'), { recursive: true });
    if (await locked(lock)) {
      try {
        await build(place, env, progress);
      } finally {
        await rm(lock, { force: true });
      }
    } else {
      if (Date.now() > end) throw new Error(`another process builds lnd for too long; if none does, remove ${lock}`);
      progress('another process builds lnd');
      await sleep(lineEvery);
    }
  }
};
