/**
 * A node as a process of its own: started, asked, killed, started again. Its log goes into a file in its folder, and the
 * file's end into the error when it dies where it should not.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, openClient } from '../../api/rpc/client.ts';
import type { CallParams, MethodName, Result } from '../../api/table.ts';
import { packaged } from '../../base/packaged.ts';
import { sleep, until } from './wait.ts';

/** The built program. */
export const program = packaged('dist/node/main.js');

const startTimeout = 30_000;
const stopTimeout = 15_000;

/** A node that ended by itself, or never answered; the message ends with the last lines of its log. */
export class NodeDied extends Error {
  override readonly name = 'NodeDied';
}

export interface NodeOptions {
  readonly name: string;
  /** Its --dir, made if it is not there. */
  readonly dir: string;
  /** Flags of `ampere start` beside --dir, --network, --listen and --api. */
  readonly flags: readonly string[];
  /** Variables on top of this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** What runs the program, flags of Node's and the built main.js; this build unless told. */
  readonly command?: readonly string[];
}

const gone = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

export class NodeProcess {
  readonly name: string;
  readonly dir: string;
  readonly socket: string;
  readonly logFile: string;
  /** Known once it has answered. */
  id = '';
  /** Where it listens for peers, the same after a restart. */
  port = 0;
  private readonly options: NodeOptions;
  private child: ChildProcess | undefined;
  private client: Client | undefined;
  private readonly killNow = (): void => void this.child?.kill('SIGKILL');

  constructor(options: NodeOptions) {
    this.options = options;
    this.name = options.name;
    this.dir = options.dir;
    this.socket = join(options.dir, 'regtest', 'lightning-rpc');
    this.logFile = join(options.dir, 'log');
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  get running(): boolean {
    return this.child !== undefined && !gone(this.child);
  }

  /** Starts it, with these flags on top of its own, and resolves once it answers. Throws NodeDied. */
  async start(more: readonly string[] = []): Promise<void> {
    const { dir, flags, env, command = [program] } = this.options;
    if (this.running) throw new Error(`${this.name} is running`);
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const places = ['--dir', dir, '--network', 'regtest'];
    const ports = ['--listen', `127.0.0.1:${this.port}`, '--api', '127.0.0.1:0'];
    const log = openSync(this.logFile, 'a', 0o600);
    // A process group of its own: Ctrl-C in a terminal must not end the nodes before whoever uses them has stopped.
    const child = spawn(process.execPath, [...command, 'start', ...places, ...ports, ...flags, ...more], {
      detached: true,
      env: { ...process.env, ...env },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.child = child;
    child.on('error', () => undefined);
    process.once('exit', this.killNow);
    child.once('exit', () => process.removeListener('exit', this.killNow));
    await this.untilAnswering(child);
  }

  private async untilAnswering(child: ChildProcess): Promise<void> {
    const dead = (error: unknown) => error instanceof NodeDied;
    try {
      await until(
        `${this.name} to answer`,
        async () => {
          if (gone(child) || child.pid === undefined)
            throw this.died(`ended with ${child.signalCode ?? `exit code ${child.exitCode}`} while starting`);
          this.hangUp();
          this.client = await openClient(this.socket);
          const { id, binding, warning_starting: starting } = await this.client.call('getinfo');
          if (starting !== undefined) return undefined;
          this.id = id;
          this.port = binding.find(({ type }) => type === 'ipv4')?.port ?? this.port;
          return true;
        },
        { timeout: startTimeout },
        dead,
      );
    } catch (error) {
      const why = dead(error) ? error : this.died(error instanceof Error ? error.message : String(error));
      await this.kill();
      throw why;
    }
  }

  private died(what: string): NodeDied {
    return new NodeDied(`${this.name} ${what}. The end of ${this.logFile}:\n${this.logTail()}`);
  }

  /** The last lines of its log. */
  logTail(lines = 20): string {
    try {
      return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
    } catch {
      return '(no log)';
    }
  }

  /** Calls a method. Throws CallError for a refusal, NodeDied when the process has ended, ConnectionError otherwise. */
  async call<M extends MethodName>(method: M, params?: CallParams<M>): Promise<Result<M>> {
    if (this.client === undefined) throw new Error(`${this.name} is not running`);
    try {
      const call = this.client.call as (method: M, params: CallParams<M> | undefined) => Promise<Result<M>>;
      return await call(method, params);
    } catch (error) {
      if (error instanceof Error && error.name === 'ConnectionError') await sleep(50); // its exit may be on the way
      if (this.child !== undefined && gone(this.child) && this.client !== undefined)
        throw this.died(`ended with ${this.child.signalCode ?? `exit code ${this.child.exitCode}`} during ${method}`);
      throw error;
    }
  }

  /** Resolves once its process is gone, however it ends; at once where it does not run. */
  async exited(): Promise<void> {
    const { child } = this;
    if (child !== undefined && !gone(child) && child.pid !== undefined)
      await new Promise<void>((resolve) => child.once('exit', () => resolve()));
  }

  private async ended(): Promise<void> {
    await this.exited();
    this.child = undefined;
  }

  private hangUp(): void {
    this.client?.close();
    this.client = undefined;
  }

  /** Ends the process as a power cut would, and resolves when it is gone. */
  async kill(): Promise<void> {
    this.child?.kill('SIGKILL');
    await this.ended();
    this.hangUp();
  }

  /** Ends it in order. `killed` when it did not end in time and had to be made to. */
  async stop(): Promise<'stopped' | 'killed'> {
    const { child } = this;
    this.hangUp();
    if (child === undefined || gone(child)) return 'stopped';
    let outcome: 'stopped' | 'killed' = 'stopped';
    const timer = setTimeout(() => {
      outcome = 'killed';
      child.kill('SIGKILL');
    }, stopTimeout);
    child.kill('SIGTERM');
    await this.ended();
    clearTimeout(timer);
    return outcome;
  }

  /** Lets it run on when this process ends. */
  release(): void {
    process.removeListener('exit', this.killNow);
    this.hangUp();
    this.child?.unref();
  }
}
