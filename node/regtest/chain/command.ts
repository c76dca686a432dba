/** The command `ampere chain`. */
import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';

const portFrom = (text: string): number => {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new InvalidArgumentError('expected a port from 0 to 65535');
  return port;
};

const kinds = ['rawblock', 'rawtx', 'hashblock', 'hashtx'] as const;
type Kind = (typeof kinds)[number];

/** An address as bitcoind's options have it. */
const addressFrom = (text: string): { readonly host: string; readonly port: number } => {
  const [, host = '', port] = /^tcp:\/\/(127\.0\.0\.1|localhost):(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined) throw new InvalidArgumentError('expected tcp://127.0.0.1:PORT');
  return { host: host === 'localhost' ? '127.0.0.1' : host, port: portFrom(port) };
};
type Addresses = Partial<Record<`zmqpub${Kind}`, ReturnType<typeof addressFrom>>>;

/** The variable keeps it out of the machine's list of processes. */
export const passwordVariable = 'AMPERE_CHAIN_PASSWORD';
const passwordOption = new Option('--password <TEXT>', 'with what password; made up unless told').env(passwordVariable);

/** Serves a regtest chain of its own, for nodes and labs where there is no bitcoind. */
export const chainCommand = (out: (text: string) => void): Command => {
  const command = new Command('chain')
    .description("Serves a regtest chain by the part of bitcoind's JSON-RPC that nodes use, until it is told to stop.")
    .option('--port <PORT>', 'where to listen on the loopback interface; 0 picks a free one', portFrom, 18_443)
    .option('--user <NAME>', 'who may call', 'ampere')
    .addOption(passwordOption)
    .option('--datadir <DIR>', 'where to keep the chain, and a cookie file; in memory alone unless told');
  for (const kind of kinds)
    command.option(
      `--zmqpub${kind} <ADDRESS>`,
      `where to publish ${kind} over ZeroMQ, as tcp://127.0.0.1:PORT`,
      addressFrom,
    );
  return command.action(
    async (given: { port: number; user: string; password?: string; datadir?: string } & Addresses) => {
      // Loaded only here, since it loads the script interpreter.
      const { runChain } = await import('./run.ts');
      const { port, user, password, datadir } = given;
      const publications = kinds.flatMap((topic) => {
        const place = given[`zmqpub${topic}`];
        return place === undefined ? [] : [{ topic, ...place }];
      });
      const folder = datadir === undefined ? undefined : resolve(datadir);
      await runChain({ port, user, password, datadir: folder, publications }, out);
    },
  );
};
