/** The network of the demonstration: alice pays dave over bob and over carol. */
import type { CheckFact } from './facts.ts';
import { type Network, type Opened, startNetwork } from './network.ts';
import type { Printer } from './print.ts';
import { until } from './wait.ts';

export const cast = ['alice', 'bob', 'carol', 'dave'] as const;
export type Name = (typeof cast)[number];

/** Satoshi in each channel, and in the coins handed out: a channel's worth and what is left for fees. */
export const channelSat = 1_000_000n;
const coinSat = 1_050_000n;
const coins: Readonly<Record<Name, readonly bigint[]>> = {
  alice: [coinSat, coinSat],
  bob: [coinSat],
  carol: [coinSat],
  dave: [],
};
export const fundedSat = (name: Name): bigint => coins[name].reduce((sum, coin) => sum + coin, 0n);

/** Seconds after which dave gives an incomplete set up. */
export const patience = 5;

export interface Stage {
  readonly network: Network<Name>;
  readonly printer: Printer;
  readonly channels: readonly Opened<Name>[];
  /** Block at which the wallets were funded. */
  readonly fundedAt: number;
  readonly checks: CheckFact[];
  nameOf(id: string): string;
  /** Records a checked claim, true or not, and prints it. */
  check(what: string, held: boolean): void;
}

/** msat of a node in all its channels, by name. */
export type Balances = Readonly<Record<Name, bigint>>;

export const sameBalances = (a: Balances, b: Balances): boolean => cast.every((name) => a[name] === b[name]);

/** Every channel as each of its ends shows it, once no HTLC is left in any of them. */
export const quietChannels = ({ nodes }: Network<Name>) =>
  until(
    'every HTLC to be gone',
    async () => {
      const lists = await Promise.all(cast.map((name) => nodes[name].call('listpeerchannels')));
      const busy = lists.some(({ channels }) => channels.some(({ htlcs }) => htlcs.length > 0));
      return busy ? undefined : new Map(cast.map((name, i) => [name, lists[i]?.channels ?? []]));
    },
    { timeout: 20_000 },
  );

/** What each node has in its channels, once they are quiet. */
export const balancesOf = async (network: Network<Name>): Promise<Balances> => {
  const quiet = await quietChannels(network);
  const total = (name: Name): bigint => (quiet.get(name) ?? []).reduce((sum, { to_us_msat: ours }) => sum + ours, 0n);
  return { alice: total('alice'), bob: total('bob'), carol: total('carol'), dave: total('dave') };
};

/** Starts everything and opens the channels. `started` is told of the network as soon as there is one to stop; `dir` is a folder that it is to have. */
export const setStage = async (
  printer: Printer,
  started: (network: Network<Name>) => void,
  dir?: string,
): Promise<Stage> => {
  const progress = (line: string) => printer.progress(line);
  const network = await printer.step('a regtest chain and four nodes, a process each', () =>
    startNetwork<Name>({
      nodes: { alice: [], bob: [], carol: [], dave: ['--amp-timeout', String(patience)] },
      flags: ['--dev'],
      ...(dir !== undefined && { dir }),
      progress,
    }),
  );
  started(network);
  printer.lines(`    ${network.chainVersion}`);
  await printer.step('coins for alice, bob and carol', () => network.fund(coins));
  const fundedAt = Number(await network.bitcoind.call('getblockcount'));
  const channels = await printer.step('channels alice–bob–dave and alice–carol–dave, announced to all', () =>
    network.open([
      { from: 'alice', to: 'bob', sat: channelSat },
      { from: 'alice', to: 'carol', sat: channelSat },
      { from: 'bob', to: 'dave', sat: channelSat },
      { from: 'carol', to: 'dave', sat: channelSat },
    ]),
  );
  const names = new Map(cast.map((name) => [network.nodes[name].id, name]));
  const checks: CheckFact[] = [];
  return {
    network,
    printer,
    channels,
    fundedAt,
    checks,
    nameOf: (id) => names.get(id) ?? id.slice(0, 8),
    check: (what, held) => {
      checks.push({ what, held });
      printer.check(what, held);
    },
  };
};
