/**
 * What a channel waits for, how long, and what it does then. Every state that needs the peer's next word has a row here, so
 * that nobody can hold us, or our money, by saying nothing. HTLCs have deadlines of their own beside it (deadlines.ts).
 *
 * Seconds are the node's to count, from the moment at which such a wait begins; a new connection begins a new one. Blocks count
 * from a height that is kept, whoever restarts or comes back meanwhile; but no peer is given up for what it could not say while
 * this node was away.
 */

import { scidParts } from '../../wire/units.ts';
import { type Fault, reactions } from '../model/errors.ts';
import type { Context } from '../model/io.ts';
import type { ChannelState, ClosingSince, Core, Negotiating, Open } from '../model/state.ts';
import { holdsHtlcs, isOwedCommitment } from '../model/updates.ts';
import { type Row, type TimedName, type Wait, waits } from '../model/waitlimits.ts';
import { isRefusedForLong } from './feerefused.ts';

/** The seconds of a wait, where an operator gave `patience` for those he may set. */
export const secondsOf = ({ name }: Wait, patience: number): number => {
  const row: Row & { readonly seconds: number } = waits[name];
  return row.adjustable ? patience : row.seconds;
};

const only = (name: TimedName): Wait => ({ name, id: name });

/** What is waited for on a connection that is in step. One thing at a time: the second is not due before the first. */
const owed = (core: Core): Wait | undefined => {
  const { head } = core;
  if (head.signedAt !== undefined) return { name: 'revoke_and_ack', id: `revoke_and_ack ${head.remote}` };
  return isOwedCommitment(core) ? { name: 'commitment_signed', id: `commitment_signed ${head.local + 1}` } : undefined;
};

const awaitedOfCore = (core: Core): Wait | undefined => {
  const { link, lockin } = core;
  if (link.status === 'online') return owed(core);
  // Before the peer said channel_ready nothing can be in flight, and lnd does not say where it stands until the funding is confirmed.
  if (link.status === 'offline' || link.peerError !== undefined || !lockin.received) return undefined;
  return only('channel_reestablish');
};

/** What the peer is to say next, within seconds; undefined where nothing is, or the peer is away. */
export const awaited = (state: ChannelState): Wait | undefined => {
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
      // A peer that has what it wants may have forgotten the channel.
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
    return { name: 'channel_ready', height: scidParts(lockin.scid).height + waits.channel_ready.blocks };
  }
  if (!isClosing(state)) return undefined;
  const { began, empty } = closingSince;
  const whole = began + waits.shutdown.blocks;
  const ready = empty === undefined ? undefined : empty + waits.closing_signed.blocks;
  return ready !== undefined && ready < whole
    ? { name: 'closing_signed', height: ready }
    : { name: 'shutdown', height: whole };
};

/** Blocks, an hour, in which a peer can come back and say what it has to, where its time ran out while this node was away. */
const RETURN = 6;

/** Whether a peer could have spoken to us lately. */
const couldSpeak = (height: number, { reachableSince = 0 }: Reach): boolean => height >= reachableSince + RETURN;

/** As much of the world as decides whether a peer was heard out. */
type Reach = Pick<Context, 'reachableSince'>;

/** The fault of a peer that was waited for through all the blocks that it is given. */
export const outwaitedFault = (state: Open | Negotiating, height: number, reach: Reach): Fault | undefined => {
  const last = lastBlockOf(state);
  if (last === undefined || height < last.height || !couldSpeak(height, reach)) return undefined;
  const { name } = last;
  const { blocks } = waits[name];
  return name === 'channel_ready'
    ? { code: 'channel_ready_timeout', blocks }
    : { code: 'close_timeout', awaited: name, blocks };
};

/** Whether a close with no HTLC left was argued about for long enough. */
const isArguedOut = (state: ChannelState, height: number): boolean => {
  if (state.phase !== 'negotiating' || state.agreed !== undefined) return false;
  const { empty } = state.core.closingSince ?? {};
  return empty !== undefined && height >= empty + waits.fee_range.blocks;
};

/** A fault as it counts at this height: one with which a close, or the feerate, was held up for long enough ends the channel. */
export const patient = (state: ChannelState, fault: Fault, height: number, reach: Reach): Fault => {
  if (reactions[fault.code] !== 'warn_and_disconnect' || !couldSpeak(height, reach)) return fault;
  if (isArguedOut(state, height))
    return { code: 'close_timeout', awaited: 'fee_range', blocks: waits.fee_range.blocks };
  return isRefusedForLong(state, fault, height)
    ? { code: 'fee_timeout', refused: fault.code, blocks: waits.update_fee.blocks }
    : fault;
};

/** Who began a close, as its first step shows it: where the peer did, what it said stands there already. */
const closerOf = (state: Open | Negotiating): ClosingSince['by'] =>
  state.phase === 'open' && state.shutdown.theirs === undefined ? 'us' : 'peer';

/** Takes note of the heights from which a close is waited for, whatever began it. */
export const noteClose = (state: ChannelState, height: number): ChannelState => {
  if (!isClosing(state)) return state;
  const { core } = state;
  const before = core.closingSince;
  const began = before?.began ?? height;
  const empty = holdsHtlcs(core) ? undefined : (before?.empty ?? height);
  if (before?.began === began && before.empty === empty) return state;
  const closingSince: ClosingSince = { by: before === undefined ? closerOf(state) : before.by, began, empty };
  return { ...state, core: { ...core, closingSince } };
};
