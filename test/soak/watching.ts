/** What is measured of a node from outside while it is attacked: its memory, its time, its answers, its word to strangers. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { type Client, openClient } from '../../node/api/rpc/client.ts';
import { decodeMessage } from '../../wire/message.ts';
import { type Dialled, keyOf, meet } from './line.ts';

const run = promisify(execFile);

/** Bytes of memory a process holds now. */
export const memoryOf = async (pid: number): Promise<number> => {
  const field = async (name: string): Promise<number | undefined> => {
    const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    const [, kilobytes] = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text) ?? [];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  };
  const found = await field('VmRSS');
  if (found !== undefined) return found;
  const { stdout } = await run('ps', ['-o', 'rss=', '-p', String(pid)]);
  return Number(stdout.trim()) * 1024;
};

/** Seconds of processor time a process has used; undefined where the system does not say. */
export const processorOf = async (pid: number): Promise<number | undefined> => {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields === undefined ? undefined : (Number(fields[11]) + Number(fields[12])) / 100;
};

/** Does something at even times from now on, whether or not the last has come to an end or to nothing; stops when told. */
export const every = (ms: number, act: (n: number) => Promise<void>): (() => Promise<void>) => {
  const underWay = new Set<Promise<void>>();
  let n = 0;
  const timer = setInterval(() => {
    const one = act(n++)
      .catch(() => undefined)
      .finally(() => underWay.delete(one));
    underWay.add(one);
  }, ms);
  return async () => {
    clearInterval(timer);
    await Promise.all(underWay);
  };
};

/** The figure below which the given part of all lie, 0 where there are none. */
export const quantile = (figures: readonly number[], part: number): number => {
  const sorted = [...figures].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)] ?? sorted[0] ?? 0;
};

/** Rejects when something takes longer than so many milliseconds. */
export const within = async <T>(ms: number, what: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing for ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([what, late]);
  } finally {
    clearTimeout(timer);
  }
};

/** Milliseconds after which a call counts as never answered. */
const patience = 30_000;

/** A `getinfo` now and again, by turns on a connection that stays and on one of its own: milliseconds, and what came to nothing. */
export class Pulse {
  readonly took: number[] = [];
  readonly failures: string[] = [];
  /** The node's height, as it said last. */
  height = 0;
  private kept: Client | undefined;
  private readonly socket: string;

  constructor(socket: string) {
    this.socket = socket;
  }

  async beat(n: number): Promise<void> {
    const from = performance.now();
    try {
      const own = n % 2 === 0;
      const client = own ? await openClient(this.socket) : await this.keptClient();
      const info = await within(patience, client.raw('getinfo', {}));
      this.took.push(performance.now() - from);
      this.height = Math.max(this.height, Number((info as { blockheight?: unknown }).blockheight));
      if (own) client.close();
    } catch (error) {
      this.failures.push(error instanceof Error ? error.message : String(error));
      this.kept = undefined;
    }
  }

  private async keptClient(): Promise<Client> {
    this.kept ??= await openClient(this.socket);
    return this.kept;
  }

  close(): void {
    this.kept?.close();
  }
}

/** Somebody nobody knows, who connects, says `init`, pings, and leaves: milliseconds until the pong, undefined where none came. */
export const newcomer = async (node: Dialled, words: string): Promise<number | undefined> => {
  const from = performance.now();
  let heard: () => void = () => undefined;
  const pong = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const asked = meet(node, keyOf(words), (raw) => {
    if (decodeMessage(raw).name === 'pong') heard();
  });
  try {
    const line = await within(patience, asked);
    if (line === undefined) return undefined;
    await line.say([Uint8Array.of(0, 18, 0, 1, 0, 0)]);
    await within(patience, Promise.race([pong, line.ended]));
    const answered = !line.closed;
    line.end();
    return answered ? performance.now() - from : undefined;
  } catch {
    void asked.then((line) => line?.end());
    return undefined;
  }
};
