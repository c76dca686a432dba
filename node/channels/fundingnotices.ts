/** What the chain shows of a channel's funding, as the channel wants to hear it. */
import { Transaction } from 'bitcoinjs-lib';
import { sat } from '../../wire/units.ts';
import type { Follower } from '../chain/follower.ts';
import type { Watcher } from '../chain/watcher.ts';
import type { MinedTx, Notice } from '../chain/watchrules.ts';
import type { Rival } from '../wallet/coins.ts';
import type { Wallet } from '../wallet/wallet.ts';
import { coreOf, type Entry } from './entry.ts';
import { OUTPUT } from './onchain.ts';

const FUNDING = 'funding';
const SPEND = 'spend';

/** The names of a channel's two watches: for its funding transaction's depth, and for what spends the funding output. */
export const watchIds = (key: string): { readonly depth: string; readonly spend: string } => ({
  depth: `${FUNDING}/${key}`,
  spend: `${SPEND}/${key}`,
});

/** The key of the channel that a watch is for; undefined where it is for none. */
export const keyOfWatch = (id: string): string | undefined => {
  const [kind, key = ''] = id.split('/');
  return kind === FUNDING || kind === SPEND || kind === OUTPUT ? key : undefined;
};

/** Has nobody look for what a channel waited for; for good. */
export const unwatchFunding = (watcher: Watcher, follower: Follower, key: string): Promise<void> => {
  const { depth, spend } = watchIds(key);
  return follower.exclusive(() => watcher.unwatch([depth, spend]));
};

/** Tells a channel what the chain showed of its funding. */
export const takeFundingNotice = (entry: Entry, notice: Notice, height: number): void => {
  switch (notice.notice) {
    case 'spent':
      entry.machine.push({ type: 'funding_spent', tx: notice.at.tx, height: notice.at.height });
      break;
    case 'confirmed':
      confirmed(entry, notice.at, height);
      break;
    case 'unconfirmed':
      delete entry.fundingBlock;
      entry.machine.push({ type: 'funding_unconfirmed' });
      break;
    case 'unspent':
      entry.machine.push({ type: 'funding_unspent' });
      break;
  }
};

/** An output that the transaction does not have pays nothing to nobody: the channel has to hear of that too. */
const confirmed = (entry: Entry, { height: at, txIndex, tx }: MinedTx, height: number): void => {
  const core = coreOf(entry.machine.state);
  if (core === undefined) return;
  const output = Transaction.fromBuffer(tx).outs[core.funding.index];
  entry.fundingBlock = { height: at, txIndex };
  entry.machine.push({
    type: 'funding_depth',
    depth: height - at + 1,
    height: at,
    txIndex,
    amount: sat(output?.value ?? 0n),
    script: new Uint8Array(output?.script ?? []),
  });
};

/** The transaction in the chain that took the coins of a funding of ours. */
export const doubleSpendOf = ({ machine }: Entry, wallet: Pick<Wallet, 'rivalOf'>): Rival | undefined => {
  const core = coreOf(machine.state);
  if (core === undefined || core.params.role !== 'funder' || core.lockin.scid !== undefined) return undefined;
  return wallet.rivalOf(core.funding.txid);
};

/** Whether a channel holds nothing for all that the chain says: its coins are elsewhere, and counted there. */
export const isDoubleSpent = (entry: Entry, wallet: Pick<Wallet, 'rivalOf'>): boolean =>
  doubleSpendOf(entry, wallet) !== undefined;

/** Tells a channel of ours, at this height, whose funding lost its coins to another transaction. */
export const reportDoubleSpend = (entry: Entry, wallet: Pick<Wallet, 'rivalOf'>, height: number): void => {
  const rival = doubleSpendOf(entry, wallet);
  if (rival !== undefined) entry.machine.push({ type: 'funding_double_spent', depth: height - rival.height + 1 });
};
