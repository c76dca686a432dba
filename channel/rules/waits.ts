/**
 * The time limits on the peer's next message (BOLT 2 names those for the funding and for closing), and what follows when they run out.
 * Every state that waits for the peer has one, so that no peer can lock our money by silence. HTLC deadlines are in deadlines.ts.
 *
 * The node counts seconds, from the beginning of a wait; a new connection begins a new one. Blocks count from a saved height, over
 * restarts and reconnects; but no channel fails for what the peer could not send while this node was down.
 */

import { scidParts } from '../../wire/units.ts';
import { type Fault, reactions } from '../model/errors.ts';
import type { Context } from '../model/io.ts';
import type { ChannelState, ClosingSince, Core, Negotiating, Open } from '../model/state.ts';
import { hasLiveHtlcs, isAwaitingCommitmentSigned } from '../model/updates.ts';
import { type TimedName, type Wait, type WaitLimit, waitLimits } from '../model/waitlimits.ts';
import { isRefusedForLong } from './feerefused.ts';

/** The seconds of a wait; `patience` replaces those that an operator may set (`peer-timeout`). */
export const secondsOf = ({ name }: Wait, patience: number): number => {
  const row: WaitLimit & { readonly seconds: number } = waitLimits[name];
  return row.adjustable ? patience : row.seconds;
};

const only = (name: TimedName): Wait => ({ name, id: name });

/** What the peer owes on a reestablished connection, one message at a time. */
const owed = (core: Core): Wait | undefined => {
  const { head } = core;
  if (head.signedAt !== undefined) return { name: 'revoke_and_ack', id: `revoke_and_ack ${head.remote}` };
  return isAwaitingCommitmentSigned(core)
    ? { name: 'commitment_signed', id: `commitment_signed ${head.local + 1}` }
    : undefined;
};

const awaitedOfCore = (core: Core): Wait | undefined => {
  const { link, lockin } = core;
  if (link.status === 'online') return owed(core);
  // Before the peer said channel_ready nothing can be in flight, and lnd does not say where it stands until the funding is confirmed.
  if (link.status === 'offline' || link.peerError !== undefined || !lockin.received) return undefined;
  return only('channel_reestablish');
};

/** What the peer is to say next, within seconds; undefined where nothing is, or the peer is away. */
export const awaitedFromPeer = (state: ChannelState): Wait | undefined => {
  switch (state.phase) {
    case 'awaiting_accept':
      return only('accept_channel');
    case 'awaiting_funding_created':
      return only('funding_created');
    case 'awaiting_funding_signed':
      return only('funding_signed');
    case 'open':
      return awaitedOfCore(state.core);
    case 'negotiating':
      // After an agreed closing the peer may have forgotten the channel.
      return state.agreed === undefined ? awaitedOfCore(state.core) : undefined;
    default:
      return undefined;
  }
};

/** A close is under way that nobody has agreed on yet. */
const isClosing = (state: ChannelState): state is Open | Negotiating =>
  state.phase === 'negotiating'
    ? state.agreed === undefined
    : state.phase === 'open' && state.shutdown.ours !== undefined;

interface LastBlock {
  readonly name: 'channel_ready' | 'shutdown' | 'closing_signed';
  readonly height: number;
}

/**
 * The block with which the peer's time is over, where blocks are what it has, and for what; undefined where nothing is due.
 * peererror.ts and unfunded.ts look after rows of their own.
 */
export const lastBlockOf = (state: Open | Negotiating): LastBlock | undefined => {
  const { closingSince, lockin } = state.core;
  if (closingSince === undefined) {
    if (lockin.scid === undefined || lockin.received) return undefined;
    return { name: 'channel_ready', height: scidParts(lockin.scid).height + waitLimits.channel_ready.blocks };
  }
  if (!isClosing(state)) return undefined;
  const { began, empty } = closingSince;
  const whole = began + waitLimits.shutdown.blocks;
  const ready = empty === undefined ? undefined : empty + waitLimits.closing_signed.blocks;
  return ready !== undefined && ready < whole
    ? { name: 'closing_signed', height: ready }
    : { name: 'shutdown', height: whole };
};

/** Blocks (an hour) that a peer gets to come back after its time ran out while this node was down. */
const RETURN = 6;

/** Whether the peer has had the time to reach this node. */
const couldSpeak = (height: number, { reachableSince = 0 }: Reach): boolean => height >= reachableSince + RETURN;

/** What decides whether the peer could reach this node. */
type Reach = Pick<Context, 'reachableSince'>;

/** The fault of a peer whose blocks have run out. */
export const timeoutFault = (state: Open | Negotiating, height: number, reach: Reach): Fault | undefined => {
  const last = lastBlockOf(state);
  if (last === undefined || height < last.height || !couldSpeak(height, reach)) return undefined;
  const { name } = last;
  const { blocks } = waitLimits[name];
  return name === 'channel_ready'
    ? { code: 'channel_ready_timeout', blocks }
    : { code: 'close_timeout', awaited: name, blocks };
};

/** Whether the fee negotiation of a close has run out of time. */
const isArguedOut = (state: ChannelState, height: number): boolean => {
  if (state.phase !== 'negotiating' || state.agreed !== undefined) return false;
  const { empty } = state.core.closingSince ?? {};
  return empty !== undefined && height >= empty + waitLimits.fee_range.blocks;
};

/** The fault, or at the end of the time limit for a close or a refused feerate the fault that fails the channel. */
export const escalate = (state: ChannelState, fault: Fault, height: number, reach: Reach): Fault => {
  if (reactions[fault.code] !== 'warn_and_disconnect' || !couldSpeak(height, reach)) return fault;
  if (isArguedOut(state, height))
    return { code: 'close_timeout', awaited: 'fee_range', blocks: waitLimits.fee_range.blocks };
  return isRefusedForLong(state, fault, height)
    ? { code: 'fee_timeout', refused: fault.code, blocks: waitLimits.update_fee.blocks }
    : fault;
};

/** Who began a close: the peer, where its `shutdown` is there already. */
const closerOf = (state: Open | Negotiating): ClosingSince['by'] =>
  state.phase === 'open' && state.shutdown.theirs === undefined ? 'us' : 'peer';

/** Notes the heights from which the time limits of a close count. */
export const noteClose = (state: ChannelState, height: number): ChannelState => {
  if (!isClosing(state)) return state;
  const { core } = state;
  const before = core.closingSince;
  const began = before?.began ?? height;
  const empty = hasLiveHtlcs(core) ? undefined : (before?.empty ?? height);
  if (before?.began === began && before.empty === empty) return state;
  const closingSince: ClosingSince = { by: before === undefined ? closerOf(state) : before.by, began, empty };
  return { ...state, core: { ...core, closingSince } };
};
