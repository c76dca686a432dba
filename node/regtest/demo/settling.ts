/** The last scene: channels closed by both sides, the closings mined, and the books balanced against the chain. */
import { type ChannelLife, channelLines, type Ledger, ledgerLines, ledgerOf } from './balances.ts';
import type { CloseFact, PaymentFact } from './facts.ts';
import { type Mined, minedSince } from './mined.ts';
import type { Opened } from './network.ts';
import { cast, fundedSat, type Name, quietChannels, type Stage } from './stage.ts';
import { until } from './wait.ts';

/** Both ends' shares of each channel: the opener's first. */
export type ChannelBalances = ReadonlyMap<string, readonly [bigint, bigint]>;

/** What each end of each channel has, by channel_id, once all is quiet. */
export const channelBalancesOf = async ({ network, channels }: Stage): Promise<ChannelBalances> => {
  const quiet = await quietChannels(network);
  const share = (name: Name, id: string): bigint =>
    quiet.get(name)?.find(({ channel_id }) => channel_id === id)?.to_us_msat ?? 0n;
  return new Map(channels.map(({ channelId: id, from, to }) => [id, [share(from, id), share(to, id)]]));
};

export interface Settled {
  readonly closes: readonly CloseFact[];
  readonly lives: readonly ChannelLife[];
  readonly ledger: Ledger;
  readonly wallets: Readonly<Record<Name, bigint>>;
}

const spender = (mined: readonly Mined[], funding: string): Mined | undefined =>
  mined.find(({ spends }) => spends.includes(funding));

/** Satoshi of the coins a node has. */
const walletSat = async ({ network }: Stage, name: Name): Promise<bigint> => {
  const { outputs } = await network.nodes[name].call('listfunds');
  const msat = outputs.filter(({ status }) => status !== 'spent').reduce((sum, one) => sum + one.amount_msat, 0n);
  return msat / 1000n;
};

/** Closes every channel from its opener's side and mines what comes of it. */
const closeAll = async ({ network, channels, fundedAt }: Stage): Promise<readonly CloseFact[]> => {
  const types = await Promise.all(
    channels.map(async ({ from, channelId }) => {
      const { type } = await network.nodes[from].call('close', { id: channelId, unilateraltimeout: 30 });
      return type;
    }),
  );
  await until('the closings to wait for a miner', async () => {
    const waiting = await network.bitcoind.call('getrawmempool');
    return Array.isArray(waiting) && waiting.length >= channels.length ? true : undefined;
  });
  await network.mine(1);
  const mined = await minedSince(network.bitcoind, fundedAt + 1);
  return channels.flatMap(({ scid, funding }, i): CloseFact[] => {
    const found = spender(mined, funding);
    return found === undefined ? [] : [{ scid, type: types[i] ?? '', txid: found.txid, height: found.height }];
  });
};

/** Resolves when each end's wallet has its output of each closing. */
const untilPaidOut = async ({ network, channels }: Stage, closes: readonly CloseFact[]): Promise<void> => {
  for (const name of cast) {
    const owed = channels.filter(({ from, to }) => from === name || to === name).map(({ scid }) => scid);
    const txids = closes.filter(({ scid }) => owed.includes(scid)).map(({ txid }) => txid);
    await until(`${name}'s wallet to show what the closings paid`, async () => {
      const { outputs } = await network.nodes[name].call('listfunds');
      const have = new Set(outputs.filter(({ status }) => status === 'confirmed').map(({ txid }) => txid));
      return txids.every((txid) => have.has(txid)) ? true : undefined;
    });
  }
};

const livesOf = (
  channels: readonly Opened<Name>[],
  mined: readonly Mined[],
  before: ChannelBalances,
  after: ChannelBalances,
): readonly ChannelLife[] =>
  channels.map(({ scid, from, to, sat, funding, channelId }) => ({
    scid,
    opener: from,
    other: to,
    capacitySat: sat,
    openingFeeSat: mined.find(({ txid }) => funding.startsWith(txid))?.feeSat ?? 0n,
    closingFeeSat: spender(mined, funding)?.feeSat ?? 0n,
    before: before.get(channelId) ?? [0n, 0n],
    after: after.get(channelId) ?? [0n, 0n],
  }));

/** Scene 6. `before` is what the ends had before anything was paid; `payments` are those that succeeded. */
export const settle = async (
  stage: Stage,
  before: ChannelBalances,
  payments: readonly PaymentFact[],
): Promise<Settled> => {
  const { network, printer, channels, check, fundedAt } = stage;
  printer.title('6  Channels closed, and the books');
  const after = await channelBalancesOf(stage);
  const closes = await printer.step('all channels are closed by both sides, and the closings mined', async () => {
    const done = await closeAll(stage);
    await untilPaidOut(stage, done);
    return done;
  });
  const paid = payments.reduce((sum, { amount_msat: amount }) => sum + amount, 0n);
  const sent = payments.reduce((sum, { amount_sent_msat: amount }) => sum + amount, 0n);
  const lives = livesOf(channels, await minedSince(network.bitcoind, fundedAt + 1), before, after);
  const sats = await Promise.all(cast.map((name) => walletSat(stage, name)));
  const wallets = Object.fromEntries(cast.map((name, i) => [name, sats[i] ?? 0n])) as Record<Name, bigint>;
  const ledger = ledgerOf({
    names: cast,
    funded: new Map(cast.map((name) => [name, fundedSat(name)])),
    channels: lives,
    payments: new Map([
      ['alice', -paid],
      ['dave', paid],
    ]),
    wallets: new Map(Object.entries(wallets)),
  });
  const indented = (lines: readonly string[]) => lines.map((line) => `  ${line}`);
  printer.lines(
    '',
    ...indented(channelLines(lives, printer.width - 2)),
    '',
    ...indented(ledgerLines(ledger, printer.width - 2)),
    '',
  );
  const mutual = closes.every(({ type }) => type === 'mutual');
  check('every channel was closed by both sides and the closing mined', closes.length === channels.length && mutual);
  check('the books agree with every wallet, to the satoshi', ledger.agrees);
  check('all wallets and all miners’ fees together are what was handed out', ledger.conserved);
  check('bob and carol earned what alice sent beyond what dave got', ledger.routingFees === sent - paid);
  return { closes, lives, ledger, wallets };
};
