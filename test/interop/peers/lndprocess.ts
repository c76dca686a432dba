/** lnd as a process: found, started, ended, started again, and asked over REST. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { RunningBitcoind } from '../../../node/regtest/demo/bitcoind.ts';
import { cacheCandidates } from '../../../node/regtest/demo/cache.ts';
import { until } from '../../../node/regtest/demo/wait.ts';
import { hex } from '../../../wire/bytes.ts';

/** The release that is built, and looked for among what is kept between runs. */
export const release = '0.21.0-beta';

/** The program: one on the PATH, or one in a cache folder under its release; undefined where there is neither. */
export const findLnd = (env: NodeJS.ProcessEnv = process.env): string | undefined => {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...folders, ...cacheCandidates(env).map((folder) => join(folder, `lnd-${release}`))]
    .map((folder) => join(folder, 'lnd'))
    .find((path) => existsSync(path));
};

/** What a program says its version is, as `lnd version 0.21.0-beta commit=…` has it. */
export const versionOf = async (program: string): Promise<string> => {
  const { stdout } = await promisify(execFile)(program, ['--version'], { timeout: 30_000 });
  return /version (\S+)/.exec(stdout)?.[1] ?? stdout.trim();
};

/** What REST gives for an error: of the call, or as the last line of a stream. */
const failed = z.object({ message: z.string() });
const answer = z.union([
  z.object({ error: failed }).transform(({ error }) => ({ error })),
  failed.extend({ code: z.number() }).transform((error) => ({ error })),
  z.object({ result: z.unknown() }).transform(({ result }) => ({ result })),
]);

const info = z.object({ identity_pubkey: z.string(), synced_to_chain: z.boolean(), block_height: z.number() });
export type LndInfo = z.output<typeof info>;

/** Bytes as REST has them. */
export const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
/** Bytes in a path or query of REST. */
export const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
/** What REST gives for bytes, in hex. */
export const hexOf = (text: string): string => hex(Buffer.from(text, 'base64'));

/**
 * Ports below those that systems give to connections: one of these is still free when lnd starts again. Processes that run beside each other
 * take them from different shares: between the look and the start of lnd another could take the same.
 */
const [lowest, shares, ports] = [15_000, 50, 300];

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

const given = new Set<number>();
const lastingPort = async (): Promise<number> => {
  for (;;) {
    const port = lowest + (process.pid % shares) * ports + Math.floor(Math.random() * ports);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
};

/** Milliseconds that one call may take: some wait for a payment to end. */
const callTimeout = 120_000;

export interface Call {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly body?: object;
  /** Of a stream: its first line is enough. */
  readonly first?: boolean;
}

export interface LndOptions {
  readonly program: string;
  readonly dir: string;
  readonly bitcoind: RunningBitcoind;
  /** Further options of its command line. */
  readonly flags?: readonly string[];
}

export class LndProcess {
  readonly port: number;
  readonly restPort: number;
  readonly rpcPort: number;
  readonly dir: string;
  readonly program: string;
  private readonly options: LndOptions;
  private readonly agent = new Agent({ keepAlive: true, rejectUnauthorized: false }); // its certificate is its own
  private child: ChildProcess | undefined;
  private readonly killNow = (): void => void this.child?.kill('SIGKILL');

  private constructor(options: LndOptions, [port = 0, rpcPort = 0, restPort = 0]: readonly number[]) {
    this.options = options;
    this.dir = options.dir;
    this.program = options.program;
    this.port = port;
    this.rpcPort = rpcPort;
    this.restPort = restPort;
    mkdirSync(options.dir, { recursive: true });
  }

  /** Starts one and waits until it has read the chain. Throws Error with the end of its log. */
  static async start(options: LndOptions): Promise<LndProcess> {
    const lnd = new LndProcess(options, [await lastingPort(), await lastingPort(), await lastingPort()]);
    await lnd.start();
    return lnd;
  }

  /** Starts it, again after it was killed, and waits until it has read the chain. Throws Error with the end of its log. */
  async start(): Promise<void> {
    const { program, bitcoind, flags: more = [] } = this.options;
    const log = openSync(join(this.dir, 'log'), 'a', 0o600);
    const flags = [
      `--lnddir=${this.dir}`,
      '--bitcoin.regtest',
      '--bitcoin.node=bitcoind',
      `--bitcoind.rpchost=${bitcoind.host}:${bitcoind.port}`,
      `--bitcoind.rpcuser=${bitcoind.user}`,
      `--bitcoind.rpcpass=${bitcoind.password}`,
      '--bitcoind.rpcpolling',
      '--bitcoind.blockpollinginterval=50ms',
      '--bitcoind.txpollinginterval=200ms',
      '--noseedbackup',
      '--accept-amp',
      '--accept-keysend',
      '--trickledelay=50',
      '--maxpendingchannels=20',
      '--bitcoin.defaultchanconfs=3',
      // Blocks that we wait for our own output where we close by force: without it, 144.
      '--bitcoin.defaultremotedelay=36',
      `--listen=127.0.0.1:${this.port}`,
      `--rpclisten=127.0.0.1:${this.rpcPort}`,
      `--restlisten=127.0.0.1:${this.restPort}`,
      ...more,
    ];
    const child = spawn(program, flags, { stdio: ['ignore', log, log] });
    this.child = child;
    closeSync(log);
    process.once('exit', this.killNow);
    child.once('exit', () => process.removeListener('exit', this.killNow));
    try {
      await until(
        'lnd to be ready',
        async () => ((await this.info()).synced_to_chain ? true : undefined),
        { timeout: 180_000, every: 250 },
        () => child.exitCode !== null || child.signalCode !== null,
      );
    } catch (error) {
      const tail = this.logTail();
      await this.kill();
      throw new Error(`lnd did not start. Its log ends:\n${tail}`, { cause: error });
    }
  }

  info(): Promise<LndInfo> {
    return this.call('/v1/getinfo', info);
  }

  /** The last lines of its log. */
  logTail(lines = 30): string {
    return readFileSync(join(this.dir, 'log'), 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }

  /** Calls a method: GET, or POST where there is a body. Of a stream it gives the last line. Throws Error with lnd's words. */
  async call<T>(path: string, result: z.ZodType<T>, { body, method, first = false }: Call = {}): Promise<T> {
    const macaroon = hex(readFileSync(join(this.dir, 'data', 'chain', 'bitcoin', 'regtest', 'admin.macaroon')));
    const text = await new Promise<string>((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port: this.restPort,
        path,
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        agent: this.agent,
        timeout: callTimeout,
        headers: { 'Grpc-Metadata-macaroon': macaroon },
      };
      const asked = request(options, (response) => {
        let read = '';
        response.setEncoding('utf8').on('data', (more: string) => {
          read += more;
          if (!first || !read.includes('\n')) return;
          resolve(read.slice(0, read.indexOf('\n')));
          response.destroy();
        });
        response.on('error', reject);
        response.on('end', () => resolve(read));
      });
      asked.on('timeout', () => asked.destroy(new Error(`lnd has not answered ${path} for ${callTimeout / 1000} s`)));
      asked.on('error', reject);
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
    const last: unknown = JSON.parse(text.trim().split('\n').at(-1) ?? '');
    const { data } = answer.safeParse(last);
    if (data !== undefined && 'error' in data) throw new Error(data.error.message);
    return result.parse(data === undefined ? last : data.result);
  }

  private get channelsFile(): string {
    return join(this.dir, 'data', 'graph', 'regtest', 'channel.db');
  }

  /** Not running: keeps what it knows of its channels now. */
  remember(): void {
    copyFileSync(this.channelsFile, `${this.channelsFile}.old`);
  }

  /** Not running: has it know of its channels only what was kept. */
  forget(): void {
    copyFileSync(`${this.channelsFile}.old`, this.channelsFile);
  }

  /** Ends it as a power cut would, and resolves when it is gone. */
  async kill(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
}
