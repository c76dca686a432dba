/**
 * How a channel leaves for the chain (BOLT 5, "Failing a Channel"): a closing that both signed, our commitment, or both. What
 * was agreed is cheaper and pays at once, so it goes first; but a transaction that nobody mines is no way out, and never stands in
 * the way of the commitment for good. Which one is mined does not matter: only one can be.
 */

import { Transaction } from 'bitcoinjs-lib';
import { scidParts, type Txid } from '../../wire/units.ts';
import { isSignedClosing } from '../model/core.ts';
import { ChannelError, type Fault } from '../model/errors.ts';
import type { Effect } from '../model/io.ts';
import type { Closings, Core, Failed, GivenUp, Negotiating } from '../model/state.ts';
import { signedLocalCommitment } from '../rules/commitmentupdates.ts';
import { idOf } from '../tx/transaction.ts';

/**
 * Blocks that an agreed closing has to get into one. A day: fees fall at night, and no HTLC hangs on it, so that waiting costs
 * nothing but time. What a day did not take is left behind by the fees, and a commitment can be paid for anew.
 */
export const CLOSING_BLOCKS = 144;
/** Blocks for which nodes may refuse it: an hour, for the least that mempools take rises and falls within that. */
export const REFUSED_BLOCKS = 6;

/** Different closings that we sign of one channel: peers that mean it need one or two on each connection. */
export const MOST_CLOSINGS = 200;

const withClosings = (core: Core, closings: Partial<Closings>): Core => ({
  ...core,
  closings: { ...core.closings, ...closings },
});

/**
 * We are about to sign this closing: the peer can complete it whenever it likes. The same core where we did before. Throws
 * ChannelError when there were too many.
 */
export const signing = (core: Core, id: Txid): Core => {
  if (isSignedClosing(core, id)) return core;
  const { signed } = core.closings;
  if (signed.length >= MOST_CLOSINGS) throw new ChannelError({ code: 'too_many_closings', limit: MOST_CLOSINGS });
  return withClosings(core, { signed: [...signed, id] });
};

/** A closing is agreed at this height, or was before: the time it has counts from the first. */
export const agreeing = (core: Core, height: number): Core =>
  core.closings.agreedAt === undefined ? withClosings(core, { agreedAt: height }) : core;

/** Satoshi per 1,000,000 weight of a transaction that spends the funding output. */
const feerateOf = ({ params }: Core, tx: Transaction): bigint => {
  const fee = tx.outs.reduce((left, { value }) => left - value, params.capacity as bigint);
  return (fee * 1_000_000n) / BigInt(tx.weight());
};

/** Of the closing agreed before, if any, and a new one: that which a miner would rather have, with its id. */
export const stronger = (
  core: Core,
  before: Uint8Array | undefined,
  now: Uint8Array,
): { readonly tx: Uint8Array; readonly txid: Txid } => {
  const next = Transaction.fromBuffer(now);
  const last = before && Transaction.fromBuffer(before);
  return before !== undefined && last !== undefined && feerateOf(core, last) > feerateOf(core, next)
    ? { tx: before, txid: idOf(last) }
    : { tx: now, txid: idOf(next) };
};

type Leaving = Pick<GivenUp, 'outdated' | 'agreed'> & { readonly core: Core };

/** Whether our commitment is on its way to the chain, alone or beside what was agreed. Never where the peer may punish that. */
export const publishesCommitment = ({ core, outdated, agreed }: Leaving): boolean =>
  !outdated && (agreed === undefined || core.closings.fellBack);

/** Everything that ends a channel which was given up. A funding transaction that nobody mined yet goes before it. */
export const publish = (state: Leaving): readonly Effect[] => {
  const { core, agreed } = state;
  const ways: readonly Effect[] = [
    ...(agreed === undefined ? [] : [{ do: 'broadcast', tx: agreed, why: 'closing' } as const]),
    ...(publishesCommitment(state)
      ? [{ do: 'broadcast', tx: signedLocalCommitment(core), why: 'commitment' } as const]
      : []),
  ];
  const tx = core.fundingTx;
  return ways.length > 0 && tx.length > 0 ? [{ do: 'broadcast', tx, why: 'funding' }, ...ways] : ways;
};

/** What is published of a channel that is being closed together. */
export const publishAgreed = ({ core, agreed }: Negotiating): readonly Effect[] =>
  agreed === undefined ? [] : publish({ core, agreed, outdated: true });

/** From here on our commitment is published too. */
export const fallBack = (core: Core): Core => withClosings(core, { fellBack: true });

/** The network took the closing that both signed, or it did not. */
export const onOffered = <S extends Negotiating | Failed>(state: S, taken: boolean | undefined, height: number): S => {
  if (taken === undefined) return state;
  const { refusedSince } = state.core.closings;
  const since = taken ? undefined : (refusedSince ?? height);
  return since === refusedSince ? state : { ...state, core: withClosings(state.core, { refusedSince: since }) };
};

/** Height from which on a closing that both signed could be mined; undefined while it cannot, or none is agreed. */
export const agreedSince = ({ closings: { agreedAt }, lockin: { scid } }: Core): number | undefined =>
  // Without its funding in the chain no transaction of the channel can be mined, this one or another.
  agreedAt === undefined || scid === undefined ? undefined : Math.max(agreedAt, scidParts(scid).height);

/** That the closing which both signed has had its time; undefined while it has some left, or once we no longer wait for it. */
export const overdue = (state: Negotiating | Failed, height: number): Fault | undefined => {
  const { core, agreed } = state;
  const { fellBack, refusedSince } = core.closings;
  const since = agreedSince(core);
  // An outdated commitment stays at home: then there is nothing to fall back to.
  const isLast = state.phase === 'failed' && state.outdated;
  if (agreed === undefined || fellBack || isLast || since === undefined) return undefined;
  const refused = refusedSince === undefined ? 0 : height - refusedSince;
  const waited = height - since;
  return waited >= CLOSING_BLOCKS || refused >= REFUSED_BLOCKS
    ? { code: 'closing_not_mined', blocks: waited }
    : undefined;
};
