/**
 * A program that the build runs: it writes what the table of methods says of each, for the command line, and lets the command be run:
 * npm does so once, when it links or installs it, and each build writes the file anew.
 */
import { chmod, writeFile } from 'node:fs/promises';
import { summaries } from '../api/help.ts';
import { packaged } from '../base/packaged.ts';
import { summariesFile } from './methods.ts';

await writeFile(summariesFile(), JSON.stringify(summaries()));
await chmod(packaged('dist/node/main.js'), 0o755);
