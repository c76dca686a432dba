/**
 * The methods that are commands. The build writes what the table says of them beside this file, so that a command loads nothing of
 * the node; where the sources are run themselves the table is asked.
 */
import { readFile } from 'node:fs/promises';
import type { MethodSummary } from '../api/summary.ts';

/** Where the build writes the summaries of all methods, as JSON. */
export const summariesFile = new URL('./methods.json', import.meta.url);

/** Every method of the table. */
export const methodSummaries = async (): Promise<readonly MethodSummary[]> => {
  let text: string;
  try {
    text = await readFile(summariesFile, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return (await import('../api/help.ts')).summaries();
  }
  return JSON.parse(text) as readonly MethodSummary[];
};
