/** A program that the build runs: it writes what the table of methods says of each, for the command line. */
import { writeFile } from 'node:fs/promises';
import { summaries } from '../api/help.ts';
import { summariesFile } from './methods.ts';

await writeFile(summariesFile(), JSON.stringify(summaries()));
