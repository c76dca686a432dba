/** `ampere chain`: a regtest chain for several processes, served as bitcoind serves one, until it is told to stop. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hex } from '../../../wire/bytes.ts';
import { systemClock, systemEntropy } from '../../base/entropy.ts';
import { makeFolder } from '../../base/files.ts';
import { keepJournal } from './journal.ts';
import { takeLock } from './lockfile.ts';
import { type Publication, publish } from './publish.ts';
import { openRegtest } from './regtest.ts';
import { serveChain } from './serve.ts';

export interface ChainOptions {
  /** 0 for a free one. */
  readonly port: number;
  readonly user: string;
  /** Random by default. */
  readonly password: string | undefined;
  /** Folder of the chain and its cookie file; by default the chain is in memory only. */
  readonly datadir: string | undefined;
  /** Notifications over ZeroMQ. */
  readonly publications: readonly Publication[];
}

const host = '127.0.0.1';

/** Each of them ends it. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The cookie file of a chain in this folder, written at each start. */
export const cookieIn = (datadir: string): string => join(datadir, '.cookie');

/** Another process keeps its chain in the folder. */
export class ChainInUse extends Error {
  override readonly name = 'ChainInUse';
  readonly fault: { readonly code: 'chain_in_use'; readonly datadir: string; readonly pid: number };
  constructor(datadir: string, pid: number) {
    super(`process ${pid} is using the chain in ${datadir}; choose another folder with --datadir, or end that process`);
    this.fault = { code: 'chain_in_use', datadir, pid };
  }
}

/**
 * Resolves once it was told to stop and has. Throws ChainInUse, since two processes would tear one journal and each other's cookie,
 * NoInterpreter, JournalError, ServeError, PublishError.
 */
export const runChain = async (options: ChainOptions, out: (line: string) => void): Promise<void> => {
  const { datadir } = options;
  if (datadir === undefined) return serve(options, out);
  await makeFolder(datadir);
  const lock = join(datadir, 'lock');
  const holder = await takeLock(lock);
  if (holder !== undefined) throw new ChainInUse(datadir, holder);
  try {
    await serve(options, out);
  } finally {
    await rm(lock, { force: true });
  }
};

const serve = async (options: ChainOptions, out: (line: string) => void): Promise<void> => {
  const { port, user, datadir } = options;
  const password = options.password ?? hex(systemEntropy.bytes(16));
  const cookie = `__cookie__:${hex(systemEntropy.bytes(32))}`;
  const regtest = await openRegtest(systemClock);
  if (datadir !== undefined) keepJournal(regtest, join(datadir, 'journal'));

  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const logins = [`${user}:${password}`, ...(datadir === undefined ? [] : [cookie])];
  // What was begun is ended also where a later step fails: an open socket would keep the process from ending.
  const closing: (() => Promise<void>)[] = [];
  for (const signal of SIGNALS) process.once(signal, end);
  try {
    const { published, close } = await publish(regtest, options.publications);
    closing.unshift(close);
    const served = await serveChain({ regtest, clock: systemClock, host, port, logins, published, stop: end });
    closing.unshift(() => served.close());
    if (datadir !== undefined) {
      closing.push(() => rm(cookieIn(datadir), { force: true }));
      await writeFile(cookieIn(datadir), cookie, { mode: 0o600 });
    }
    out(`a regtest chain at http://${user}:${encodeURIComponent(password)}@${host}:${served.port}`);
    for (const { type, address } of published) out(`it publishes ${type.replace(/^pub/, '')} at ${address}`);
    await ended;
  } finally {
    for (const signal of SIGNALS) process.off(signal, end);
    for (const close of closing) await close();
  }
};
