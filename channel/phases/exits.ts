/**
 * Which transaction closes a channel (BOLT 5, "Failing a Channel"): a closing that both signed, our commitment, or both. The agreed
 * closing is cheaper and pays at once, so it goes first; if it is not mined in time, our commitment is published beside it. Only one
 * of them can confirm.
 */

import { Transaction } from 'bitcoinjs-lib';
import { scidParts, type Txid } from '../../wire/units.ts';
import { isSignedClosing } from '../model/core.ts';
import { ChannelError, type Fault } from '../model/errors.ts';
import type { Effect } from '../model/io.ts';
import type { Closings, Core, Failed, GivenUp, Negotiating } from '../model/state.ts';
import { signedLocalCommitment } from '../rules/commitmentupdates.ts';
import { transactionId } from '../tx/transaction.ts';

/**
 * Blocks for an agreed closing to confirm: a day. Fees fall at night, and no HTLC depends on it. After a day its fee is too low, and
 * the fee of a commitment can be bumped.
 */
export const CLOSING_BLOCKS = 144;
/** Blocks for which the network may refuse it: an hour, as mempool minimum fees rise and fall within that. */
export const REFUSED_BLOCKS = 6;

/** Most different closings that we sign for one channel: an honest negotiation needs one or two per connection. */
export const MAX_CLOSINGS = 200;

const withClosings = (core: Core, closings: Partial<Closings>): Core => ({
  ...core,
  closings: { ...core.closings, ...closings },
});

/**
 * Notes a closing that we are about to sign: the peer can complete it at any time. The same core where it was noted before.
 * Throws ChannelError when there are too many.
 */
export const noteSignedClosing = (core: Core, id: Txid): Core => {
  if (isSignedClosing(core, id)) return core;
  const { signed } = core.closings;
  if (signed.length >= MAX_CLOSINGS) throw new ChannelError({ code: 'too_many_closings', limit: MAX_CLOSINGS });
  return withClosings(core, { signed: [...signed, id] });
};

/** Notes the height of the first agreed closing: its time limit counts from there. */
export const noteAgreedClosing = (core: Core, height: number): Core =>
  core.closings.agreedAt === undefined ? withClosings(core, { agreedAt: height }) : core;

/** Satoshi per 1,000,000 weight of a transaction that spends the funding output. */
const feerateOf = ({ params }: Core, tx: Transaction): bigint => {
  const fee = tx.outs.reduce((left, { value }) => left - value, params.capacity as bigint);
  return (fee * 1_000_000n) / BigInt(tx.weight());
};

/** Of the closing agreed before, if any, and a new one: the one with the higher feerate. */
export const higherFeerateClosing = (
  core: Core,
  before: Uint8Array | undefined,
  now: Uint8Array,
): { readonly tx: Uint8Array; readonly txid: Txid } => {
  const next = Transaction.fromBuffer(now);
  const last = before && Transaction.fromBuffer(before);
  return before !== undefined && last !== undefined && feerateOf(core, last) > feerateOf(core, next)
    ? { tx: before, txid: transactionId(last) }
    : { tx: now, txid: transactionId(next) };
};

type Leaving = Pick<GivenUp, 'outdated' | 'agreed'> & { readonly core: Core };

/** Whether our commitment is published, alone or beside an agreed closing. Never where it may be revoked. */
export const broadcastsCommitment = ({ core, outdated, agreed }: Leaving): boolean =>
  !outdated && (agreed === undefined || core.closings.fellBack);

/** Broadcasts of a failed channel. An unconfirmed funding transaction of ours goes first. */
export const broadcastExits = (state: Leaving): readonly Effect[] => {
  const { core, agreed } = state;
  const ways: readonly Effect[] = [
    ...(agreed === undefined ? [] : [{ do: 'broadcast', tx: agreed, why: 'closing' } as const]),
    ...(broadcastsCommitment(state)
      ? [{ do: 'broadcast', tx: signedLocalCommitment(core), why: 'commitment' } as const]
      : []),
  ];
  const tx = core.fundingTx;
  return ways.length > 0 && tx.length > 0 ? [{ do: 'broadcast', tx, why: 'funding' }, ...ways] : ways;
};

/** Broadcast of the agreed closing. */
export const broadcastAgreedClosing = ({ core, agreed }: Negotiating): readonly Effect[] =>
  agreed === undefined ? [] : broadcastExits({ core, agreed, outdated: true });

/** Our commitment is published too from here on. */
export const fallBackToCommitment = (core: Core): Core => withClosings(core, { fellBack: true });

/** Notes whether the network accepted the closing that both signed. */
export const onClosingOffered = <S extends Negotiating | Failed>(
  state: S,
  taken: boolean | undefined,
  height: number,
): S => {
  if (taken === undefined) return state;
  const { refusedSince } = state.core.closings;
  const since = taken ? undefined : (refusedSince ?? height);
  return since === refusedSince ? state : { ...state, core: withClosings(state.core, { refusedSince: since }) };
};

/** Height from which on a closing that both signed could be mined; undefined while it cannot, or none is agreed. */
export const agreedSince = ({ closings: { agreedAt }, lockin: { scid } }: Core): number | undefined =>
  // Without its funding in the chain no transaction of the channel can be mined, this one or another.
  agreedAt === undefined || scid === undefined ? undefined : Math.max(agreedAt, scidParts(scid).height);

/** The fault once the time limit of the agreed closing is over; undefined before, or once our commitment is published too. */
export const closingOverdueFault = (state: Negotiating | Failed, height: number): Fault | undefined => {
  const { core, agreed } = state;
  const { fellBack, refusedSince } = core.closings;
  const since = agreedSince(core);
  // An outdated commitment must not be published: there is nothing to fall back to.
  const isLast = state.phase === 'failed' && state.outdated;
  if (agreed === undefined || fellBack || isLast || since === undefined) return undefined;
  const refused = refusedSince === undefined ? 0 : height - refusedSince;
  const waited = height - since;
  return waited >= CLOSING_BLOCKS || refused >= REFUSED_BLOCKS
    ? { code: 'closing_not_mined', blocks: waited }
    : undefined;
};
