/** The default of the anchor reserve: coins that stay in the wallet for channels with anchors (see reserve.ts). */
import { type Sat, sat } from '../../wire/units.ts';

/** Kept for each channel with anchors, sat, and for all of them together at most. Zero: no reserve. */
export interface AnchorReserve {
  readonly perChannel: Sat;
  readonly most: Sat;
}

/**
 * One channel, one HTLC, and 20 sat/vbyte: a child of 180 vbytes that lifts a commitment of 410 from the 10 sat/vbyte that it
 * pays itself is 7,700 sat, an HTLC transaction with a coin of 276 vbytes 5,500, and as much again for a second HTLC or for a
 * higher feerate. All channels of a node do not fail in the same hours unless the node was away; then ten are paid for.
 */
export const defaultReserve: AnchorReserve = { perChannel: sat(25_000n), most: sat(250_000n) };
