/** The output that a claim's transaction may take along, too small to be taken alone: our anchor. It is taken where it pays. */

import type { Transaction } from 'bitcoinjs-lib';
import type { Beside, OpenClaim } from '../../channel/model/claim.ts';
import { outpointKey } from '../chain/watch.ts';
import { feeOf } from '../wallet/select.ts';

/** What it adds to a transaction: an input and its witness. */
export const weightOfBeside = ({ witnessWeight }: Beside): number => 41 * 4 + witnessWeight;

/** What goes with a claim at a feerate, sat per 1,000 weight: nothing that costs as much as it brings. */
export const besideOf = (claim: OpenClaim, feerate: number): Beside | undefined => {
  const beside = claim.kind === 'sweep' ? claim.beside : undefined;
  return beside !== undefined && beside.value > feeOf(weightOfBeside(beside), feerate) ? beside : undefined;
};

/** The outpoint of what goes beside a claim, as a key; undefined where there is nothing. */
export const besideKeyOf = (claim: OpenClaim): string | undefined =>
  claim.kind === 'sweep' && claim.beside !== undefined
    ? outpointKey(claim.beside.outpoint.txid, claim.beside.outpoint.index)
    : undefined;

/** Whether a transaction for a claim takes it along. */
export const takesBeside = (claim: OpenClaim, { ins }: Transaction): boolean => {
  const key = besideKeyOf(claim);
  return key !== undefined && ins.some(({ hash, index }) => outpointKey(hash, index) === key);
};
