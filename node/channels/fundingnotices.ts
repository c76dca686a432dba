/** Turns the chain's notices about a channel's funding into inputs of the channel. */
import { Transaction } from 'bitcoinjs-lib';
import { IRREVOCABLE_DEPTH } from '../../channel/claims/htlcresolution.ts';
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

/** The names of a channel's two watches: for the depth of its funding transaction, and for the spend of its funding output. */
export const watchIds = (key: string): { readonly depth: string; readonly spend: string } => ({
  depth: `${FUNDING}/${key}`,
  spend: `${SPEND}/${key}`,
});

/** The key of the channel that a watch belongs to; undefined where it belongs to none. */
export const keyOfWatch = (id: string): string | undefined => {
  const [kind, key = ''] = id.split('/');
  return kind === FUNDING || kind === SPEND || kind === OUTPUT ? key : undefined;
};

/** Ends a channel's watches for good. */
export const unwatchFunding = (watcher: Watcher, follower: Follower, key: string): Promise<void> => {
  const { depth, spend } = watchIds(key);
  return follower.exclusive(() => watcher.unwatch([depth, spend]));
};

/** Tells a channel a notice about its funding. */
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

/** The funding output as the chain has it; zero sat and no script where the transaction has no such output. */
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

/** What double-spent a funding of ours, or the reorg that took its coins. */
export const doubleSpendOf = ({ machine }: Entry, wallet: Pick<Wallet, 'rivalOf'>): Rival | undefined => {
  const core = coreOf(machine.state);
  if (core === undefined || core.params.role !== 'funder' || core.lockin.scid !== undefined) return undefined;
  return wallet.rivalOf(core.funding.txid);
};

/** Whether the chain has double-spent a channel's funding, so that no coins are in the channel. */
export const isDoubleSpent = (entry: Entry, wallet: Pick<Wallet, 'rivalOf'>): boolean =>
  doubleSpendOf(entry, wallet) !== undefined;

/**
 * Tells a channel that we fund, at this height, that its funding was double-spent. Coins that merely left the chain may come back, and
 * the funding with them, from whoever still has both: then the channel is never so deep that it is forgotten. Only its records get
 * that money back.
 */
export const reportDoubleSpend = (entry: Entry, wallet: Pick<Wallet, 'rivalOf'>, height: number): void => {
  const rival = doubleSpendOf(entry, wallet);
  if (rival === undefined) return;
  const deep = height - rival.height + 1;
  const depth = rival.txid === undefined ? Math.min(deep, IRREVOCABLE_DEPTH - 1) : deep;
  entry.machine.push({ type: 'funding_double_spent', depth });
};
