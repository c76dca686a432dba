/** Electrum's daemon as a process with a server of its own: found, started, ended, started again, and asked over JSON-RPC. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { delimiter, join } from 'node:path';
import { z } from 'zod';
import { freePort, type RunningBitcoind } from '../../../node/regtest/demo/bitcoind.ts';
import { runToEnd } from '../../../node/regtest/demo/run.ts';
import { until } from '../../../node/regtest/demo/wait.ts';
import { Electrumx } from './electrumx.ts';

/** The program on the PATH; undefined where there is none. */
export const findElectrum = (env: NodeJS.ProcessEnv = process.env): string | undefined =>
  (env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'electrum'))
    .find((path) => existsSync(path));

/** Its command line takes one to two seconds, and more where much else runs. */
const commandTimeout = 60_000;
/** Milliseconds that one call may take: some wait for a payment or a close to end. */
const callTimeout = 120_000;
const user = 'electrum';
const password = 'electrum';

const answer = z.union([
  z.object({ error: z.object({ message: z.string() }) }),
  z.object({ result: z.unknown(), error: z.null().optional() }),
]);
const info = z.object({ blockchain_height: z.number(), server_height: z.number(), connected: z.boolean() });

export interface ElectrumOptions {
  readonly program: string;
  /** Of its server. */
  readonly serverProgram: string;
  readonly dir: string;
  readonly bitcoind: RunningBitcoind;
}

export class ElectrumProcess {
  readonly port: number;
  readonly rpcPort: number;
  readonly dir: string;
  readonly program: string;
  private readonly server: Electrumx;
  private child: ChildProcess | undefined;
  private readonly killNow = (): void => void this.child?.kill('SIGKILL');

  private constructor(
    { program, dir }: ElectrumOptions,
    server: Electrumx,
    [port = 0, rpcPort = 0]: readonly number[],
  ) {
    this.program = program;
    this.dir = dir;
    this.server = server;
    this.port = port;
    this.rpcPort = rpcPort;
  }

  /** Starts one with a new wallet and waits until it has read the chain. Throws Error with the end of its log. */
  static async start(options: ElectrumOptions): Promise<ElectrumProcess> {
    const { dir, serverProgram, bitcoind } = options;
    const server = await Electrumx.start(serverProgram, join(dir, 'server'), bitcoind);
    const electrum = new ElectrumProcess(options, server, [await freePort(), await freePort()]);
    try {
      await electrum.makeWallet();
      await electrum.start();
      return electrum;
    } catch (error) {
      await electrum.stop();
      throw error;
    }
  }

  private async makeWallet(): Promise<void> {
    const folder = join(this.dir, 'regtest');
    mkdirSync(folder, { recursive: true });
    const config = {
      ...{ rpcuser: user, rpcpassword: password, rpchost: '127.0.0.1', rpcport: this.rpcPort },
      ...{ server: `127.0.0.1:${this.server.port}:t`, oneserver: true, auto_connect: false, check_updates: false },
      // Without an address to listen at it takes no channel of others either.
      ...{ lightning_listen: `127.0.0.1:${this.port}`, use_gossip: true, lightning_to_self_delay: 144 },
      lightning_forward_payments: true,
      ...{ dynamic_fees: false, log_to_file: false, config_version: 3 },
    };
    writeFileSync(join(folder, 'config'), JSON.stringify(config), { mode: 0o600 });
    const command = [this.program, '--regtest', '-D', this.dir, 'create', '--offline'];
    const { code, err, out } = await runToEnd(command, { timeout: commandTimeout });
    if (code !== 0) throw new Error(`Electrum made no wallet: ${`${out}\n${err}`.trim().slice(-500)}`);
  }

  /** Starts it, again after it was killed, and waits until it has read the chain. Throws Error with the end of its log. */
  async start(): Promise<void> {
    const log = openSync(join(this.dir, 'log'), 'a', 0o600);
    const flags = ['--regtest', '-D', this.dir, '-v', 'daemon'];
    const child = spawn(this.program, flags, { stdio: ['ignore', log, log] });
    closeSync(log);
    this.child = child;
    process.once('exit', this.killNow);
    child.once('exit', () => process.removeListener('exit', this.killNow));
    const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
    try {
      const patience = { timeout: 90_000, every: 200 };
      await until('Electrum to answer', async () => (await this.info()) && true, patience, hasEnded);
      await this.call('load_wallet');
      await until(
        'Electrum to have read the chain',
        async () => {
          const { connected, blockchain_height: height, server_height: tip } = await this.info();
          const isSynchronized = await this.call('is_synchronized', z.boolean());
          return connected && tip > 0 && height === tip && isSynchronized ? true : undefined;
        },
        patience,
        hasEnded,
      );
    } catch (error) {
      const tail = this.logTail();
      await this.kill();
      throw new Error(`Electrum did not start. Its log ends:\n${tail}`, { cause: error });
    }
  }

  info(): Promise<z.output<typeof info>> {
    return this.call('getinfo', info);
  }

  /** The last lines of its log. */
  logTail(lines = 30): string {
    return readFileSync(join(this.dir, 'log'), 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }

  /** Calls a method, its parameters listed or by name. Throws Error with Electrum's words. */
  async call<T = unknown>(method: string, result?: z.ZodType<T>, params: readonly unknown[] | object = []): Promise<T> {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const text = await new Promise<string>((resolve, reject) => {
      const options = {
        ...{ host: '127.0.0.1', port: this.rpcPort, path: '/', method: 'POST', timeout: callTimeout },
        auth: `${user}:${password}`,
      };
      const asked = request(options, (response) => {
        let read = '';
        response.setEncoding('utf8').on('data', (more: string) => {
          read += more;
        });
        response.on('error', reject);
        response.on('end', () => resolve(read));
      });
      asked.on('timeout', () =>
        asked.destroy(new Error(`Electrum has not answered ${method} for ${callTimeout / 1000} s`)),
      );
      asked.on('error', reject);
      asked.end(body);
    });
    const answered = answer.parse(JSON.parse(text));
    if ('error' in answered && answered.error) throw new Error(`${method}: ${answered.error.message}`);
    const value = 'result' in answered ? answered.result : undefined;
    return (result ?? (z.unknown() as z.ZodType<T>)).parse(value);
  }

  /** Ends it as a power cut would, and resolves when it is gone. Its server runs on. */
  async kill(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  /** Ends it and its server. */
  async stop(): Promise<void> {
    await this.kill();
    await this.server.stop();
  }
}
