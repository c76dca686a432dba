/**
 * A change of feerate that is refused. A peer that has signed it says it again on every connection (BOLT 2), which then ends each
 * time: neither side can take it back, and nothing moves. So that is tried for a day, in which fees may change, and then the channel
 * is given up with the commitment that stands.
 */
import type { Fault } from '../model/errors.ts';
import type { ChannelState, Core } from '../model/state.ts';
import { waits } from '../model/waitlimits.ts';

const about: ReadonlySet<Fault['code']> = new Set(['feerate_out_of_range', 'cannot_afford_fee', 'fee_overexposes']);

/** Takes note of the height at which a change was first refused, since the peer last signed anything that was taken. */
export const noteRefusedFee = (state: ChannelState, { code }: Fault, height: number): ChannelState => {
  if (state.phase !== 'open' || !about.has(code) || state.core.feeRefusedSince !== undefined) return state;
  return { ...state, core: { ...state.core, feeRefusedSince: height } };
};

/** The block from which on a change that is refused again fails the channel; undefined where none is. */
export const lastFeeBlock = ({ feeRefusedSince }: Pick<Core, 'feeRefusedSince'>): number | undefined =>
  feeRefusedSince === undefined ? undefined : feeRefusedSince + waits.update_fee.blocks;

/** Whether this fault is about a feerate that was refused for long enough. */
export const isRefusedForLong = (state: ChannelState, { code }: Fault, height: number): boolean => {
  const last = state.phase === 'open' ? lastFeeBlock(state.core) : undefined;
  return about.has(code) && last !== undefined && height >= last;
};

/** Blocks in which a peer that has signed a change has said it again, as it has to at once. */
const SAID_AGAIN = 2;

/** A block came: what a peer that is there did not say again it had not signed, and has forgotten (BOLT 2, "Message Retransmission"). */
export const feeUnsaid = (core: Core, height: number): Core => {
  const { link } = core;
  const since = link.status === 'online' ? link.since : undefined;
  return since !== undefined && height >= since + SAID_AGAIN ? feeTaken(core) : core;
};

/** The peer has signed something that was taken: what it asked for before is off. */
export const feeTaken = (core: Core): Core =>
  core.feeRefusedSince === undefined ? core : { ...core, feeRefusedSince: undefined };
