/** Code that V8 compiled at an earlier start, where this Node.js can keep it: 22.8 or newer. */
import * as nodeModule from 'node:module';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** A folder of this user's own: compiled code is run as it is found. Undefined where the user has none. */
const folder = ({ XDG_CACHE_HOME: cache }: NodeJS.ProcessEnv): string | undefined => {
  if (cache !== undefined && isAbsolute(cache)) return join(cache, 'ampere', 'compiled');
  try {
    const home = homedir();
    return isAbsolute(home) && home !== '/nonexistent' ? join(home, '.cache', 'ampere', 'compiled') : undefined;
  } catch {
    return undefined;
  }
};

/**
 * Lets what is loaded from here on be taken from that folder, and kept there when the process ends. Where it cannot, the program only
 * starts more slowly. NODE_COMPILE_CACHE names another folder, NODE_DISABLE_COMPILE_CACHE=1 does without.
 */
export const useCompileCache = (env: NodeJS.ProcessEnv): void => {
  const { enableCompileCache } = nodeModule as { readonly enableCompileCache?: (folder?: string) => unknown };
  const place = env['NODE_COMPILE_CACHE'] ?? folder(env);
  if (place !== undefined) enableCompileCache?.(place);
};
