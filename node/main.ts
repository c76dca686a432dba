#!/usr/bin/env node
/** The command `ampere`. What it needs is loaded only once signals are quiet and compiled code can be had. */
import './base/calm.ts';
import { useCompileCache } from './base/compilecache.ts';
import { reasonOf } from './base/fileserror.ts';
import type { RunNode } from './config/config.ts';

/** Loaded only when a node is started, for calls need none of it. */
const run: RunNode = async (config) => (await import('./run.ts')).runNode(config);

// Nobody is left to tell, and what the command does goes on.
process.stderr.on('error', () => undefined);
// Who reads our output may have read enough; a disk that took half of it has not.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  process.stderr.write(`ampere: cannot write the answer: ${reasonOf(error)}\n`);
  process.exit(1);
});

/** Asks a question at the terminal; undefined when the input ends there. */
const ask = async (question: string): Promise<string | undefined> => {
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const ended = new Promise<undefined>((resolve) => lines.once('close', () => resolve(undefined)));
  const answer = await Promise.race([lines.question(question), ended]);
  lines.close();
  return answer;
};

useCompileCache(process.env);
const [{ runCommand }, { terminalOf }] = await Promise.all([import('./cli/program.ts'), import('./cli/terminal.ts')]);
process.exitCode = await runCommand(process.argv.slice(2), {
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
  env: process.env,
  terminal: terminalOf(process.stdout, process.stderr, process.env),
  run,
  ask: process.stdin.isTTY && process.stdout.isTTY ? ask : undefined,
});
