/**
 * When an open channel must go on chain for an HTLC (BOLT 2, "cltv_expiry_delta Selection"), and when an offer must not be signed
 * any more.
 */

import type { Fault } from '../model/errors.ts';
import { preimageOf } from '../model/htlc.ts';
import type { Core, Htlc } from '../model/state.ts';
import { isIrrevocable, isSigned } from '../model/updates.ts';

/** Blocks past its expiry that the peer gets to remove an HTLC of ours (BOLT 2: the grace period G). */
export const GRACE_PERIOD = 3;

/** Whether some commitment that may still be published contains it. */
const isCommitted = ({ added, removal }: Htlc, { head }: Core): boolean =>
  isSigned(added) && (removal === undefined || !isIrrevocable(removal.marks, head));

/** The height at which an HTLC forces the channel closed; undefined where only the peer can lose by it. */
const deadlineOf = (htlc: Htlc): number | undefined => {
  if (htlc.way === 'out') return htlc.expiry + GRACE_PERIOD;
  return preimageOf(htlc) === undefined ? undefined : htlc.expiry - CLAIM_BUFFER;
};

/**
 * Blocks before its expiry from which on an offer is not signed any more. It is refused instead, and
 * the incoming HTLC fails back long before its own deadline.
 */
export const SIGNING_MARGIN = 2;

const isStale = ({ added, expiry }: Htlc, height: number): boolean =>
  !isSigned(added) && expiry <= height + SIGNING_MARGIN;

/** The fault of an offer that waited too long for its signature; a disconnect takes it back. */
export const staleOfferFault = (core: Core, height: number): Fault | undefined => {
  for (const htlc of core.outgoing.values())
    if (isStale(htlc, height)) return { code: 'offer_withdrawn', id: htlc.id, why: `it expires at ${htlc.expiry}` };
  return undefined;
};

/** The fault of the HTLC whose deadline is reached at this height. */
export const deadlineFault = (core: Core, height: number): Fault | undefined => {
  for (const htlc of [...core.outgoing.values(), ...core.incoming.values()]) {
    const deadline = deadlineOf(htlc);
    if (deadline !== undefined && height >= deadline && isCommitted(htlc, core))
      return { code: 'htlc_deadline', id: htlc.id, expiry: htlc.expiry };
  }
  return undefined;
};

/** BOLT 2, "cltv_expiry_delta Selection": blocks before an expiry at which we force-close to claim in time. */
export const CLAIM_BUFFER = 18;
