/**
 * How a build takes the place of the last one while programs run from it. What they load late has a name that says its content, and
 * stays until the build after; so at any instant each program that can be started, or runs, finds all that it loads.
 */
import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Names what stays of the last build, so that npm leaves it out of the package. */
const staleList = '.npmignore';

/** What to do, in this order, with files that are named by their paths below the folder. */
export interface Replacement {
  /** New files, which take the place of those with the same name. */
  readonly moves: readonly string[];
  readonly removes: readonly string[];
  /** What is there for programs of an earlier build alone. */
  readonly stale: readonly string[];
}

/** A part that programs share or load late; nothing but its name, which no other content has, leads to it. */
const isChunk = (path: string): boolean => /(?:^|\/)chunks\//.test(path);

/**
 * Plans how files that were `made` replace those that are `there`, of which `stale` are of an earlier build. A build that changes
 * nothing leaves those.
 */
export const replacement = (
  made: readonly string[],
  there: readonly string[],
  stale: readonly string[],
): Replacement => {
  const fresh = new Set(made);
  const earlier = new Set(stale);
  const left = there.filter((path) => !fresh.has(path));
  const last = left.filter((path) => isChunk(path) && !earlier.has(path));
  const kept = new Set(last.length > 0 ? last : left.filter(isChunk));
  return {
    moves: [...made.filter(isChunk), ...made.filter((path) => !isChunk(path))],
    removes: left.filter((path) => !kept.has(path)),
    stale: [...kept],
  };
};

/** The files below a folder, by their paths from there; none where there is no folder. Throws the errors of the disk. */
const filesIn = async (folder: string): Promise<readonly string[]> => {
  await mkdir(folder, { recursive: true });
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((path) => path !== staleList);
};

/** Removes folders without files. */
const removeEmpty = async (folder: string): Promise<void> => {
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await removeEmpty(join(folder, entry.name));
  if ((await readdir(folder)).length === 0) await rmdir(folder);
};

/**
 * Has the files of one folder take the place of those of another, on the same disk. The first folder is gone afterwards. Throws the
 * errors of the disk.
 */
export const replaceBuild = async (made: string, folder: string): Promise<void> => {
  const list = join(folder, staleList);
  const named = (await readFile(list, 'utf8').catch(() => '')).split('\n');
  const earlier = named.filter((line) => line !== '').map((line) => line.slice(1));
  const { moves, removes, stale } = replacement(await filesIn(made), await filesIn(folder), earlier);
  for (const path of moves) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await rename(join(made, path), join(folder, path));
  }
  for (const path of removes) await rm(join(folder, path), { force: true });
  if (stale.length > 0) await writeFile(list, stale.map((path) => `/${path}\n`).join(''));
  else await rm(list, { force: true });
  await rm(made, { recursive: true });
  await removeEmpty(folder);
};
