/**
 * A program that ends the build. It writes what the table of methods says of each, for the command line, lets the command be run (npm
 * does so once, when it links or installs it, and each build writes the file anew), and puts what was built in the place of `dist/`.
 */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { summaries } from '../api/help.ts';
import { packaged } from '../base/packaged.ts';
import { summariesPath } from './methods.ts';
import { replaceBuild } from './replacebuild.ts';

/** Where rolldown puts what it builds, beside `dist/` and as deep: the maps say where sources are from there. */
const made = packaged('.build');

await writeFile(join(made, summariesPath), JSON.stringify(summaries()));
await chmod(join(made, 'node/main.js'), 0o755);
await replaceBuild(made, packaged('dist'));
