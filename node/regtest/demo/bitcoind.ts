/**
 * A bitcoind of one's own in regtest, for demos and tests: on free ports, in a folder of its own, alone on its network, and
 * gone when it is told to be or when this process ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { hex, utf8 } from '../../../wire/bytes.ts';
import { hmacSha256 } from '../../../wire/crypto.ts';
import { systemEntropy } from '../../base/entropy.ts';
import { isRetriable } from '../../chain/errors.ts';
import { openRpc, type Rpc } from '../../chain/rpc.ts';
import { passwordVariable } from '../chain/command.ts';
import { cookieIn } from '../chain/run.ts';
import type { FoundBitcoind } from './find.ts';

export interface StartOptions {
  /** Its data folder, made if it is not there; a chain already in it is continued. */
  readonly dir: string;
  /** What to run: see findBitcoind. */
  readonly command: FoundBitcoind['command'];
  /** `embedded` for the chain that plays bitcoind where there is none. */
  readonly source?: FoundBitcoind['source'];
  /** The RPC port; a free one unless told. Tell it, with `password`, to come back after a stop. */
  readonly port?: number;
  readonly password?: string;
  /** More options, each as the program spells it: `-txindex=1` for bitcoind. */
  readonly args?: readonly string[];
}

export interface RunningBitcoind {
  /** Its data folder. */
  readonly dir: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** The cookie file it writes at each start. */
  readonly cookieFile: string;
  /** http://USER:PASSWORD@HOST:PORT, as `ampere start --bitcoind` wants it. */
  readonly url: string;
  readonly pid: number;
  readonly rpc: Rpc;
  /** Any method, its result unchecked. */
  call(method: string, ...params: readonly unknown[]): Promise<unknown>;
  /** Mines blocks to an address and gives their hashes. */
  mine(blocks: number, address: string): Promise<readonly string[]>;
  /** Ends it in order, or at once with `SIGKILL`; resolves when the process is gone. Again is harmless. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Lets it run on when this process ends. */
  release(): void;
}

const host = '127.0.0.1';
const user = 'ampere';
/** Milliseconds until a start counts as failed, and until a stop turns into a kill. */
const startTimeout = 60_000;
const stopTimeout = 15_000;

/** A port nobody listens on at this moment. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, host, () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : 0));
    });
  });

const randomText = (): string => hex(systemEntropy.bytes(16));

/** bitcoind's salted form of a password. Beside it bitcoind goes on writing its cookie file. */
const credentials = (password: string): string => {
  const salt = randomText();
  return `${user}:${salt}$${hex(hmacSha256(utf8(salt), utf8(password)))}`;
};

/** bitcoind's own file of settings, for a regtest alone on its network; `more` are lines of the regtest section. */
export const bitcoindSettings = (port: number, more: readonly string[] = []): string =>
  [
    'regtest=1',
    'server=1',
    'listen=0',
    'listenonion=0',
    'dnsseed=0',
    'discover=0',
    'fallbackfee=0.0001',
    'addresstype=bech32',
    'changetype=bech32',
    // Keys are made as they are needed: a thousand of each kind take longer than all else that a start does.
    'keypool=10',
    'printtoconsole=0',
    'rpcthreads=16',
    'rpcworkqueue=256',
    '[regtest]',
    `rpcbind=${host}`,
    `rpcallowip=${host}`,
    `rpcport=${port}`,
    ...more,
    '',
  ].join('\n');

/** Ended, or never started. */
const gone = (child: ChildProcess): boolean =>
  child.exitCode !== null || child.signalCode !== null || child.pid === undefined;

const ended = (child: ChildProcess): Promise<void> =>
  gone(child) ? Promise.resolve() : new Promise((resolve) => child.once('exit', () => resolve()));

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const untilAnswering = async (rpc: Rpc, child: ChildProcess, said: () => string): Promise<void> => {
  for (const end = Date.now() + startTimeout; ; await sleep(50)) {
    try {
      await rpc.call('getblockchaininfo', [], z.object({ chain: z.literal('regtest') }));
      return;
    } catch (error) {
      if (gone(child))
        throw new Error(`bitcoind ended while starting: ${said().trim() || `exit code ${child.exitCode}`}`);
      if (!isRetriable(error) || Date.now() > end) throw error;
    }
  }
};

/** Starts it and waits until it answers. Throws Error with bitcoind's own words when it ends instead. */
export const startBitcoind = async (options: StartOptions): Promise<RunningBitcoind> => {
  const { dir, password = randomText() } = options;
  const port = options.port ?? (await freePort());
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const isEmbedded = options.source === 'embedded';
  const login = `rpcauth=${credentials(password)}`;
  if (!isEmbedded) await writeFile(join(dir, 'bitcoin.conf'), bitcoindSettings(port, [login]), { mode: 0o600 });
  const own = isEmbedded ? ['--datadir', dir, '--port', String(port), '--user', user] : [`-datadir=${dir}`];

  const [program = '', ...first] = options.command;
  // A process group of its own: Ctrl-C in a terminal must not take the chain away before those who use it have stopped.
  const child = spawn(program, [...first, ...own, ...(options.args ?? [])], {
    detached: true,
    env: { ...process.env, [passwordVariable]: password },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.on('error', (error) => {
    said += error.message;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4096);
  });
  const kill = (): void => {
    if (!gone(child)) child.kill('SIGKILL');
  };
  process.once('exit', kill);

  const rpc = openRpc({ host, port, auth: { user, password } });
  const stop = async (signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> => {
    process.removeListener('exit', kill);
    rpc.close();
    const timer = setTimeout(kill, stopTimeout);
    if (!gone(child)) child.kill(signal);
    await ended(child);
    clearTimeout(timer);
  };
  try {
    await untilAnswering(rpc, child, () => said);
  } catch (error) {
    await stop('SIGKILL');
    throw error;
  }
  return {
    dir,
    host,
    port,
    user,
    password,
    cookieFile: isEmbedded ? cookieIn(dir) : join(dir, 'regtest', '.cookie'),
    url: `http://${user}:${password}@${host}:${port}`,
    pid: child.pid ?? 0,
    rpc,
    call: (method, ...params) => rpc.call(method, params, z.unknown()),
    mine: (blocks, address) => rpc.call('generatetoaddress', [blocks, address], z.array(z.string())),
    stop,
    release: () => {
      process.removeListener('exit', kill);
      rpc.close();
      child.stderr?.destroy();
      child.unref();
    },
  };
};
