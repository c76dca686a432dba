/**
 * The methods that are commands. The build writes what the table says of them beside this file, so that a command loads nothing of
 * the node; where the sources are run themselves the table is asked.
 */
import { readFile } from 'node:fs/promises';
import type { MethodSummary } from '../api/summary.ts';
import { isBuilt, packaged } from '../base/packaged.ts';

/** Where the build writes the summaries of all methods, as JSON: a path below its folder. */
export const summariesPath = 'node/cli/methods.json';

/** Every method of the table. */
export const methodSummaries = async (): Promise<readonly MethodSummary[]> =>
  isBuilt
    ? (JSON.parse(await readFile(packaged(`dist/${summariesPath}`), 'utf8')) as readonly MethodSummary[])
    : (await import('../api/help.ts')).summaries();
