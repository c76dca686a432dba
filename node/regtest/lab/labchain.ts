/** The chain of a lab as a process: bitcoind, or the chain that this program brings along, with its login in a cookie file. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { hex } from '../../../wire/bytes.ts';
import { systemEntropy } from '../../base/entropy.ts';
import { makeFolder } from '../../base/files.ts';
import { isRetriable } from '../../chain/errors.ts';
import { openRpc, type RpcOptions } from '../../chain/rpc.ts';
import { passwordVariable } from '../chain/command.ts';
import { cookieIn } from '../chain/run.ts';
import { bitcoindSettings } from '../demo/bitcoind.ts';
import type { FoundBitcoind } from '../demo/find.ts';
import { sleep } from '../demo/wait.ts';
import type { LabFile } from './labfile.ts';
import { died, runningPid, startDetached, stopProcess, untilGone, wasKilled } from './processes.ts';

export type LabChain = LabFile['chain'];

const startTimeout = 60_000;
const stopTimeout = 20_000;

/** The port of an address or URL that ends with one. */
export const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(':') + 1));

/** The record of a chain in this folder, on this port. */
export const chainIn = (dir: string, port: number, { command, source, version }: FoundBitcoind): LabChain => ({
  kind: source === 'embedded' ? 'embedded' : 'bitcoind',
  ...{ version, dir },
  command: [...command],
  url: `http://127.0.0.1:${port}`,
  cookie: source === 'embedded' ? cookieIn(dir) : join(dir, 'regtest', '.cookie'),
});

/** How its JSON-RPC is reached. */
export const rpcOptionsOf = ({ url, cookie }: Pick<LabChain, 'url' | 'cookie'>): RpcOptions => ({
  host: '127.0.0.1',
  port: portOf(url),
  auth: { cookieFile: cookie },
});

const answers = async (chain: LabChain): Promise<boolean> => {
  const rpc = openRpc({ ...rpcOptionsOf(chain), timeout: 5_000 });
  try {
    await rpc.call('getblockchaininfo', [], z.object({ chain: z.literal('regtest') }));
    return true;
  } catch (error) {
    if (!isRetriable(error)) throw error;
    return false;
  } finally {
    rpc.close();
  }
};

/** Whether it answers now. */
export const isChainUp = (chain: LabChain): Promise<boolean> => answers(chain).catch(() => false);

/** Starts it unless it runs, and waits until it answers. Throws LabError `died` with the end of its log, `no_program`. */
export const startChain = async (chain: LabChain): Promise<'started' | 'was running'> => {
  if (await isChainUp(chain)) return 'was running';
  const { dir, kind, url } = chain;
  const port = portOf(url);
  const program = { name: kind === 'embedded' ? 'the embedded chain' : 'bitcoind', dir };
  if ((await runningPid(dir)) === undefined) {
    await makeFolder(dir);
    if (kind === 'bitcoind') await writeFile(join(dir, 'bitcoin.conf'), bitcoindSettings(port), { mode: 0o600 });
    // Blocks of which a killed bitcoind had not made a note yet are still in its files.
    const again = (await wasKilled(dir)) ? ['-reindex'] : [];
    const own = kind === 'bitcoind' ? [`-datadir=${dir}`, ...again] : ['--datadir', dir, '--port', String(port)];
    // Nobody has to know the password: the cookie file has a login, too.
    const env = { ...process.env, [passwordVariable]: hex(systemEntropy.bytes(16)) };
    await startDetached({ ...program, command: [...chain.command, ...own], env });
  }
  for (const end = Date.now() + startTimeout; ; await sleep(50)) {
    if (await answers(chain)) return 'started';
    if ((await runningPid(dir)) === undefined) throw await died(program, 'ended while starting');
    if (Date.now() >= end) throw await died(program, `did not answer within ${startTimeout / 1000} s`);
  }
};

/** Ends it in order. */
export const stopChain = async (chain: LabChain): Promise<'stopped' | 'killed' | 'was not running'> => {
  if ((await runningPid(chain.dir)) !== undefined) return stopProcess(chain.dir);
  if (!(await isChainUp(chain))) return 'was not running';
  // Somebody else started it, or its process id was lost.
  const rpc = openRpc(rpcOptionsOf(chain));
  try {
    await rpc.call('stop', [], z.unknown());
  } finally {
    rpc.close();
  }
  for (const end = Date.now() + stopTimeout; Date.now() < end && (await isChainUp(chain)); ) await sleep(100);
  await untilGone(chain.dir, 1_000);
  return 'stopped';
};
