/**
 * Replace-by-fee: BIP 125 as bitcoind applies it today, without signalling (full RBF). Every replacement pays for itself.
 */

import type { Transaction } from 'bitcoinjs-lib';
import { hex } from '../../../wire/bytes.ts';
import { rejectedError } from '../../chain/errors.ts';
import { spentKeys } from './coins.ts';
import { feeFor, incrementalFee } from './policy.ts';
import type { Entry, Pool } from './pool.ts';

/** Entries that one transaction may replace, descendants included. */
const maximumReplaced = 100;

/** fee a / size a > fee b / size b, exactly. */
const paysBetter = (a: Pick<Entry, 'fee' | 'vsize'>, b: Pick<Entry, 'fee' | 'vsize'>): boolean =>
  a.fee * BigInt(b.vsize) > b.fee * BigInt(a.vsize);

/** The entries that conflict with this transaction. */
export const conflictsOf = (tx: Transaction, pool: Pool): readonly Entry[] => {
  const found = new Map<string, Entry>();
  for (const key of spentKeys(tx)) {
    const entry = pool.spender(key);
    if (entry !== undefined) found.set(entry.id, entry);
  }
  return [...found.values()];
};

/**
 * The ids of all entries that a transaction replaces: its conflicts and their descendants. Throws ChainError `rejected` where it may not
 * replace them.
 */
export const replacedBy = (entry: Entry, pool: Pool): ReadonlySet<string> => {
  const { tx, fee, vsize } = entry;
  const conflicts = conflictsOf(tx, pool);
  if (conflicts.length === 0) return new Set();
  const direct = conflicts.map(({ id }) => id);
  const ancestors = pool.ancestors(pool.parentsOf(tx));
  if (direct.some((id) => ancestors.has(id))) throw rejectedError('bad-txns-spends-conflicting-tx');

  for (const conflict of conflicts)
    if (!paysBetter(entry, conflict))
      throw rejectedError(`insufficient fee, rejecting replacement; new feerate ${fee}/${vsize} <= old feerate`);

  const replaced = pool.descendants(direct);
  if (replaced.size > maximumReplaced)
    throw rejectedError(`too many potential replacements, ${replaced.size} > ${maximumReplaced}`);

  // Otherwise a replacement could depend on a cheap transaction that keeps it from being mined.
  const theirs = new Set(conflicts.flatMap((conflict) => conflict.tx.ins.map(({ hash }) => hex(hash))));
  if (pool.parentsOf(tx).some((parent) => !theirs.has(parent))) throw rejectedError('replacement-adds-unconfirmed');

  let old = 0n;
  for (const id of replaced) old += pool.get(id)?.fee ?? 0n;
  if (fee < old)
    throw rejectedError(`insufficient fee, rejecting replacement, less fees than conflicting txs; ${fee} < ${old}`);
  const extra = feeFor(incrementalFee, vsize);
  if (fee - old < extra)
    throw rejectedError(
      `insufficient fee, rejecting replacement, not enough additional fees to relay; ${fee - old} < ${extra}`,
    );
  return replaced;
};
