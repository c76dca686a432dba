/** Mempool acceptance: bitcoind's checks in bitcoind's order, so that the same check fails first. */

import type { Transaction } from 'bitcoinjs-lib';
import { equal, hex } from '../../../wire/bytes.ts';
import { rejectedError } from '../../chain/errors.ts';
import { outpointKey } from '../../chain/watchrules.ts';
import { type Coin, type Coins, coinsMade, idOf, isCoinbase } from './coins.ts';
import { checkShape, checkSpending, coinsOf } from './consensus.ts';
import { isFinal, type Next } from './locks.ts';
import { checkFee, checkMaxFee, checkPoolFee, checkStandard, checkStandardInputs } from './policy.ts';
import type { Entry, Pool } from './pool.ts';
import { conflictsOf, replacedBy } from './replace.ts';
import type { ScriptCheck } from './script.ts';

/** What the checks of a transaction depend on. */
export interface AcceptContext {
  readonly coins: Coins;
  readonly pool: Pool;
  /** The next block. */
  readonly next: Next;
  readonly medianTimeAt: (height: number) => number;
  readonly scripts: ScriptCheck;
  /** Minimum feerate of a full mempool, satoshi per 1,000 weight; 0 while it is not full. */
  readonly minimum: number;
}

export interface Accepted {
  readonly entry: Entry;
  /** Ids of entries that it replaces. */
  readonly replaces: ReadonlySet<string>;
}

/** Limits of unconfirmed ancestors and descendants, each including the transaction itself: their number, and their vbytes. */
const family = { ancestors: 25, descendants: 25, size: 101_000 } as const;
/** The carve-out: one more small child with a single ancestor is accepted, since the other side of a channel could use up the limit. */
const carveOut = 10_000;

const sizeOf = (ids: Iterable<string>, pool: Pool): number => {
  let size = 0;
  for (const id of ids) size += pool.get(id)?.vsize ?? 0;
  return size;
};

const checkFamily = ({ tx, vsize }: Entry, pool: Pool): void => {
  const above = pool.ancestors(pool.parentsOf(tx));
  if (above.size + 1 > family.ancestors) throw rejectedError('too-long-mempool-chain, too many unconfirmed ancestors');
  if (sizeOf(above, pool) + vsize > family.size)
    throw rejectedError('too-long-mempool-chain, exceeds ancestor size limit');
  const extra = above.size === 1 && vsize <= carveOut ? 1 : 0;
  for (const id of above) {
    const below = pool.descendants([id]);
    const fits =
      below.size + 1 <= family.descendants + extra && sizeOf(below, pool) + vsize <= family.size + extra * carveOut;
    if (!fits) throw rejectedError('too-long-mempool-chain, too many descendants');
  }
};

const lookUp =
  ({ coins, pool, next }: AcceptContext) =>
  (key: string): Coin | undefined =>
    coins.get(key) ?? pool.coin(key, next.height);

const checkScripts = (tx: Transaction, spent: readonly Coin[], scripts: ScriptCheck): void => {
  const complaint = scripts(tx, spent, 'standard');
  if (complaint !== undefined) throw rejectedError(complaint);
};

/** True where the mempool or the chain has it already: one of its outputs is unspent there. */
export const isKnown = (tx: Transaction, { coins, pool }: AcceptContext): boolean => {
  const waiting = pool.get(hex(idOf(tx)));
  if (waiting !== undefined) {
    if (equal(waiting.tx.getHash(true), tx.getHash(true))) return true;
    throw rejectedError('txn-same-nonwitness-data-in-mempool');
  }
  return coinsMade(tx, 0).some(([key]) => coins.has(key));
};

/** Inputs and fee of a transaction that passed all checks but those of scripts and of the mempool. */
const checkedEntry = (
  tx: Transaction,
  context: AcceptContext,
  coinAt: (key: string) => Coin | undefined,
): { readonly entry: Entry; readonly spent: readonly Coin[] } => {
  const { next, medianTimeAt } = context;
  checkShape(tx);
  if (isCoinbase(tx)) throw rejectedError('bad-txns-coinbase, coinbase');
  checkStandard(tx);
  if (!isFinal(tx, next)) throw rejectedError('non-final');
  const spent = coinsOf(tx, coinAt);
  const fee = checkSpending(tx, spent, next, medianTimeAt);
  checkStandardInputs(tx, spent);
  const vsize = tx.virtualSize();
  checkFee(fee, vsize);
  return { entry: { id: hex(idOf(tx)), tx, fee, vsize }, spent };
};

/**
 * Checks a transaction from the network, or of a caller with a maximum fee of `most` satoshi per 1,000 vbytes (0: any). Throws
 * ChainError `rejected` with bitcoind's words.
 */
export const accept = (tx: Transaction, context: AcceptContext, most = 0n): Accepted => {
  const { pool, scripts, minimum } = context;
  const { entry, spent } = checkedEntry(tx, context, lookUp(context));
  checkPoolFee(entry.fee, entry.vsize, minimum);
  const replaces = replacedBy(entry, pool);
  checkFamily(entry, pool);
  checkScripts(tx, spent, scripts);
  checkMaxFee(entry.fee, entry.vsize, most);
  return { entry, replaces };
};

/**
 * A transaction whose fee was refused, and one that spends it and pays for both: to enter the pool, and to replace what spends the same,
 * they count as one. Each must still pay for its own relay, and neither more than `most` allows. Throws ChainError `rejected` with
 * bitcoind's words.
 */
export const acceptPair = (
  [parent, child]: readonly [Transaction, Transaction],
  context: AcceptContext,
  most = 0n,
): { readonly entries: readonly [Entry, Entry]; readonly replaces: ReadonlySet<string> } => {
  const { pool, scripts, minimum, next } = context;
  const known = lookUp(context);
  const made = new Map(coinsMade(parent, next.height));
  if (!child.ins.some(({ hash, index }) => made.has(outpointKey(hash, index))))
    throw rejectedError('package topology disallowed. not child-with-parents or parents depend on each other.');
  const first = checkedEntry(parent, context, known);
  const second = checkedEntry(child, context, (key) => made.get(key) ?? known(key));
  for (const { entry } of [first, second]) checkMaxFee(entry.fee, entry.vsize, most);
  const fee = first.entry.fee + second.entry.fee;
  const vsize = first.entry.vsize + second.entry.vsize;
  checkPoolFee(fee, vsize, minimum);
  if (conflictsOf(child, pool).length > 0)
    throw rejectedError('package RBF failed: only the parent may replace something');
  const replaces = replacedBy({ ...first.entry, fee, vsize }, pool);
  checkFamily(first.entry, pool);
  checkScripts(parent, first.spent, scripts);
  checkScripts(child, second.spent, scripts);
  return { entries: [first.entry, second.entry], replaces };
};

/**
 * Checks a transaction that was in a block or in the mempool before a reorg: fee and standardness are not checked again. Undefined where it
 * is no longer valid.
 */
export const readmit = (tx: Transaction, context: AcceptContext): Entry | undefined => {
  const { pool, next, medianTimeAt, scripts } = context;
  try {
    if (isCoinbase(tx) || conflictsOf(tx, pool).length > 0 || isKnown(tx, context)) return undefined;
    const spent = coinsOf(tx, lookUp(context));
    const fee = checkSpending(tx, spent, next, medianTimeAt);
    checkScripts(tx, spent, scripts);
    return { id: hex(idOf(tx)), tx, fee, vsize: tx.virtualSize() };
  } catch {
    return undefined;
  }
};
