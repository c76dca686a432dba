/**
 * Congestion windows, as TCP has them (RFC 5681): how much may be under way over one of our outlets, or over a channel of others in one
 * direction. There is none before the first loss. A loss halves what was under way, at most once a round trip; each round trip
 * without one adds a sixteenth of that, so that after eight there is as much as before.
 */

import { type Msat, msat } from '../wire/units.ts';
import type { ShardFailure } from './events.ts';

/** Milliseconds after which a window that did not change is forgotten. */
export const FORGOTTEN_AFTER = 6 * 3_600_000;

export interface Window {
  /** What may be under way. */
  readonly size: Msat;
  /** What a round trip without a loss adds. */
  readonly step: Msat;
  /** Milliseconds, smoothed as for TCP's timeouts (RFC 6298). */
  readonly roundTrip: number;
  /** Unix milliseconds. */
  readonly changedAt: number;
}

/** Milliseconds that a round trip counts at most: whoever keeps an HTLC for hours would else keep a window as it is for as long. */
const LONGEST_ROUND_TRIP = 60_000;

const smoothed = (before: Window | undefined, took: number): number => {
  const sample = Math.min(took, LONGEST_ROUND_TRIP);
  return before === undefined ? sample : (7 * before.roundTrip + sample) / 8;
};

/** Less than a round trip after it changed; a clock that was set back says nothing. */
const isSameTrip = ({ changedAt, roundTrip }: Window, now: number): boolean =>
  now >= changedAt && now - changedAt < roundTrip;

const atLeastOne = (amount: bigint): Msat => msat(amount > 1n ? amount : 1n);

/** The window after a loss: of `inFlight` msat under way, the lost HTLC among them, which took `took` milliseconds. */
export const afterLoss = (before: Window | undefined, inFlight: Msat, took: number, now: number): Window => {
  const roundTrip = smoothed(before, took);
  // Losses of one round trip have one cause.
  if (before !== undefined && isSameTrip(before, now)) return { ...before, roundTrip };
  const most = before !== undefined && before.size < inFlight ? before.size : inFlight;
  return { size: atLeastOne(most / 2n), step: atLeastOne(most / 16n), roundTrip, changedAt: now };
};

/** The window after an HTLC arrived, and its answer came back within `took` milliseconds. */
export const afterArrival = (before: Window, took: number, now: number): Window => {
  const roundTrip = smoothed(before, took);
  if (isSameTrip(before, now)) return { ...before, roundTrip };
  return { ...before, size: msat(before.size + before.step), roundTrip, changedAt: now };
};

/** Whether a failure is a loss: a channel of others that could not carry the HTLC now. */
export const isLoss = ({ detail }: ShardFailure): boolean => detail?.name === 'temporary_channel_failure';
