/**
 * When an open channel must go on chain for an HTLC's sake (BOLT 2, "cltv_expiry_delta Selection"), and when an offer that was
 * not signed yet must not be signed any more.
 */

import type { Fault } from '../model/errors.ts';
import { preimageOf } from '../model/htlc.ts';
import type { Core, Htlc } from '../model/state.ts';
import { isDone, isSigned } from '../model/updates.ts';

/** Blocks past its expiry that the peer gets to end an HTLC of ours. */
export const GRACE = 3;

/** Whether some commitment that may still be published contains it. */
const isCommitted = ({ added, removal }: Htlc, { head }: Core): boolean =>
  isSigned(added) && (removal === undefined || !isDone(removal.marks, head));

/** The height at which an HTLC makes us give up on the peer; undefined where the peer alone has something to lose. */
const deadlineOf = (htlc: Htlc): number | undefined => {
  if (htlc.way === 'out') return htlc.expiry + GRACE;
  return preimageOf(htlc) === undefined ? undefined : htlc.expiry - SAFETY;
};

/**
 * Blocks before its expiry from which on an offer is not signed any more. It was made with more than that left; what it was made for
 * fails back instead, long before its own deadline.
 */
export const SIGNING_MARGIN = 2;

const isStale = ({ added, expiry }: Htlc, height: number): boolean =>
  !isSigned(added) && expiry <= height + SIGNING_MARGIN;

/** An offer that waited too long for its signature, as a fault; only with the connection can it be taken back. */
export const staleFault = (core: Core, height: number): Fault | undefined => {
  for (const htlc of core.outgoing.values())
    if (isStale(htlc, height)) return { code: 'offer_withdrawn', id: htlc.id, why: `it expires at ${htlc.expiry}` };
  return undefined;
};

/** The HTLC for which we cannot wait any longer at this height, as a fault. */
export const deadlineFault = (core: Core, height: number): Fault | undefined => {
  for (const htlc of [...core.outgoing.values(), ...core.incoming.values()]) {
    const deadline = deadlineOf(htlc);
    if (deadline !== undefined && height >= deadline && isCommitted(htlc, core))
      return { code: 'htlc_deadline', id: htlc.id, expiry: htlc.expiry };
  }
  return undefined;
};

/** BOLT 2, "cltv_expiry_delta Selection": how long before an expiry we need the chain, and how long after we may. */
export const SAFETY = 18;
