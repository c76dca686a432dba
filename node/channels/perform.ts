/** A channel's effects on money and chain: funding, watching, publishing. */
import { Transaction } from 'bitcoinjs-lib';
import type { Effect } from '../../channel/io.ts';
import type { ChannelState } from '../../channel/state.ts';
import { equal } from '../../wire/bytes.ts';
import { txid as txidFrom } from '../../wire/units.ts';
import type { Backups } from '../backup/backups.ts';
import { ChainError } from '../chain/errors.ts';
import type { Follower } from '../chain/follower.ts';
import type { Watcher } from '../chain/watcher.ts';
import type { Chain, Log } from '../ports.ts';
import type { Wallet } from '../wallet/wallet.ts';
import { coreOf, type Entry, nameOf } from './entry.ts';
import { watchIds } from './sightings.ts';

type BroadcastSide = Pick<ChainSide, 'chain' | 'wallet' | 'log' | 'backups'>;
type EffectOf<D extends Effect['do']> = Extract<Effect, { do: D }>;

export interface ChainSide {
  readonly chain: Chain;
  readonly wallet: Wallet;
  readonly log: Log;
  readonly backups: Pick<Backups, 'refresh' | 'settled'>;
  readonly follower: () => Follower;
  readonly watcher: () => Watcher;
}

const FUNDING = 'channel/';

/** Who coins set aside for a funding belong to. */
export const fundingOwner = (key: string): string => `${FUNDING}${key}`;

/** Frees coins set aside for openings that a crash ended before anything was saved of them. Throws StoreError. */
export const freeForgotten = async (wallet: Wallet, channels: ReadonlyMap<string, Entry>): Promise<void> => {
  for (const owner of wallet.owners())
    if (owner.startsWith(FUNDING) && !channels.has(owner.slice(FUNDING.length))) await wallet.release(owner);
};

/** Signs the funding transaction from the coins set aside; the channel is told at once, the network not yet. */
export const fund = ({ wallet }: Pick<ChainSide, 'wallet'>, entry: Entry, { script }: EffectOf<'fund'>): void => {
  const { plan, machine } = entry;
  try {
    if (plan === undefined) throw new Error('no coins were set aside');
    const { tx } = wallet.sign(plan, script);
    const output = tx.outs.findIndex((out) => equal(new Uint8Array(out.script), script));
    machine.push({ type: 'funding_created_by_wallet', tx: new Uint8Array(tx.toBuffer()), output });
  } catch (error) {
    machine.push({ type: 'funding_refused', reason: error instanceof Error ? error.message : String(error) });
  }
};

/** Has the chain tell of the funding output's depth and of whatever spends it. */
export const watchFunding = async (
  { watcher, follower }: Pick<ChainSide, 'watcher' | 'follower'>,
  { key }: Entry,
  { txid, output, depth }: EffectOf<'watch_funding'>,
  state: ChannelState,
): Promise<void> => {
  const since = coreOf(state)?.params.since ?? 0;
  const id = watchIds(key);
  await watcher().watchAll(
    [
      { wait: 'depth', id: id.depth, since, txid, depth },
      { wait: 'spend', id: id.spend, since, outpoint: { txid, vout: output } },
    ],
    follower(),
  );
};

/** Publishes a transaction of a channel. A chain that is away gets it later: the channel asks again after a restart or block. */
export const broadcast = async (side: BroadcastSide, entry: Entry, effect: EffectOf<'broadcast'>): Promise<void> => {
  if (effect.why !== 'funding') return publish(side, entry, effect);
  const { wallet, backups } = side;
  // No coin goes into a channel that a lost disk would take with it.
  backups.refresh();
  await backups.settled();
  const tx = Transaction.fromBuffer(effect.tx);
  const txid = txidFrom(new Uint8Array(tx.getHash()));
  // From here on the coins are spent and the change is ours, whether or not the chain can be reached now.
  await wallet.sending({ txid, tx });
  await publish(side, entry, effect);
  const funding = coreOf(entry.machine.state)?.funding;
  if (funding !== undefined) entry.opened?.({ tx: effect.tx, txid, output: funding.index });
};

const publish = async (
  { chain, log }: BroadcastSide,
  entry: Entry,
  { tx, why }: EffectOf<'broadcast'>,
): Promise<void> => {
  const txid = Transaction.fromBuffer(tx).getId();
  const offered = (taken: boolean): void => {
    if (why === 'closing') entry.machine.push({ type: 'closing_offered', taken });
  };
  try {
    await chain.broadcast(tx);
    offered(true);
    log.info({ ...nameOf(entry), txid, why }, 'transaction published');
  } catch (error) {
    const refused = error instanceof ChainError && error.fault.code === 'rejected';
    const reason = error instanceof Error ? error.message : String(error);
    // Without what it spends it could not be taken at any price: the funding is not there yet, or a block has just spent it.
    if (refused && error.fault.refusal !== 'missing_inputs') offered(false);
    if (refused) log.warn({ ...nameOf(entry), txid, why, reason }, 'bitcoind refused a transaction');
    else
      log.warn(
        { ...nameOf(entry), txid, why, reason },
        'bitcoind did not answer; it will be given the transaction again',
      );
  }
};
