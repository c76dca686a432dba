#!/usr/bin/env node
/** The command `ampere`. */
import { runCommand } from './cli/program.ts';
import type { RunNode } from './config.ts';

/** Loaded only when a node is started, for calls need none of it. */
const run: RunNode = async (config) => (await import('./run.ts')).runNode(config);

// Who reads our output may have read enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

process.exitCode = await runCommand(process.argv.slice(2), {
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
  env: process.env,
  run,
});
