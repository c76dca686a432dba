/**
 * Giving up an unconfirmed transaction of ours: a second one spends its inputs back to the wallet. Either of the two may confirm, so
 * both are kept until one has; only the second is broadcast from then on.
 */

import { Transaction } from 'bitcoinjs-lib';
import { hex } from '../../wire/bytes.ts';
import { FEERATE_FLOOR, type Sat, sat, type Txid } from '../../wire/units.ts';
import { displayedTxid } from '../base/txids.ts';
import { rememberedBlocks } from '../chain/followrules.ts';
import { heightOf, pending, rivalOf, type WalletState } from './coins.ts';
import { WalletError } from './errors.ts';
import { dustOf, roundedUpFee, weightOf } from './select.ts';
import { type Fund, fundsOf } from './view.ts';

/** The transaction that spends the inputs back to the wallet. */
export interface TakeBack {
  readonly inputs: readonly Fund[];
  /** Its only output, to a script of the wallet. */
  readonly amount: Sat;
  readonly fee: Sat;
}

/** Why a transaction cannot be given up; undefined where it can. */
const whyNot = (state: WalletState, id: Txid): string | undefined => {
  const name = hex(id);
  const ours = state.sent.get(name);
  if (ours === undefined) return 'this wallet did not make it';
  const height = heightOf(state, ours);
  if (height !== undefined) return `it is in block ${height}`;
  const by = state.givenUp.get(name);
  if (by !== undefined) return 'it is given up already';
  const rival = rivalOf(state, id);
  if (rival !== undefined)
    return rival.txid === undefined
      ? `a reorganization took its coins out of the chain before block ${rival.height}, and it is given up already`
      : `${displayedTxid(rival.txid)} in block ${rival.height} has taken its coins, so it never will be mined`;
  const last = ours.spends.every((key) => state.absent.has(key)) ? state.absent.get(ours.spends[0] ?? '') : undefined;
  if (last !== undefined)
    return `a reorganization took its coins out of the chain; unless they come back, it is given up at block ${last + rememberedBlocks}`;
  const child = pending(state).find(({ spends }) => spends.some((key) => key.startsWith(name)));
  return child && `${displayedTxid(child.txid)}, which waits for a block too, spends its change`;
};

/**
 * Plans the transaction that spends the inputs of one of ours back to the wallet. It pays this feerate (satoshi per 1,000 weight), or
 * more where that is needed to replace the other in the mempool: the other's fee and the relay fee of the new one (BIP 125). Where some
 * inputs are confirmed it spends only those: one is enough, and then it depends on no unconfirmed transaction. Throws WalletError.
 */
export const planTakeBack = (state: WalletState, id: Txid, feerate: number, script: Uint8Array): TakeBack => {
  const why = whyNot(state, id);
  const ours = state.sent.get(hex(id));
  if (why !== undefined || ours === undefined)
    throw new WalletError({ code: 'cannot_give_up', txid: displayedTxid(id), why: why ?? '' });
  const funds = new Map(fundsOf(state).map((fund) => [fund.key, fund]));
  const all = ours.spends.flatMap((key) => funds.get(key) ?? []);
  const confirmed = all.filter(({ height }) => height !== undefined);
  const inputs = confirmed.length > 0 ? confirmed : all;
  const weight = weightOf.frame + inputs.length * weightOf.input + weightOf.output(script.length);
  const outs = Transaction.fromBuffer(ours.raw).outs;
  const sum = (funds: readonly Fund[]): bigint => funds.reduce((total, { amount }) => total + amount, 0n);
  const paid = outs.reduce((left, { value }) => left - value, sum(all));
  const replacing = (paid > 0n ? paid : 0n) + roundedUpFee(weight, FEERATE_FLOOR);
  const asked = roundedUpFee(weight, feerate);
  const fee = asked > replacing ? asked : replacing;
  const minimum = dustOf(script);
  if (sum(inputs) - fee < minimum)
    throw new WalletError({ code: 'insufficient_funds', needed: sat(fee + minimum), available: sat(sum(inputs)) });
  return { inputs, amount: sat(sum(inputs) - fee), fee: sat(fee) };
};
