/** The commands `ampere mine` and `ampere faucet`: blocks and coins on regtest, of whichever chain is meant. */
import { Command, InvalidArgumentError } from 'commander';
import { type Client, openClient } from '../api/rpc/client.ts';
import { satFrom } from '../base/amounts.ts';
import { type Config, loadBitcoind, loadPlaces } from '../config/config.ts';
import type { OptionName } from '../config/options.ts';
import type { Sources } from '../config/optionsources.ts';
import { LabError } from '../regtest/lab/laberror.ts';
import { type LabFile, labFolder, readLab } from '../regtest/lab/labfile.ts';
import { UsageError } from './words.ts';

/** What the commands need of the command line around them. */
interface Around {
  readonly out: (text: string) => void;
  readonly env: NodeJS.ProcessEnv;
  /** The options that were given, and how files are read. */
  readonly sources: (self: Command) => Sources;
}

type Place = { readonly lab: LabFile } | { readonly chain: Config['bitcoind'] };

/** The chain that is meant: of the command line or the environment, else the lab's, else of the config file. Throws LabError, ConfigError. */
const placeOf = async (sources: Sources, env: NodeJS.ProcessEnv): Promise<Place> => {
  const refused = (network: string) =>
    new LabError(
      { code: 'not_regtest', network },
      `blocks are mined and coins given on regtest alone, and this is ${network}`,
    );
  const { conf, ...flags } = sources.flags;
  const told = loadBitcoind({ ...sources, ...(conf === undefined && { flags, read: () => undefined }) });
  const lab = told === undefined ? await readLab(labFolder(env)) : undefined;
  if (lab !== undefined) return { lab };
  const found = told ?? loadBitcoind(sources);
  if (found !== undefined && found.network !== 'regtest') throw refused(found.network);
  if (found !== undefined) return { chain: found.bitcoind };
  throw new LabError(
    { code: 'no_lab', dir: labFolder(env) },
    'no chain is named, and there is no lab: `ampere lab up` makes one; or name a bitcoind with --bitcoind and --bitcoind-cookie',
  );
};

const blocksFrom = (text: string): number => {
  const blocks = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (blocks < 1 || blocks > 10_000) throw new InvalidArgumentError('expected a whole number from 1 to 10000');
  return blocks;
};

/** Which word is the amount is known only once all are: so it is no commander that reads it. Throws UsageError. */
const amountFrom = (text: string): bigint => {
  try {
    const amount = BigInt(satFrom(text));
    if (amount > 0n) return amount;
  } catch (error) {
    throw new UsageError(`AMOUNT: expected ${error instanceof Error ? error.message : 'an amount'}`);
  }
  throw new UsageError('AMOUNT: expected more than nothing');
};

/** Calls the node that --dir and --network name. Throws ConnectionError. */
const withNode = async <T>(sources: Sources, work: (client: Client) => Promise<T>): Promise<T> => {
  const client = await openClient(loadPlaces(sources).socket);
  try {
    return await work(client);
  } finally {
    client.close();
  }
};

/** The two commands; `addOption` adds an option of `ampere start` to one of them. */
export const coinCommands = (
  { out, env, sources }: Around,
  addOption: (command: Command, name: OptionName) => Command,
): readonly Command[] => {
  const mine = new Command('mine')
    .description("Mines blocks on regtest: on the lab's chain, or the bitcoind that is named.")
    .argument('[BLOCKS]', 'how many', blocksFrom, 1)
    .action(async (blocks: number, _given: unknown, self: Command) => {
      const place = await placeOf(sources(self), env);
      const { mineInLab, mineOn } = await import('../regtest/lab/mine.ts');
      out(await ('lab' in place ? mineInLab(place.lab, blocks, env) : mineOn(place.chain, blocks)));
    });
  const faucet = new Command('faucet')
    .description(
      'Gives coins on regtest to a node of the lab, to an address, or to the node of --dir, and mines a block.',
    )
    .argument('[TARGET]', 'a name of the lab, or an address; the node of --dir unless told')
    .argument('[AMOUNT]', 'satoshi, or as in 0.1btc; 10000000 unless told')
    .action(async (first: string | undefined, second: string | undefined, _given: unknown, self: Command) => {
      const place = await placeOf(sources(self), env);
      const { faucetText, faucetInLab, sendFromFaucet, isAddress, defaultFaucetSat } = await import(
        '../regtest/lab/mine.ts'
      );
      const isAmount = second === undefined && first !== undefined && /^\d/.test(first);
      const target = isAmount ? undefined : first;
      const given = isAmount ? first : second;
      const sat = given === undefined ? defaultFaucetSat : amountFrom(given);
      if (target !== undefined && 'lab' in place) return out(await faucetInLab(place.lab, target, sat, env));
      if (target !== undefined && !isAddress(target))
        throw new LabError(
          { code: 'unknown_node', name: target },
          `${target} is no regtest address, and there is no lab with a node of that name; see \`ampere lab status\``,
        );
      const { rpcOptionsOf } = await import('../regtest/lab/labchain.ts');
      const chain = 'lab' in place ? rpcOptionsOf(place.lab.chain) : place.chain;
      if (target !== undefined) return out(faucetText(target, sat, await sendFromFaucet(chain, target, sat)));
      await withNode(sources(self), async (client) => {
        const payment = await sendFromFaucet(chain, (await client.call('newaddr')).bech32 ?? '', sat);
        // So that a call that follows finds the coins.
        await client.call('waitblockheight', { blockheight: payment.height, timeout: 60 });
        out(faucetText('the node', sat, payment));
      });
    });
  for (const command of [mine, faucet])
    for (const name of ['bitcoind', 'bitcoind-cookie', 'bitcoind-password-file'] as const) addOption(command, name);
  return [mine, faucet];
};
