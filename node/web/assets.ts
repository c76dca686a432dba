/** The files of the page, as the build has made them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FileError } from '../base/fileserror.ts';
import { packaged } from '../base/packaged.ts';

export interface Asset {
  readonly type: string;
  readonly body: Uint8Array;
}

const files = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
  '/page.css': ['page.css', 'text/css; charset=utf-8'],
  '/icon.svg': ['icon.svg', 'image/svg+xml'],
} as const;

/** The page by the paths it is asked for. Throws FileError where the build left none. */
export const pageAssets = async (folder = packaged('dist/web')): Promise<ReadonlyMap<string, Asset>> => {
  const read = async (name: string): Promise<Uint8Array> => {
    const path = join(folder, name);
    try {
      return await readFile(path);
    } catch (error) {
      throw new FileError('read the web page', path, error);
    }
  };
  const rows = Object.entries(files).map(
    async ([path, [name, type]]) => [path, { type, body: await read(name) }] as const,
  );
  return new Map(await Promise.all(rows));
};
