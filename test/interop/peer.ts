/** An LDK node in a process of its own, from the test's side: started, asked, listened to, ended. */

import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packaged } from '../../node/base/packaged.ts';
import type { RunningBitcoind } from '../../node/regtest/demo/bitcoind.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { utf8 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import type { CallName, Calls, Channel, Message, Report, StartOptions } from './ldk/calls.ts';

/** The built program: tests run from the sources, processes from dist/. */
const program = packaged('dist/test/interop/ldk/main.js');

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

type Event<E extends Report['event']> = Extract<Report, { event: E }>;

export interface LdkOptions extends Partial<Omit<StartOptions, 'bitcoind' | 'seed'>> {
  readonly name: string;
  readonly dir: string;
  readonly bitcoind: RunningBitcoind;
}

export class Ldk {
  readonly name: string;
  id = '';
  port = 0;
  /** Everything it told, oldest first. */
  readonly reports: Report[] = [];
  private readonly child: ChildProcess;
  private readonly logFile: string;
  private readonly pending = new Map<number, Pending>();
  private nextId = 0;
  private readonly killNow = (): void => void this.child.kill('SIGKILL');

  private constructor(name: string, dir: string) {
    this.name = name;
    mkdirSync(dir, { recursive: true });
    this.logFile = join(dir, `${name}.log`);
    const log = openSync(this.logFile, 'a', 0o600);
    this.child = fork(program, { stdio: ['ignore', log, log, 'ipc'], serialization: 'advanced' });
    closeSync(log);
    process.once('exit', this.killNow);
    this.child.on('message', (message) => this.heard(message as Message));
    this.child.once('exit', (code, signal) => {
      process.removeListener('exit', this.killNow);
      for (const { reject } of this.pending.values())
        reject(new Error(`${name} ended with ${signal ?? `exit code ${code}`}. Its log ends:\n${this.logTail()}`));
      this.pending.clear();
    });
  }

  /** Starts one that knows the chain from its tip on. */
  static async start({ name, dir, bitcoind, ...options }: LdkOptions): Promise<Ldk> {
    const ldk = new Ldk(name, dir);
    const { host, port, user, password } = bitcoind;
    const defaults = { anchors: false, scidPrivacy: false, depth: 1 };
    const seed = sha256(utf8(name));
    const started = await ldk.call('start', {
      ...defaults,
      ...options,
      seed,
      bitcoind: { host, port, user, password },
    });
    ldk.id = started.id;
    ldk.port = started.port;
    return ldk;
  }

  /** Where it can be connected to. */
  get address(): { readonly id: string; readonly host: string; readonly port: number } {
    return { id: this.id, host: '127.0.0.1', port: this.port };
  }

  /** The last lines of its log. */
  logTail(lines = 30): string {
    return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }

  private heard(message: Message): void {
    if (message.type === 'report') {
      this.reports.push(message.report);
      return;
    }
    const pending = this.pending.get(message.id);
    this.pending.delete(message.id);
    if (message.type === 'answer') pending?.resolve(message.result);
    else pending?.reject(new Error(`${this.name}: ${message.error}`));
  }

  call<N extends CallName>(name: N, ...[given]: Calls[N]['given'] extends undefined ? [] : [Calls[N]['given']]) {
    const id = this.nextId++;
    return new Promise<Calls[N]['result']>((resolve, reject) => {
      this.pending.set(id, { resolve: resolve as (result: unknown) => void, reject });
      this.child.send({ id, name, given }, (error) => {
        if (error !== null) reject(error);
      });
    });
  }

  /** The first report of a kind, past or to come, that fits. */
  report<E extends Report['event']>(event: E, fits: (report: Event<E>) => boolean = () => true): Promise<Event<E>> {
    const kinds = (report: Report): report is Event<E> => report.event === event;
    return until(`${this.name} to report ${event}`, () => this.reports.filter(kinds).find(fits));
  }

  /** Its view of one channel; throws where it has none. */
  async channel(channelId: string): Promise<Channel> {
    const found = (await this.call('channels')).find((channel) => channel.channelId === channelId);
    if (found === undefined) throw new Error(`${this.name} has no channel ${channelId}`);
    return found;
  }

  /** Its view of one channel once that can take HTLCs and none is under way. */
  quiet(channelId: string): Promise<Channel> {
    return until(`${this.name}'s channel to come to rest`, async () => {
      const channel = await this.channel(channelId);
      const htlcs = channel.pendingIn.length + channel.pendingOut.length;
      return channel.usable && htlcs === 0 ? channel : undefined;
    });
  }

  /** Ends it and resolves when it is gone. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL'); // it keeps nothing
    await gone;
  }
}
