/** Our anchor output as an extra input of a sweep: too small for a transaction of its own, it is added where it pays for its weight. */

import type { Transaction } from 'bitcoinjs-lib';
import type { AnchorInput, UnsignedClaim } from '../../channel/model/claim.ts';
import { outpointKey } from '../chain/watchrules.ts';
import { roundedUpFee } from '../wallet/select.ts';

/** Weight that the anchor adds to a transaction: an input and its witness. */
export const anchorWeight = ({ witnessWeight }: AnchorInput): number => 41 * 4 + witnessWeight;

/** The anchor to add to a claim at a feerate, sat per 1,000 weight; undefined where its weight costs as much as its value. */
export const anchorFor = (claim: UnsignedClaim, feerate: number): AnchorInput | undefined => {
  const anchor = claim.kind === 'sweep' ? claim.anchor : undefined;
  return anchor !== undefined && anchor.value > roundedUpFee(anchorWeight(anchor), feerate) ? anchor : undefined;
};

/** The key of the outpoint of a claim's anchor; undefined where it has none. */
export const anchorKeyOf = (claim: UnsignedClaim): string | undefined =>
  claim.kind === 'sweep' && claim.anchor !== undefined
    ? outpointKey(claim.anchor.outpoint.txid, claim.anchor.outpoint.index)
    : undefined;

/** Whether a claim's transaction also spends the anchor. */
export const spendsAnchor = (claim: UnsignedClaim, { ins }: Transaction): boolean => {
  const key = anchorKeyOf(claim);
  return key !== undefined && ins.some(({ hash, index }) => outpointKey(hash, index) === key);
};
