/** Performs a channel's effects on wallet and chain: signs fundings, watches outputs, broadcasts transactions. */
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
import { doubleSpendOf, watchIds } from './fundingnotices.ts';

type BroadcastParts = Pick<ChainEffectsParts, 'chain' | 'wallet' | 'log' | 'backups' | 'refusals'>;
type EffectOf<D extends Effect['do']> = Extract<Effect, { do: D }>;

/** The backup file, which has to have a channel before that is funded. */
export interface BackupKeeper {
  /** Writes the file if its contents changed. Never throws. */
  refresh(): void;
  /** Resolves once the file is up to date, or could not be written. */
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

/** The owner of the coins reserved for a funding. */
export const fundingOwner = (key: string): string => `${FUNDING}${key}`;

/** Has the wallet keep the funding of a channel that waits for coins which a reorg took. Throws StoreError. */
export const holdFunding = async (entry: Entry, wallet: Pick<Wallet, 'rivalOf' | 'hold'>): Promise<void> => {
  const rival = doubleSpendOf(entry, wallet);
  const core = coreOf(entry.machine.state);
  if (core === undefined || rival === undefined || rival.txid !== undefined) return;
  await wallet.hold(fundingOwner(entry.key), core.funding.txid);
};

/** Releases coins reserved for openings that a crash ended before they were saved. Throws StoreError. */
export const releaseUnusedFundings = async (wallet: Wallet, channels: ReadonlyMap<string, Entry>): Promise<void> => {
  for (const owner of wallet.owners())
    if (owner.startsWith(FUNDING) && !channels.has(owner.slice(FUNDING.length))) await wallet.release(owner);
};

/**
 * Signs the funding transaction with the reserved coins, and tests whether the mempool would accept it: before `funding_created` is
 * sent, an opening can be given up at no cost.
 */
export const fundChannel = async (
  { wallet, chain, log }: Pick<ChainEffectsParts, 'wallet' | 'chain' | 'log'>,
  entry: Entry,
  { script }: EffectOf<'fund'>,
): Promise<void> => {
  const { plan, machine } = entry;
  try {
    if (plan === undefined) throw new Error('no coins are reserved for this funding');
    const { tx } = wallet.sign(plan, script);
    const raw = new Uint8Array(tx.toBuffer());
    await chain.testAccept(raw).catch((error: unknown) => {
      if (refusalOf(error) !== undefined) throw error;
      log.warn(
        { ...logFields(entry), reason: String(error) },
        'bitcoind could not test a funding transaction; the opening goes on',
      );
    });
    const output = tx.outs.findIndex((out) => equal(new Uint8Array(out.script), script));
    machine.push({ type: 'funding_created_by_wallet', tx: raw, output });
  } catch (error) {
    machine.push({ type: 'funding_refused', reason: error instanceof Error ? error.message : String(error) });
  }
};

/** Watches the depth of the funding output, and the transaction that spends it. */
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

/** Broadcasts a transaction of a channel. Where bitcoind does not answer, the channel asks again after a block or a restart. */
export const broadcast = async (side: BroadcastParts, entry: Entry, effect: EffectOf<'broadcast'>): Promise<void> => {
  if (effect.why !== 'funding') return void (await publish(side, entry, effect));
  const { wallet, backups, refusals } = side;
  const tx = Transaction.fromBuffer(effect.tx);
  const txid = txidFrom(new Uint8Array(tx.getHash()));
  if (wallet.takenBackBy(txid) !== undefined) return;
  // Without the channel in the backup, the loss of the disk would lose the coins of its funding.
  backups.refresh();
  await backups.settled();
  // From here on the coins count as spent and the change as ours, whether or not bitcoind answers now: the peer has signed,
  // so a funding that is rejected now is kept until it is accepted, or until it is given up.
  await wallet.sending({ txid, tx });
  const answer = await publish(side, entry, effect);
  if (answer.given === 'taken') {
    refusals.note(txid, undefined);
    await wallet.accepted(txid);
  } else if (answer.given === 'refused' && wallet.rivalOf(txid) === undefined) refusals.note(txid, answer.reason);
  const funding = coreOf(entry.machine.state)?.funding;
  if (funding !== undefined) entry.onFundingPublished?.({ tx: effect.tx, txid, output: funding.index, answer });
};

const publish = async (
  { chain, log, wallet }: BroadcastParts,
  entry: Entry,
  { tx, why }: EffectOf<'broadcast'>,
): Promise<BroadcastResult> => {
  const made = Transaction.fromBuffer(tx);
  const fields = { ...logFields(entry), txid: made.getId(), why };
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
      log.warn({ ...fields, reason }, 'bitcoind did not answer; the transaction is broadcast again later');
      return answered({ given: 'unanswered' }, undefined);
    }
    // Of one that lost its coins the wallet tells, and there is nothing to give up.
    if (why === 'funding' && wallet.rivalOf(txidFrom(new Uint8Array(made.getHash()))) === undefined)
      log.error(
        { ...fields, reason },
        'bitcoind rejects a funding transaction; it is broadcast again with each block, until fundchannel_cancel gives it up',
      );
    else log.warn({ ...fields, reason }, 'bitcoind rejected a transaction of the channel');
    // Its inputs are missing, so no fee would help: the funding is unconfirmed, or a block has just spent it.
    const isJudged = error.fault.refusal !== 'missing_inputs';
    return answered({ given: 'refused', reason }, isJudged ? false : undefined);
  }
};
