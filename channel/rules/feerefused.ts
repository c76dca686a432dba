/**
 * An `update_fee` that we refuse (BOLT 2, "Updating Fees"). A peer that has signed it repeats it on every connection, which then ends each
 * time: neither side can take it back. It is retried for a day, in which fees may change, and then the channel is force-closed with
 * the current commitment.
 */
import type { Fault } from '../model/errors.ts';
import type { ChannelState, Core } from '../model/state.ts';
import { waitLimits } from '../model/waitlimits.ts';

const about: ReadonlySet<Fault['code']> = new Set(['feerate_out_of_range', 'cannot_afford_fee', 'fee_overexposes']);

/** Notes the height at which a change was first refused since the last commitment_signed that we accepted. */
export const noteRefusedFee = (state: ChannelState, { code }: Fault, height: number): ChannelState => {
  if (state.phase !== 'open' || !about.has(code) || state.core.feeRefusedSince !== undefined) return state;
  return { ...state, core: { ...state.core, feeRefusedSince: height } };
};

/** The height from which on another refusal fails the channel; undefined where none was refused. */
export const lastFeeBlock = ({ feeRefusedSince }: Pick<Core, 'feeRefusedSince'>): number | undefined =>
  feeRefusedSince === undefined ? undefined : feeRefusedSince + waitLimits.update_fee.blocks;

/** Whether this fault is about a feerate that was refused for long enough. */
export const isRefusedForLong = (state: ChannelState, { code }: Fault, height: number): boolean => {
  const last = state.phase === 'open' ? lastFeeBlock(state.core) : undefined;
  return about.has(code) && last !== undefined && height >= last;
};

/** Blocks after which a peer that had signed the change would have repeated it. */
const SAID_AGAIN = 2;

/** A block came: an online peer that did not repeat the change has forgotten it (BOLT 2, "Message Retransmission"). */
export const forgetUnsignedFee = (core: Core, height: number): Core => {
  const { link } = core;
  const since = link.status === 'online' ? link.since : undefined;
  return since !== undefined && height >= since + SAID_AGAIN ? clearRefusedFee(core) : core;
};

/** A commitment_signed was accepted: the refused change no longer counts. */
export const clearRefusedFee = (core: Core): Core =>
  core.feeRefusedSince === undefined ? core : { ...core, feeRefusedSince: undefined };
