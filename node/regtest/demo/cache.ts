/** Where large downloads are kept between runs: a folder of this user alone. */
import { lstat, mkdir, stat } from 'node:fs/promises';
import { homedir, tmpdir, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';

const home = (): string | undefined => {
  try {
    const path = homedir();
    return isAbsolute(path) && path !== '/nonexistent' ? path : undefined;
  } catch {
    return undefined; // no HOME, and no entry for this user in the machine's list
  }
};

const userId = (): string => String(process.getuid?.() ?? userInfo().uid);

/** The folders that would do, best first: XDG's, the home folder's, and one below the machine's temporary folder. */
export const cacheCandidates = (env: NodeJS.ProcessEnv): readonly string[] => {
  const own = home();
  return [
    ...(env['XDG_CACHE_HOME'] && isAbsolute(env['XDG_CACHE_HOME']) ? [join(env['XDG_CACHE_HOME'], 'ampere')] : []),
    ...(own === undefined ? [] : [join(own, '.cache', 'ampere')]),
    join(tmpdir(), `ampere-cache-${userId()}`),
  ];
};

/**
 * The first of them that can be made and is this user's own: programs are run from there, and a temporary folder is open
 * to everybody. Throws Error when there is none.
 */
export const cacheFolder = async (env: NodeJS.ProcessEnv): Promise<string> => {
  const reasons: string[] = [];
  for (const path of cacheCandidates(env)) {
    try {
      await mkdir(path, { recursive: true, mode: 0o700 });
      // Of a link that is this user's own, the folder counts to which it leads: a link of anybody else could lead anywhere later.
      const [link, { uid, mode }] = [await lstat(path), await stat(path)];
      const mine = process.getuid === undefined || [link.uid, uid].every((one) => one === process.getuid?.());
      if (mine && (mode & 0o022) === 0) return path;
      reasons.push(`${path} is another user's, or can be written by others`);
    } catch (error) {
      reasons.push(`${path}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
    }
  }
  throw new Error(`no folder for downloads: ${reasons.join('; ')}`);
};
