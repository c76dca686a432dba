/** Whether a transaction may wait for a block: every check of bitcoind's, in its order, so the same one answers first. */

import type { Transaction } from 'bitcoinjs-lib';
import { equal, hex } from '../../../wire/bytes.ts';
import { rejectedError } from '../../chain/errors.ts';
import { outpointKey } from '../../chain/watchrules.ts';
import { type Coin, type Coins, coinsMade, isCoinbase } from './coins.ts';
import { checkShape, checkSpending, coinsOf } from './consensus.ts';
import { isFinal, type Next } from './locks.ts';
import { checkFee, checkMaxFee, checkPoolFee, checkStandard, checkStandardInputs } from './policy.ts';
import type { Entry, Pool } from './pool.ts';
import { conflictsOf, replacedBy } from './replace.ts';
import type { ScriptCheck } from './script.ts';

/** What a transaction is judged by. */
export interface Standing {
  readonly coins: Coins;
  readonly pool: Pool;
  /** The block it could be in. */
  readonly next: Next;
  readonly medianTimeAt: (height: number) => number;
  readonly scripts: ScriptCheck;
  /** Satoshi per 1,000 weight below which the pool, being full, takes nothing; 0 while there is room. */
  readonly minimum: number;
}

export interface Accepted {
  readonly entry: Entry;
  /** Ids of entries that must go. */
  readonly replaces: ReadonlySet<string>;
}

/** How many unconfirmed transactions may hang together, each counting itself, and how large, in vbytes. */
const family = { ancestors: 25, descendants: 25, size: 101_000 } as const;
/** One small child more is let in per transaction with a single ancestor: the other side of a channel could fill the rest. */
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
  ({ coins, pool, next }: Standing) =>
  (key: string): Coin | undefined =>
    coins.get(key) ?? pool.coin(key, next.height);

const checkScripts = (tx: Transaction, spent: readonly Coin[], scripts: ScriptCheck): void => {
  const complaint = scripts(tx, spent, 'standard');
  if (complaint !== undefined) throw rejectedError(complaint);
};

/** True when the pool or the chain has it already: one of its outputs is unspent there. */
export const isKnown = (tx: Transaction, { coins, pool }: Standing): boolean => {
  const waiting = pool.get(hex(tx.getHash()));
  if (waiting !== undefined) {
    if (equal(waiting.tx.getHash(true), tx.getHash(true))) return true;
    throw rejectedError('txn-same-nonwitness-data-in-mempool');
  }
  return coinsMade(tx, 0).some(([key]) => coins.has(key));
};

/** What a transaction spends and pays, found good but for its scripts and for its place in the pool. */
const judged = (
  tx: Transaction,
  standing: Standing,
  coinAt: (key: string) => Coin | undefined,
): { readonly entry: Entry; readonly spent: readonly Coin[] } => {
  const { next, medianTimeAt } = standing;
  checkShape(tx);
  if (isCoinbase(tx)) throw rejectedError('bad-txns-coinbase, coinbase');
  checkStandard(tx);
  if (!isFinal(tx, next)) throw rejectedError('non-final');
  const spent = coinsOf(tx, coinAt);
  const fee = checkSpending(tx, spent, next, medianTimeAt);
  checkStandardInputs(tx, spent);
  const vsize = tx.virtualSize();
  checkFee(fee, vsize);
  return { entry: { id: hex(tx.getHash()), tx, fee, vsize }, spent };
};

/**
 * A transaction from the network, or of a caller who allows it a fee of `most` satoshi per 1,000 vbytes (0: any). Throws
 * ChainError `rejected` with bitcoind's words.
 */
export const accept = (tx: Transaction, standing: Standing, most = 0n): Accepted => {
  const { pool, scripts, minimum } = standing;
  const { entry, spent } = judged(tx, standing, lookUp(standing));
  checkPoolFee(entry.fee, entry.vsize, minimum);
  const replaces = replacedBy(entry, pool);
  checkFamily(entry, pool);
  checkScripts(tx, spent, scripts);
  checkMaxFee(entry.fee, entry.vsize, most);
  return { entry, replaces };
};

/**
 * A transaction whose fee was refused, and one that spends it and pays for both: to enter the pool, and to replace what spends
 * the same, they count as one. Each must still pay for its own relay, and neither more than `most` allows. Throws ChainError `rejected` with bitcoind's words.
 */
export const acceptPair = (
  [parent, child]: readonly [Transaction, Transaction],
  standing: Standing,
  most = 0n,
): { readonly entries: readonly [Entry, Entry]; readonly replaces: ReadonlySet<string> } => {
  const { pool, scripts, minimum, next } = standing;
  const known = lookUp(standing);
  const made = new Map(coinsMade(parent, next.height));
  if (!child.ins.some(({ hash, index }) => made.has(outpointKey(hash, index))))
    throw rejectedError('package topology disallowed. not child-with-parents or parents depend on each other.');
  const first = judged(parent, standing, known);
  const second = judged(child, standing, (key) => made.get(key) ?? known(key));
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
 * A transaction that was in a block or in the pool before the chain changed: it need not pay or look well once more, only
 * still be possible. Undefined when it is not.
 */
export const readmit = (tx: Transaction, standing: Standing): Entry | undefined => {
  const { pool, next, medianTimeAt, scripts } = standing;
  try {
    if (isCoinbase(tx) || conflictsOf(tx, pool).length > 0 || isKnown(tx, standing)) return undefined;
    const spent = coinsOf(tx, lookUp(standing));
    const fee = checkSpending(tx, spent, next, medianTimeAt);
    checkScripts(tx, spent, scripts);
    return { id: hex(tx.getHash()), tx, fee, vsize: tx.virtualSize() };
  } catch {
    return undefined;
  }
};
