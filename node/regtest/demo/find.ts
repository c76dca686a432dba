/**
 * A bitcoind to run, wherever one can be had: named by the person, installed, fetched before, or fetched now. A download is
 * unpacked and tried beside its place and moved there in one step, so a cached copy is always whole.
 */
import { access, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { unpackedCommand, unpackFromDebian } from './apt.ts';
import { cacheFolder } from './cache.ts';
import { runToEnd } from './run.ts';

export interface FoundBitcoind {
  /** The program and the arguments that must come first. */
  readonly command: readonly string[];
  /** Where it comes from; `embedded` is no bitcoind at all (chain.ts). */
  readonly source: 'BITCOIND' | 'PATH' | 'cache' | 'download' | 'embedded';
  /** The first line of `-version`. */
  readonly version: string;
}

/** No bitcoind, with everything that was tried. */
export class NoBitcoind extends Error {
  override readonly name = 'NoBitcoind';
  readonly tried: readonly string[];
  constructor(tried: readonly string[]) {
    const advice =
      'Install Bitcoin Core or Knots so that `bitcoind` is on the PATH, or set BITCOIND to the path of its program.';
    super(`bitcoind could not be found.\n${tried.map((line) => `  - ${line}`).join('\n')}\n${advice}`);
    this.tried = tried;
  }
}

/** Asked with an empty data folder: even for its version bitcoind makes one, in a home folder that may not exist. */
const versionOf = async (command: readonly string[]): Promise<string | undefined> => {
  const folder = await mkdtemp(join(tmpdir(), 'ampere-version-'));
  try {
    const { code, out } = await runToEnd([...command, `-datadir=${folder}`, '-version'], { timeout: 20_000 });
    return code === 0 && /bitcoin/i.test(out) ? (out.split('\n')[0] ?? '').trim() : undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const isFile = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** BITCOIND is a path, or a whole command line where it is no file. */
const namedCommand = async (value: string): Promise<readonly string[]> =>
  (await isFile(value)) ? [value] : value.split(/\s+/).filter((word) => word !== '');

const onPath = async (env: NodeJS.ProcessEnv): Promise<string | undefined> => {
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, process.platform === 'win32' ? 'bitcoind.exe' : 'bitcoind');
    if (folder !== '' && (await isFile(path))) return path;
  }
  return undefined;
};

const rootIn = (folder: string): string => join(folder, 'root');

const cached = async (place: string): Promise<FoundBitcoind | undefined> => {
  const command = await unpackedCommand(rootIn(place));
  const version = command && (await versionOf(command));
  return command && version !== undefined ? { command, version, source: 'cache' } : undefined;
};

/** Moves a whole download to its place. Where another process was first, its copy is used, unless that one is broken. */
const settle = async (work: string, place: string): Promise<void> => {
  try {
    await rename(work, place);
  } catch (error) {
    if ((await cached(place)) !== undefined) return;
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'EPERM') throw error;
    const aside = `${work}.broken`;
    await rename(place, aside);
    await rm(aside, { recursive: true, force: true });
    await rename(work, place);
  }
};

/** Removes what processes that were killed in the middle of a download left behind more than a day ago. */
const sweep = async (folder: string): Promise<void> => {
  for (const name of await readdir(folder)) {
    if (!name.startsWith('download-')) continue;
    const { mtimeMs } = await stat(join(folder, name));
    if (Date.now() - mtimeMs > 86_400_000) await rm(join(folder, name), { recursive: true, force: true });
  }
};

const download = async (
  folder: string,
  place: string,
  env: NodeJS.ProcessEnv,
  progress?: (line: string) => void,
): Promise<FoundBitcoind> => {
  await sweep(folder).catch(() => undefined);
  const work = await mkdtemp(join(folder, 'download-'));
  try {
    await unpackFromDebian(join(work, 'apt'), rootIn(work), env, progress);
    const command = await unpackedCommand(rootIn(work));
    if (command === undefined || (await versionOf(command)) === undefined)
      throw new Error('what Debian gave does not run on this machine');
    await rm(join(work, 'apt'), { recursive: true, force: true });
    await settle(work, place);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  const found = await cached(place);
  if (found === undefined) throw new Error(`the download in ${place} disappeared`);
  return { ...found, source: 'download' };
};

export interface FindOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Told of each step of a download, for those who watch. */
  readonly progress?: (line: string) => void;
}

/**
 * A bitcoind that answers to `-version`: $BITCOIND, else one on the PATH, else the cached copy, else Debian's. A BITCOIND
 * that does not run is an error of its own: nothing else is silently taken for it. Throws NoBitcoind.
 */
export const findBitcoind = async ({ env = process.env, progress }: FindOptions = {}): Promise<FoundBitcoind> => {
  const tried: string[] = [];
  const named = env['BITCOIND'];
  if (named !== undefined && named.trim() !== '') {
    const command = await namedCommand(named.trim());
    const version = await versionOf(command);
    if (version !== undefined) return { command, version, source: 'BITCOIND' };
    throw new NoBitcoind([`BITCOIND is set to ${named}, which does not run`]);
  }
  tried.push('the variable BITCOIND is not set');

  const installed = await onPath(env);
  const version = installed && (await versionOf([installed]));
  if (installed !== undefined && version !== undefined) return { command: [installed], version, source: 'PATH' };
  tried.push(installed === undefined ? 'there is no bitcoind on the PATH' : `${installed} does not run`);

  try {
    const folder = await cacheFolder(env);
    const place = join(folder, `bitcoind-${process.arch}`);
    const kept = await cached(place);
    if (kept !== undefined) return kept;
    tried.push(`there is no copy in ${place}`);
    progress?.('fetching bitcoind from Debian (25 MB, once)');
    return await download(folder, place, env, progress);
  } catch (error) {
    tried.push(error instanceof Error ? error.message : String(error));
    throw new NoBitcoind(tried);
  }
};
