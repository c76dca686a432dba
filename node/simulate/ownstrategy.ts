/**
 * A strategy of a program's own, from a file, in a thread of its own: the machine that asks it waits for its answer, but not for ever.
 * What throws or answers nonsense fails the payment as in a node; what does not answer in time is ended with its thread.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { NoAnswer, withStrategies } from '../../amp/strategies.ts';
import type { Strategy } from '../../amp/strategy.ts';

/** A strategy that cannot be used: `fault.field` is `strategy`, and the message names the file. */
export class OwnStrategyError extends Error {
  override readonly name = 'OwnStrategyError';
  readonly fault = { code: 'bad_strategy', field: 'strategy' } as const;
  constructor(path: string, what: string) {
    super(`--strategy ${path}: ${what}`);
  }
}

export interface OwnStrategy {
  readonly strategy: Strategy;
  /** Why it can be asked no more, once that is so. */
  readonly fault: () => string | undefined;
  readonly end: () => Promise<void>;
}

/** Milliseconds that it has for loading, and for each answer. */
const LIMITS = { load: 10_000, answer: 5000 } as const;
/** What its thread may take of memory, in megabytes. */
const MEMORY = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32 };
/** Letters of a text of its own that are told. */
const MOST_TEXT = 200;

/** Said where an answer cannot be passed on between threads. */
const NOT_PLAIN = 'it gave what is no plain data';

/** What runs in the thread: it loads the file, answers what it is asked, and rings for each answer. */
const thread = `
const { workerData: { url, port, bell } } = require('node:worker_threads');
const flag = new Int32Array(bell);
const answer = (make) => {
  let said;
  try { said = { value: make() }; } catch (error) { said = { error: String(error?.message ?? error).slice(0, ${MOST_TEXT}) }; }
  try { port.postMessage(said); } catch { port.postMessage({ error: '${NOT_PLAIN}' }); }
  Atomics.store(flag, 0, 1);
  Atomics.notify(flag, 0);
};
import(url).then((module) => {
  const row = module.strategy ?? module.default;
  answer(() => {
    const { name, needsShards, usesWindows, cut, split } = row ?? {};
    const isRow = typeof name === 'string' && typeof needsShards === 'boolean' && typeof usesWindows === 'boolean';
    if (!isRow || typeof cut !== 'function' || typeof split !== 'function')
      throw new Error('expected a row of name, needsShards, usesWindows, cut and split, exported as strategy or by default');
    return { name, needsShards, usesWindows };
  });
  port.on('message', ([what, ...values]) => answer(() => row[what](...values)));
}, (error) => answer(() => { throw error; }));
`;

type Said = { readonly value: unknown } | { readonly error: string };

const isSaid = (message: unknown): message is Said =>
  typeof message === 'object' && message !== null && ('value' in message || 'error' in message);

/** Asks a thread and waits; undefined where it did not answer in time. */
const asked = (port: MessagePort, flag: Int32Array, limit: number, question?: readonly unknown[]): Said | undefined => {
  if (question !== undefined) {
    Atomics.store(flag, 0, 0);
    port.postMessage(question);
  }
  Atomics.wait(flag, 0, 0, limit);
  const message: unknown = receiveMessageOnPort(port)?.message;
  return isSaid(message) ? message : undefined;
};

/**
 * Loads the row that a file exports as `strategy` or by default. Throws OwnStrategyError for a file that is none, does not load within
 * ten seconds, or whose row is not one; and for a name that is taken.
 */
export const ownStrategy = (
  path: string,
  limits: { readonly load: number; readonly answer: number } = LIMITS,
): OwnStrategy => {
  const file = resolve(path);
  if (!existsSync(file)) throw new OwnStrategyError(path, 'there is no such file');
  const { typescript } = process.features as { readonly typescript?: unknown };
  if (/\.[mc]?ts$/.test(file) && !typescript)
    throw new OwnStrategyError(
      path,
      `Node ${process.versions.node} loads no TypeScript: take Node 22.18 or later, or a .mjs file`,
    );
  const { port1: port, port2: theirs } = new MessageChannel();
  const bell = new SharedArrayBuffer(4);
  const flag = new Int32Array(bell);
  const workerData = { url: pathToFileURL(file).href, port: theirs, bell };
  const worker = new Worker(thread, { eval: true, workerData, transferList: [theirs], resourceLimits: MEMORY });
  worker.unref();
  let fault: string | undefined;
  const end = async (): Promise<void> => {
    port.close();
    await worker.terminate();
  };
  // What ends a thread is told by the answer that does not come.
  worker.on('error', () => undefined);
  const loaded = asked(port, flag, limits.load);
  const refuse = (what: string): OwnStrategyError => {
    void end();
    return new OwnStrategyError(path, what);
  };
  if (loaded === undefined) throw refuse(`it did not load within ${limits.load / 1000} s`);
  if ('error' in loaded) throw refuse(loaded.error);
  const row = loaded.value as Pick<Strategy, 'name' | 'needsShards' | 'usesWindows'>;
  const ask = (question: readonly unknown[]): unknown => {
    if (fault !== undefined) throw new NoAnswer(fault);
    const said = asked(port, flag, limits.answer, question);
    if (said === undefined) {
      fault = `it did not answer within ${limits.answer / 1000} s`;
      void end();
      throw new NoAnswer(fault);
    }
    if ('error' in said) throw said.error === NOT_PLAIN ? new NoAnswer(NOT_PLAIN) : new Error(said.error);
    return said.value;
  };
  // What it answers is checked by whoever asks (amp/strategies.ts).
  const strategy: Strategy = {
    ...row,
    cut: (wish, outlets) => ask(['cut', wish, outlets]) as ReturnType<Strategy['cut']>,
    split: (wish, piece) => ask(['split', wish, piece]) as ReturnType<Strategy['split']>,
  };
  try {
    withStrategies([strategy]);
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error));
  }
  return { strategy, fault: () => fault, end };
};
