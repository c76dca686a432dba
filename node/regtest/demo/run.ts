/** Running another program to its end. */
import { spawn } from 'node:child_process';

export interface ProgramResult {
  /** 0 when it went well; -1 when it could not be started or was killed. */
  readonly code: number;
  readonly out: string;
  /** What it said on the error stream, or why it could not be started. */
  readonly err: string;
}

export interface RunOptions {
  readonly cwd?: string;
  /** Milliseconds until it is killed; 120,000 unless told. */
  readonly timeout?: number;
  /** Its variables, which also say where programs are looked for; this process's unless told. */
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a command line without a shell and never throws. */
export const runToEnd = (
  [program = '', ...args]: readonly string[],
  { cwd, timeout = 120_000, env: given = process.env }: RunOptions = {},
): Promise<ProgramResult> =>
  new Promise((resolve) => {
    const env = { ...given, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
    const child = spawn(program, args, { ...(cwd && { cwd }), env, stdio: ['ignore', 'pipe', 'pipe'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), timeout);
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    const end = (code: number, why = ''): void => {
      clearTimeout(timer);
      resolve({ code, out, err: err + why });
    };
    child.on('error', (error) => end(-1, error.message));
    child.on('close', (code, signal) => end(code ?? -1, signal === null ? '' : `killed by ${signal}`));
  });
