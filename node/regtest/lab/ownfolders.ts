/** The folders of a lab, which lie in its own: lab.json names them whole, and a copy of a lab those of the first one. */
import { realpath } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { LabError } from './laberror.ts';
import { type LabFile, labFileIn, pageFolderIn } from './labfile.ts';

export const foldersOf = (lab: LabFile, dir: string): readonly string[] => [
  ...lab.nodes.map((node) => node.dir),
  lab.chain.dir,
  pageFolderIn(dir),
];

/**
 * Refuses a lab whose folders are not in its own: whatever was started, stopped or removed would be that of another lab. Throws LabError
 * `bad_file`.
 */
export const checkOwn = async (lab: LabFile, dir: string): Promise<void> => {
  const own = await realpath(dir);
  const isIn = (folder: string): boolean => [own, resolve(dir)].some((one) => folder.startsWith(one + sep));
  for (const folder of foldersOf(lab, dir)) {
    // One that is not there yet, or any more, would be made where its name says.
    const there = await realpath(folder).catch(() => resolve(folder));
    if (isIn(there)) continue;
    const [file, expected] = [labFileIn(dir), `expected folders in ${dir}`];
    throw new LabError(
      { code: 'bad_file', file, field: 'dir', expected },
      `${file} names ${folder}, which is not in ${dir}: the lab was copied or moved here, so nothing is started, stopped or removed. Use it where it was made, or remove ${dir} yourself`,
    );
  }
};
