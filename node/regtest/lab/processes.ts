/**
 * Processes that outlive whoever started them: each has a folder with its log and the file of its process id. A process id counts only
 * while the process of that id names the folder in its command line, since ids are given again.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { access, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../base/files.ts';
import { runToEnd } from '../demo/run.ts';
import { sleep } from '../demo/wait.ts';
import { LabError } from './laberror.ts';

/** Milliseconds that a process has to end in order before it is killed. */
const stopTimeout = 20_000;
/** Bytes read from the end of a log. */
const tailBytes = 32_768;

export interface Program {
  /** For messages. */
  readonly name: string;
  /** Its folder, which its command line must name. */
  readonly dir: string;
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

const pidFileIn = (dir: string): string => join(dir, 'pid');
export const logFileIn = (dir: string): string => join(dir, 'log');

/** The command line of a process, empty where there is none. */
const commandLineOf = async (pid: number): Promise<string> => {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
  } catch (error) {
    // A system without /proc has ps.
    if (process.platform === 'linux' || (error as NodeJS.ErrnoException).code !== 'ENOENT') return '';
    return (await runToEnd(['ps', '-ww', '-o', 'command=', '-p', String(pid)], { timeout: 5_000 })).out;
  }
};

/** Whether a command line has this folder as a whole word, or as the value of an option. */
const isAbout = (commandLine: string, dir: string): boolean =>
  ` ${commandLine} `.replaceAll('=', ' ').includes(` ${dir.replaceAll('=', ' ')} `);

/** The process id of what runs for this folder, or undefined where nothing does. */
export const runningPid = async (dir: string): Promise<number | undefined> => {
  const text = await readFile(pidFileIn(dir), 'utf8').catch(() => '');
  const pid = /^\d{1,10}\s*$/.test(text) ? Number(text) : 0;
  return pid > 1 && isAbout(await commandLineOf(pid), dir) ? pid : undefined;
};

/** The most of a line of a log that an error repeats. */
const longestLine = 400;

/** A line of a log for people: of ours, which are JSON, what is said and why. */
export const readableLine = (line: string): string => {
  let said = line;
  try {
    const { level, part, msg, reason } = JSON.parse(line) as Readonly<Record<string, unknown>>;
    if (typeof msg === 'string')
      said = `${String(level)} (${String(part ?? 'node')}): ${msg}${typeof reason === 'string' ? `: ${reason}` : ''}`;
  } catch {
    // As it is.
  }
  return said.length > longestLine ? `${said.slice(0, longestLine)}…` : said;
};

/** The last lines of a log, for people. */
export const logTail = async (dir: string, lines = 6): Promise<string> => {
  try {
    const file = await open(logFileIn(dir), 'r');
    try {
      const { size } = await file.stat();
      const from = Math.max(0, size - tailBytes);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(tailBytes), 0, tailBytes, from);
      const whole = buffer.toString('utf8', 0, bytesRead).trimEnd().split('\n');
      return (from > 0 ? whole.slice(1) : whole).slice(-lines).map(readableLine).join('\n');
    } finally {
      await file.close();
    }
  } catch {
    return '(no log)';
  }
};

/** An error about a process that ended, or never answered, with the end of its log. */
export const died = async ({ name, dir }: Pick<Program, 'name' | 'dir'>, what: string): Promise<LabError> => {
  const log = await logTail(dir);
  return new LabError({ code: 'died', name, log }, `${name} ${what}. The end of ${logFileIn(dir)}:\n${log}`);
};

/** Notes the process that runs for a folder, which somebody else started. */
export const noteProcess = (dir: string, pid: number): Promise<void> =>
  writeFile(pidFileIn(dir), `${pid}\n`, { mode: 0o600 });

/** Whether something was started for this folder and not ended by us, and does not run any more. */
export const wasKilled = async (dir: string): Promise<boolean> => {
  const isNoted = await access(pidFileIn(dir)).then(
    () => true,
    () => false,
  );
  return isNoted && (await runningPid(dir)) === undefined;
};

/** Starts a program in a session of its own, its output in its log, and lets go of it. Gives its process id. */
export const startDetached = async ({ name, dir, command, env }: Program): Promise<number> => {
  await makeFolder(dir);
  const log = openSync(logFileIn(dir), 'a', 0o600);
  const [program = '', ...args] = command;
  try {
    // A session of its own: neither Ctrl-C nor the end of the terminal reaches it.
    const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log], ...(env && { env }) });
    const pid = await new Promise<number>((resolve, reject) => {
      child.once('spawn', () => resolve(child.pid ?? 0));
      child.once('error', (error) => {
        const fault = { code: 'no_program', program } as const;
        reject(new LabError(fault, `${name} cannot be started: ${error.message}`));
      });
    });
    child.unref();
    await noteProcess(dir, pid);
    return pid;
  } finally {
    closeSync(log);
  }
};

const signal = (pid: number, which: NodeJS.Signals): void => {
  try {
    process.kill(pid, which);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};

/** Resolves with true once nothing runs for this folder any more, with false when that takes longer than this. */
export const untilGone = async (dir: string, milliseconds: number): Promise<boolean> => {
  for (const end = Date.now() + milliseconds; ; await sleep(50)) {
    if ((await runningPid(dir)) === undefined) return true;
    if (Date.now() >= end) return false;
  }
};

/** Ends what runs for this folder, in order, or by force where that takes too long. */
export const stopProcess = async (dir: string): Promise<'stopped' | 'killed' | 'was not running'> => {
  const pid = await runningPid(dir);
  if (pid === undefined) return 'was not running';
  signal(pid, 'SIGTERM');
  let how: 'stopped' | 'killed' = 'stopped';
  if (!(await untilGone(dir, stopTimeout))) {
    how = 'killed';
    signal(pid, 'SIGKILL');
    await untilGone(dir, stopTimeout);
  }
  await rm(pidFileIn(dir), { force: true });
  return how;
};
