/** A channel's effects on money and chain: funding, watching, publishing. */
import { Transaction } from 'bitcoinjs-lib';
import type { Effect } from '../../channel/model/io.ts';
import type { ChannelState } from '../../channel/model/state.ts';
import { equal } from '../../wire/bytes.ts';
import { txid as txidFrom } from '../../wire/units.ts';
import { ChainError } from '../chain/errors.ts';
import type { Follower } from '../chain/follower.ts';
import type { Watcher } from '../chain/watcher.ts';
import type { Chain, Log } from '../ports/ports.ts';
import type { Refusals } from '../wallet/refusals.ts';
import { refusalOf } from '../wallet/send.ts';
import type { Wallet } from '../wallet/wallet.ts';
import { type BroadcastResult, coreOf, type Entry, logFields } from './entry.ts';
import { watchIds } from './fundingnotices.ts';

type BroadcastParts = Pick<ChainEffectsParts, 'chain' | 'wallet' | 'log' | 'backups' | 'refusals'>;
type EffectOf<D extends Effect['do']> = Extract<Effect, { do: D }>;

/** The file that channels are taken back from: what is in it by now, the channel about to be funded with it. */
export interface BackupKeeper {
  /** Something may have changed: the file is written if so. Never throws. */
  refresh(): void;
  /** Resolves once the file says all that it should by now, or could not be written. */
  settled(): Promise<void>;
}

export interface ChainEffectsParts {
  readonly chain: Chain;
  readonly wallet: Wallet;
  readonly log: Log;
  readonly refusals: Refusals;
  readonly backups: BackupKeeper;
  readonly follower: Follower;
  readonly watcher: Watcher;
}

const FUNDING = 'channel/';

/** Who coins set aside for a funding belong to. */
export const fundingOwner = (key: string): string => `${FUNDING}${key}`;

/** Frees coins set aside for openings that a crash ended before anything was saved of them. Throws StoreError. */
export const releaseUnusedFundings = async (wallet: Wallet, channels: ReadonlyMap<string, Entry>): Promise<void> => {
  for (const owner of wallet.owners())
    if (owner.startsWith(FUNDING) && !channels.has(owner.slice(FUNDING.length))) await wallet.release(owner);
};

/**
 * Signs the funding transaction from the coins set aside, and asks the network whether it would take it: before the peer knows
 * of it, an opening costs nothing to give up.
 */
export const fundChannel = async (
  { wallet, chain, log }: Pick<ChainEffectsParts, 'wallet' | 'chain' | 'log'>,
  entry: Entry,
  { script }: EffectOf<'fund'>,
): Promise<void> => {
  const { plan, machine } = entry;
  try {
    if (plan === undefined) throw new Error('no coins were set aside');
    const { tx } = wallet.sign(plan, script);
    const raw = new Uint8Array(tx.toBuffer());
    await chain.testAccept(raw).catch((error: unknown) => {
      if (refusalOf(error) !== undefined) throw error;
      log.warn(
        { ...logFields(entry), reason: String(error) },
        'bitcoind could not be asked about a funding; it goes on',
      );
    });
    const output = tx.outs.findIndex((out) => equal(new Uint8Array(out.script), script));
    machine.push({ type: 'funding_created_by_wallet', tx: raw, output });
  } catch (error) {
    machine.push({ type: 'funding_refused', reason: error instanceof Error ? error.message : String(error) });
  }
};

/** Has the chain tell of the funding output's depth and of whatever spends it. */
export const watchFunding = async (
  { watcher, follower }: Pick<ChainEffectsParts, 'watcher' | 'follower'>,
  { key }: Entry,
  { txid, output, depth }: EffectOf<'watch_funding'>,
  state: ChannelState,
): Promise<void> => {
  const since = coreOf(state)?.params.since ?? 0;
  const id = watchIds(key);
  await watcher.watchAll(
    [
      { wait: 'depth', id: id.depth, since, txid, depth },
      { wait: 'spend', id: id.spend, since, outpoint: { txid, vout: output } },
    ],
    follower,
  );
};

/** Publishes a transaction of a channel. A chain that is away gets it later: the channel asks again after a restart or block. */
export const broadcast = async (side: BroadcastParts, entry: Entry, effect: EffectOf<'broadcast'>): Promise<void> => {
  if (effect.why !== 'funding') return void (await publish(side, entry, effect));
  const { wallet, backups, refusals } = side;
  const tx = Transaction.fromBuffer(effect.tx);
  const txid = txidFrom(new Uint8Array(tx.getHash()));
  if (wallet.takenBackBy(txid) !== undefined) return;
  // No coin goes into a channel that a lost disk would take with it.
  backups.refresh();
  await backups.settled();
  // From here on the coins are spent and the change is ours, whether or not the chain can be reached now: the peer has signed,
  // so what the network refuses today stands until it takes it, or until its coins are taken back.
  await wallet.sending({ txid, tx });
  const answer = await publish(side, entry, effect);
  if (answer.given !== 'unanswered') refusals.note(txid, answer.given === 'refused' ? answer.reason : undefined);
  const funding = coreOf(entry.machine.state)?.funding;
  if (funding !== undefined) entry.onFundingPublished?.({ tx: effect.tx, txid, output: funding.index, answer });
};

const publish = async (
  { chain, log }: BroadcastParts,
  entry: Entry,
  { tx, why }: EffectOf<'broadcast'>,
): Promise<BroadcastResult> => {
  const fields = { ...logFields(entry), txid: Transaction.fromBuffer(tx).getId(), why };
  const answered = (answer: BroadcastResult, taken: boolean | undefined): BroadcastResult => {
    if (why !== 'closing') return answer;
    entry.lastClosing = { tx, answer };
    entry.machine.push({ type: 'closing_offered', taken });
    return answer;
  };
  try {
    await chain.broadcast(tx);
    log.info(fields, 'transaction published');
    return answered({ given: 'taken' }, true);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (!(error instanceof ChainError) || error.fault.code !== 'rejected') {
      log.warn({ ...fields, reason }, 'bitcoind did not answer; it will be given the transaction again');
      return answered({ given: 'unanswered' }, undefined);
    }
    if (why === 'funding')
      log.error(
        { ...fields, reason },
        'the network refuses a funding transaction; it is given to it again with each block, until fundchannel_cancel takes its coins back',
      );
    else log.warn({ ...fields, reason }, 'bitcoind refused a transaction');
    // Without what it spends it could not be taken at any price: the funding is not there yet, or a block has just spent it.
    const isJudged = error.fault.refusal !== 'missing_inputs';
    return answered({ given: 'refused', reason }, isJudged ? false : undefined);
  }
};
