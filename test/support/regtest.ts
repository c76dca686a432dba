/** For tests on a real chain: whether one can be had here, and balances that have come to rest. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findChain } from '../../node/regtest/demo/chain.ts';
import { NoBitcoind } from '../../node/regtest/demo/find.ts';
import type { Network } from '../../node/regtest/demo/network.ts';
import type { NodeProcess } from '../../node/regtest/demo/process.ts';
import { until } from '../../node/regtest/demo/wait.ts';

/** A file of the built program. Throws Error when nothing has been built. */
export const built = (path: string): string => {
  const file = fileURLToPath(new URL(`../../dist/${path}`, import.meta.url));
  if (!existsSync(file)) throw new Error(`${path} is not built: run \`npm run build\` first`);
  return file;
};

/** Why no chain can be had, printed too, or undefined when one can. Anything else that is wrong is thrown. */
export const whyNoChain = async (): Promise<string | undefined> => {
  try {
    const { version } = await findChain({ progress: (line) => console.log(line) });
    console.log(`on ${version}`);
    return undefined;
  } catch (error) {
    if (!(error instanceof NoBitcoind)) throw error;
    console.warn(`skipped: ${error.message}`);
    return error.message;
  }
};

/** msat a node has in its channels, once no HTLC is left in any of them. */
export const restingBalance = (node: NodeProcess, timeout = 30_000): Promise<bigint> =>
  until(
    `${node.name}'s HTLCs to be gone`,
    async () => {
      const { channels } = await node.call('listpeerchannels');
      if (channels.some(({ htlcs }) => htlcs.length > 0)) return undefined;
      return channels.reduce((sum, { to_us_msat: ours }) => sum + ours, 0n);
    },
    { timeout },
  );

/** The same for every node, by name. */
export const restingBalances = async <Name extends string>(network: Network<Name>): Promise<Record<Name, bigint>> => {
  const balances = await Promise.all(network.names.map((name) => restingBalance(network.nodes[name])));
  return Object.fromEntries(network.names.map((name, i) => [name, balances[i] ?? 0n])) as Record<Name, bigint>;
};

/** Whether a process of this id exists. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
