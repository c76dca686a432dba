/**
 * The server that Electrum needs, over a bitcoind with -txindex: the Python package e-x, installed once into a folder of what is kept between
 * runs, and run as a process.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { freePort, type RunningBitcoind } from '../../../node/regtest/demo/bitcoind.ts';
import { cacheCandidates, cacheFolder } from '../../../node/regtest/demo/cache.ts';
import { runToEnd } from '../../../node/regtest/demo/run.ts';
import { until } from '../../../node/regtest/demo/wait.ts';

/** Later ones want a later bitcoind. plyvel is the database that it is told to use. */
const packages = ['e-x==1.19.0', 'plyvel==1.5.1'];
const folder = 'electrumx-1.19.0';

/** Milliseconds for the installation of its Python packages, and between two looks at the chain. */
const installTimeout = 240_000;
const lookEvery = 200;

/**
 * Runs the program that is named after it. To hide what is asked from whoever counts bytes, the server keeps every answer back for a second
 * in case there is more to go with it; here nobody counts, and an Electrum that reads blocks asks once a block.
 */
const hasty = [
  'import runpy, sys',
  'from electrumx.server.transport import PaddedRSTransport',
  'PaddedRSTransport.WAIT_FOR_BUFFER_GROWTH_SECONDS = 0.02',
  'runpy.run_path(sys.argv[1], run_name="__main__")',
].join('\n');

const programIn = (place: string): string => join(place, 'bin', 'electrumx_server');

/** The program; undefined where it was not installed yet. */
export const findElectrumx = (env: NodeJS.ProcessEnv = process.env): string | undefined =>
  cacheCandidates(env)
    .map((place) => programIn(join(place, folder)))
    .find((path) => existsSync(path));

/** Gives the program, installed first where that is needed. Throws Error with the end of what Python says. */
export const installElectrumx = async (progress: (line: string) => void, env = process.env): Promise<string> => {
  const found = findElectrumx(env);
  if (found !== undefined) return found;
  const place = join(await cacheFolder(env), folder);
  // A virtual environment knows its own path, so it is made in place, and taken away again where it does not become whole.
  progress('installing the server that Electrum needs, once');
  const python = join(place, 'bin', 'python');
  const steps = [
    ['python3', '-m', 'venv', place],
    [python, '-m', 'pip', 'install', '--quiet', ...packages],
    // Named as the program only now: what there is of it is whole.
    [python, '-c', 'import electrumx, plyvel'],
  ];
  for (const step of steps) {
    const { code, out, err } = await runToEnd(step, { env, timeout: installTimeout });
    if (code === 0) continue;
    await rm(place, { recursive: true, force: true });
    throw new Error(`the server that Electrum needs could not be installed: ${`${out}\n${err}`.trim().slice(-500)}`);
  }
  return programIn(place);
};

export class Electrumx {
  readonly port: number;
  private readonly child: ChildProcess;
  private readonly killNow = (): void => void this.child.kill('SIGKILL');

  private constructor(program: string, dir: string, bitcoind: RunningBitcoind, port: number) {
    this.port = port;
    mkdirSync(dir, { recursive: true });
    const log = openSync(join(dir, 'log'), 'a', 0o600);
    this.child = spawn(join(dirname(program), 'python'), ['-c', hasty, program], {
      stdio: ['ignore', log, log],
      env: {
        PATH: process.env['PATH'],
        ...{ ALLOW_ROOT: '1', COIN: 'Bitcoin', NET: 'regtest', DB_ENGINE: 'leveldb', DB_DIRECTORY: dir },
        DAEMON_URL: bitcoind.url,
        SERVICES: `tcp://127.0.0.1:${port}`,
        ...{ PEER_DISCOVERY: 'off', PEER_ANNOUNCE: '', COST_SOFT_LIMIT: '0', COST_HARD_LIMIT: '0' },
        DAEMON_POLL_INTERVAL_BLOCKS: String(lookEvery),
        DAEMON_POLL_INTERVAL_MEMPOOL: String(lookEvery),
      },
    });
    closeSync(log);
    process.once('exit', this.killNow);
    this.child.once('exit', () => process.removeListener('exit', this.killNow));
  }

  /** Starts one and waits until it listens, which it does when it has read the chain. Throws Error with the end of its log. */
  static async start(program: string, dir: string, bitcoind: RunningBitcoind): Promise<Electrumx> {
    const server = new Electrumx(program, dir, bitcoind, await freePort());
    const listens = (): Promise<true | undefined> =>
      new Promise((resolve) => {
        const socket = connect(server.port, '127.0.0.1');
        socket.once('connect', () => resolve(true));
        socket.once('error', () => resolve(undefined));
        socket.once('close', () => resolve(undefined));
        socket.once('connect', () => socket.destroy());
      });
    try {
      const { child } = server;
      await until(
        'the Electrum server to listen',
        listens,
        { timeout: 60_000, every: 200 },
        () => child.exitCode !== null,
      );
      return server;
    } catch (error) {
      const tail = readFileSync(join(dir, 'log'), 'utf8').trimEnd().split('\n').slice(-20).join('\n');
      await server.stop();
      throw new Error(`the Electrum server did not start. Its log ends:\n${tail}`, { cause: error });
    }
  }

  /** Ends it and resolves when it is gone. */
  async stop(): Promise<void> {
    const { child } = this;
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL'); // its folder goes with the test
    await gone;
  }
}
