/** What a node may want to know of a channel, as plain values: for its API, its routing, its announcements. */

import { inLocal, specOf } from '../../channel/model/spec.ts';
import type { ChannelState, Core, Funded, Htlc, OpeningTerms, Params, Proposal } from '../../channel/model/state.ts';
import { whyNoOffers } from '../../channel/phases/shutdown.ts';
import { type FeeView, receivable, spendable } from '../../channel/rules/limits.ts';
import { isReady } from '../../channel/rules/lockin.ts';
import { channelIdOf, type Outpoint } from '../../channel/tx/funding.ts';
import { sign } from '../../wire/crypto.ts';
import {
  type ChannelId,
  type Msat,
  msat,
  type Point,
  type Sat,
  type ShortChannelId,
  type Signature,
} from '../../wire/units.ts';

/** Core Lightning's names for where a channel stands; ABANDONED is ours, for an opening that came to nothing. */
export type StateName =
  | 'OPENINGD'
  | 'CHANNELD_AWAITING_LOCKIN'
  | 'CHANNELD_NORMAL'
  | 'CHANNELD_SHUTTING_DOWN'
  | 'CLOSINGD_SIGEXCHANGE'
  | 'CLOSINGD_COMPLETE'
  | 'AWAITING_UNILATERAL'
  | 'ONCHAIN'
  | 'CLOSED'
  | 'ABANDONED';

export const stateName = (state: ChannelState): StateName => {
  switch (state.phase) {
    case 'awaiting_accept':
    case 'awaiting_funding':
    case 'awaiting_funding_signed':
    case 'awaiting_funding_created':
      return 'OPENINGD';
    case 'open':
      if (state.shutdown.ours !== undefined || state.shutdown.theirs !== undefined) return 'CHANNELD_SHUTTING_DOWN';
      return isReady(state.core) ? 'CHANNELD_NORMAL' : 'CHANNELD_AWAITING_LOCKIN';
    case 'negotiating':
      return state.agreed === undefined ? 'CLOSINGD_SIGEXCHANGE' : 'CLOSINGD_COMPLETE';
    case 'failed':
      return 'AWAITING_UNILATERAL';
    case 'onchain':
      return 'ONCHAIN';
    case 'closed':
      return 'CLOSED';
    case 'abandoned':
      return 'ABANDONED';
  }
};

/** An HTLC in flight, in our commitment or on its way there. */
export type HtlcView = Pick<Htlc, 'way' | 'id' | 'amount' | 'paymentHash' | 'expiry' | 'origin'> & {
  /** Whether its end was decided. */
  readonly ending: boolean;
};

/** A channel with a funding transaction. Amounts without HTLCs in flight, before the funder's fee. */
export interface Summary {
  readonly key: string;
  readonly peer: Point;
  readonly state: StateName;
  readonly role: Params['role'];
  readonly announce: boolean;
  readonly format: Params['format'];
  /** Whether messages flow: connected and synchronized. */
  readonly online: boolean;
  readonly channelId: ChannelId;
  readonly funding: Outpoint;
  readonly capacity: Sat;
  readonly scid: ShortChannelId | undefined;
  readonly alias: ShortChannelId | undefined;
  readonly peerAlias: ShortChannelId | undefined;
  readonly toUs: Msat;
  readonly toThem: Msat;
  /** The most that one HTLC could carry now, either way; zero while none can be offered. */
  readonly spendable: Msat;
  readonly receivable: Msat;
  /** HTLCs that we could still offer. */
  readonly slotsFree: number;
  readonly feerate: number;
  readonly local: OpeningTerms;
  readonly remote: OpeningTerms;
  readonly htlcs: readonly HtlcView[];
  /** Commitment numbers. */
  readonly commitments: { readonly local: number; readonly remote: number };
}

const isFunded = (state: ChannelState): state is Funded => 'core' in state;

const none = msat(0n);

const htlcViews = ({ incoming, outgoing, head }: Core): readonly HtlcView[] =>
  [...outgoing.values(), ...incoming.values()]
    .filter(({ removal }) => removal?.marks.local === undefined || removal.marks.local > head.local)
    .map(({ way, id, amount, paymentHash, expiry, origin, removal }) => ({
      way,
      id,
      amount,
      paymentHash,
      expiry,
      origin,
      ending: removal !== undefined,
    }));

/** For who has no estimate: whatever the commitment pays is right. */
const contented: FeeView = { feerate: 0, neededFeerate: 0, highestFeerate: Number.MAX_SAFE_INTEGER };

/** Everything about a funded channel; undefined before both signed the first commitments. */
export const summary = (state: ChannelState, fees: FeeView = contented): Summary | undefined => {
  if (!isFunded(state)) return undefined;
  const { core } = state;
  const { params, head, lockin } = core;
  const spec = specOf(core, inLocal(head.local));
  const usable = state.phase === 'open' && whyNoOffers(state) === undefined;
  const offered = [...core.outgoing.values()].filter(({ removal }) => removal === undefined).length;
  return {
    key: params.key,
    peer: params.peer,
    state: stateName(state),
    role: params.role,
    announce: params.announce,
    format: params.format,
    online: core.link.status === 'online',
    channelId: core.channelId,
    funding: core.funding,
    capacity: params.capacity,
    scid: lockin.scid,
    alias: params.alias,
    peerAlias: lockin.peerAlias,
    toUs: msat(spec.toUs),
    toThem: msat(spec.toThem),
    spendable: usable ? spendable(core, fees) : none,
    receivable: usable ? receivable(core, fees) : none,
    slotsFree: usable ? Math.max(0, params.remote.maxAcceptedHtlcs - offered) : 0,
    feerate: spec.feerate,
    local: params.local,
    remote: params.remote,
    htlcs: htlcViews(core),
    commitments: { local: head.local, remote: head.remote },
  };
};

/** What both sides' funding keys and our signature say in BOLT 7's channel_announcement; undefined without a funding. */
export const fundingKeys = (state: ChannelState): { readonly local: Point; readonly remote: Point } | undefined =>
  isFunded(state)
    ? { local: state.core.params.local.basepoints.funding, remote: state.core.params.remote.basepoints.funding }
    : undefined;

/** Our funding key's signature of a 32-byte digest (BOLT 7, `bitcoin_signature`); undefined without a funding. */
export const fundingSignature = (state: ChannelState, digest: Uint8Array): Signature | undefined =>
  isFunded(state) ? sign(digest, state.core.keys.funding) : undefined;

const agreement = (state: ChannelState): Proposal | undefined => {
  if (isFunded(state)) return state.core.params;
  if (state.phase === 'abandoned') return undefined;
  return state.phase === 'awaiting_accept' ? state.proposal : state.params;
};

/** The node's name for the channel. */
export const keyOf = (state: ChannelState): string =>
  state.phase === 'abandoned' ? state.key : (agreement(state)?.key ?? '');

/** The ids by which the peer's messages mean this channel: the temporary one, and the real one once it is known. */
export const wireIds = (state: ChannelState): readonly ChannelId[] => {
  const temporary = agreement(state)?.temporaryChannelId;
  if (temporary === undefined) return [];
  if (isFunded(state)) return [state.core.channelId, temporary];
  return state.phase === 'awaiting_funding_signed' ? [channelIdOf(state.funding), temporary] : [temporary];
};
