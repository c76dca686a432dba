/** The command `ampere chain`. */
import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';

const portFrom = (text: string): number => {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new InvalidArgumentError('expected a port from 0 to 65535');
  return port;
};

/** The variable keeps it out of the machine's list of processes. */
export const passwordVariable = 'AMPERE_CHAIN_PASSWORD';
const passwordOption = new Option('--password <TEXT>', 'with what password; made up unless told').env(passwordVariable);

/** Serves a regtest chain of its own, for nodes and labs where there is no bitcoind. */
export const chainCommand = (out: (text: string) => void): Command =>
  new Command('chain')
    .description("Serves a regtest chain by the part of bitcoind's JSON-RPC that nodes use, until it is told to stop.")
    .option('--port <PORT>', 'where to listen on the loopback interface; 0 picks a free one', portFrom, 18_443)
    .option('--user <NAME>', 'who may call', 'ampere')
    .addOption(passwordOption)
    .option('--datadir <DIR>', 'where to keep the chain, and a cookie file; in memory alone unless told')
    .action(async (given: { port: number; user: string; password?: string; datadir?: string }) => {
      // Loaded only here, since it loads the script interpreter.
      const { runChain } = await import('./run.ts');
      const { port, user, password, datadir } = given;
      await runChain({ port, user, password, datadir: datadir === undefined ? undefined : resolve(datadir) }, out);
    });
