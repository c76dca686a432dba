/** Channels as payments, forwarding and gossip use them: plain values read from a machine's state. */

import type { Outlet } from '../../amp/route.ts';
import { isRecovered } from '../../channel/model/core.ts';
import { preimageOf } from '../../channel/model/htlc.ts';
import { inLocal, specOf } from '../../channel/model/spec.ts';
import type { ChannelState, Core } from '../../channel/model/state.ts';
import { whyNoOffers } from '../../channel/phases/shutdown.ts';
import { type FeeView, feePerHtlc, spendable, spendableAtRest } from '../../channel/rules/limits.ts';
import { equal } from '../../wire/bytes.ts';
import { sign } from '../../wire/crypto.ts';
import { type Msat, msat, type PaymentHash, type ShortChannelId } from '../../wire/units.ts';
import type { OutgoingChannel } from '../forward/forwardingpolicy.ts';
import type { OwnPolicy } from '../graph/gossipsignatures.ts';
import type { OwnChannel } from '../graph/ownchannels.ts';
import { coreOf, type Entry } from './entry.ts';

export interface FeePolicy {
  readonly feeBase: Msat;
  readonly feePerSatoshi: number;
  readonly cltvDelta: number;
  /** HTLC limits for forwarding, where they are to be narrower than those of the channel and its peer. */
  readonly htlcMinimum?: Msat;
  readonly htlcMaximum?: Msat;
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/**
 * The policy that we announce for a channel: the node's fees, with HTLC limits within those of the peer. Where these leave no amount, as
 * they may in a tiny channel, the channel is announced as disabled, since the minimum may not exceed the maximum (BOLT 7).
 */
export const policyOf = ({ params }: Core, fees: FeePolicy): OwnPolicy => {
  const { htlcMinimum, maxHtlcValueInFlight, reserve } = params.remote;
  const least = larger(larger(1n, htlcMinimum), fees.htlcMinimum ?? 0n);
  const carried = smaller((params.capacity - reserve) * 1000n, maxHtlcValueInFlight);
  const most = smaller(carried, fees.htlcMaximum ?? carried);
  return {
    feeBase: fees.feeBase,
    feeProportional: fees.feePerSatoshi,
    cltvExpiryDelta: fees.cltvDelta,
    htlcMinimum: msat(smaller(least, most)),
    htlcMaximum: msat(most),
    disabled: most < least,
  };
};

/** Whether HTLCs may be offered: channel_ready is exchanged, nobody closes, the peer is connected and no message of it is overdue. */
export const isUsable = (state: ChannelState): boolean => state.phase === 'open' && whyNoOffers(state) === undefined;

/** A usable channel as an outlet; undefined for any other. */
export const outletOf = ({ machine: { state } }: Entry, fees: FeeView): Outlet | undefined => {
  const core = coreOf(state);
  if (core === undefined || !isUsable(state) || core.lockin.scid === undefined) return undefined;
  const { params, outgoing, incoming } = core;
  const slots = params.remote.maxAcceptedHtlcs;
  return {
    scid: core.lockin.scid,
    peer: params.peer,
    spendable: spendable(core, fees),
    slots: Math.max(0, slots - outgoing.size),
    minimum: params.remote.htlcMinimum,
    perHtlc: feePerHtlc(core),
    atRest: outgoing.size + incoming.size === 0 ? undefined : { spendable: spendableAtRest(core, fees), slots },
  };
};

/** The way out that an open channel will be once its peer is there again and in step; undefined for any other. */
export const awayOutletOf = ({ machine: { state } }: Entry, fees: FeeView): Outlet | undefined => {
  if (state.phase !== 'open') return undefined;
  const { params, lockin } = state.core;
  const why = whyNoOffers(state)?.code;
  if (lockin.scid === undefined || (why !== 'disconnected' && why !== 'revocation_overdue')) return undefined;
  const rest = { spendable: spendableAtRest(state.core, fees), slots: params.remote.maxAcceptedHtlcs };
  return { scid: lockin.scid, peer: params.peer, spendable: msat(0n), slots: 0, atRest: rest };
};

/** A channel as forwarding uses it; undefined where an onion may not name it so: option_scid_alias hides the real id (BOLT 2). */
export const outgoingOf = (
  entry: Entry,
  named: ShortChannelId,
  fees: FeePolicy,
  update: Uint8Array | undefined,
): (OutgoingChannel & { readonly key: string }) | undefined => {
  const { state } = entry.machine;
  const core = coreOf(state);
  if (core === undefined || (core.params.scidAliasType && named !== core.params.alias)) return undefined;
  const closing = state.phase !== 'open' || state.shutdown.ours !== undefined || state.shutdown.theirs !== undefined;
  const status = closing ? 'closing' : isUsable(state) ? 'usable' : 'unavailable';
  return { key: entry.key, policy: policyOf(core, fees), status, update };
};

/** The short_channel_id of a channel, or its alias while it has none. */
export const shortIdOf = (entry: Entry | undefined): ShortChannelId | undefined => {
  const core = entry && coreOf(entry.machine.state);
  return core?.lockin.scid ?? core?.params.alias;
};

/** Whether the preimage of this hash is known from an HTLC, offered or received, that one of these channels still has. */
export const knowsPreimage = (entries: Iterable<Entry>, paymentHash: PaymentHash): boolean => {
  for (const { machine } of entries) {
    const core = coreOf(machine.state);
    for (const htlcs of [core?.outgoing, core?.incoming])
      for (const htlc of htlcs?.values() ?? [])
        if (preimageOf(htlc) !== undefined && equal(htlc.paymentHash, paymentHash)) return true;
  }
  return false;
};

/** A channel as announcements use it; undefined before it is ready, or once it is being closed. */
export const ownChannelOf = (entry: Entry, fees: FeePolicy, height: number): OwnChannel | undefined => {
  const { state } = entry.machine;
  if (state.phase !== 'open') return undefined;
  const { core } = state;
  const { params, lockin } = core;
  if (lockin.scid === undefined || !lockin.sent || !lockin.received) return undefined;
  return {
    key: entry.key,
    channelId: core.channelId,
    peer: params.peer,
    scid: lockin.scid,
    peerScid: params.scidAliasType ? lockin.peerAlias : lockin.scid,
    fundingKeys: [params.local.basepoints.funding, params.remote.basepoints.funding],
    announce: params.announce,
    online: core.link.status === 'online',
    closing: state.shutdown.ours !== undefined,
    depth: entry.fundingBlock === undefined ? 0 : height - entry.fundingBlock.height + 1,
    policy: policyOf(core, fees),
    sign: (digest) => sign(digest, core.keys.funding),
  };
};

/**
 * A channel as our commitment has it: both balances, without HTLCs in flight, and its feerate in sat per 1,000 weight. Balances are zero
 * in a channel that was recovered from a backup.
 */
export const balancesOf = (core: Core): { readonly toUs: Msat; readonly toThem: Msat; readonly feerate: number } => {
  const { toUs, toThem, feerate } = specOf(core, inLocal(core.head.local));
  // Only the peer has its commitments; what they pay us shows in the wallet.
  if (isRecovered(core)) return { toUs: msat(0n), toThem: msat(0n), feerate };
  return { toUs: msat(larger(toUs, 0n)), toThem: msat(larger(toThem, 0n)), feerate };
};

/** Our balance and all HTLCs of our commitment, sat: at most what it can pay us on chain. */
export const stakeOf = (core: Core): bigint => {
  const { toUs, htlcs } = specOf(core, inLocal(core.head.local));
  return (larger(toUs, 0n) + htlcs.reduce((sum, { amount }) => sum + amount, 0n)) / 1000n;
};
