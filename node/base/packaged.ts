/** Where the files of this program are, whether it runs as it was built or from its sources. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Whether this is the built program. What the build makes is there for it; the sources do without. */
export const isBuilt = !import.meta.url.endsWith('.ts');

let found: string | undefined;

/**
 * The path of a file of this package, such as `dist/node/main.js`. A built file does not know where its source stood, so paths go from
 * the nearest folder above with a package.json. Throws Error where there is none.
 */
export const packaged = (path: string): string => {
  const here = dirname(fileURLToPath(import.meta.url));
  for (let folder = here; found === undefined; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) found = folder;
    else if (folder === dirname(folder))
      throw new Error(`no package.json in or above ${here}: the files of ampere were moved`);
  }
  return join(found, path);
};
