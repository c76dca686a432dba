/**
 * Commitments without anchors whose feerate is too low (BOLT 2, "Updating Fees"). Nobody can add to their fee, and only the funder can
 * raise it; otherwise claims wait in the mempool until their HTLCs have expired. Such a channel takes no new HTLCs, and is force-closed
 * in time where HTLCs could be lost.
 */

import type { Fault } from '../model/errors.ts';
import type { Context } from '../model/io.ts';
import { feerateOf, inLocal, inNextLocal, inNextRemote, specOf } from '../model/spec.ts';
import type { Core, Htlc, Params } from '../model/state.ts';
import { formats } from '../tx/commitmentformats.ts';
import { CLAIM_BUFFER, GRACE_PERIOD } from './deadlines.ts';
import { isTrimmedFor } from './exposure.ts';

/**
 * How many times less than our estimate such a commitment may pay. The estimate is for six blocks; what pays half of it is rarely
 * more than some hours from being mined, and a funder whose own estimate is lower than ours is not off by more.
 */
const SHORTFALL = 2;
/** Blocks that a claim is given beyond its usual time when its commitment pays too little: half a day in which fees may fall. */
export const SLOW_CONFIRMATION = 72;

const isTooLittle = ({ format }: Params, feerate: number, estimate: number): boolean =>
  formats[format].anchor === undefined && feerate * SHORTFALL < estimate;

/**
 * The least that our estimate asks of a commitment that is to carry HTLCs; undefined where it is paid. A change of feerate that is
 * said already will be in every commitment of ours with an HTLC that is offered after it.
 */
export const missingFeerate = (
  core: Core,
  { neededFeerate: estimate }: Pick<Context, 'neededFeerate'>,
): number | undefined => {
  const next = core.params.role === 'funder' ? inNextRemote : inNextLocal(core.head.remote);
  return isTooLittle(core.params, feerateOf(core, next), estimate) ? Math.ceil(estimate / SHORTFALL) : undefined;
};

/** The height from which on an HTLC of our commitment is in danger; undefined where it goes back to the peer anyway. */
const dangerFrom = ({ way, expiry, removal }: Htlc): number | undefined => {
  if (way === 'out') return expiry + GRACE_PERIOD - SLOW_CONFIRMATION;
  return removal === undefined || removal.ending.kind === 'fulfill'
    ? expiry - CLAIM_BUFFER - SLOW_CONFIRMATION
    : undefined;
};

/**
 * The HTLC for which an underpaid commitment must be published at this height, as a fault. Only when the funder had the time to
 * raise the feerate and did not; never for HTLCs without an output, nor for a channel without any.
 */
export const underpaidFault = (core: Core, height: number, { steadyFeerate }: Context): Fault | undefined => {
  const { params, head } = core;
  const { feerate, htlcs } = specOf(core, inLocal(head.local));
  if (!isTooLittle(params, feerate, steadyFeerate)) return undefined;
  for (const htlc of htlcs) {
    const from = dangerFrom(htlc);
    if (from !== undefined && height >= from && !isTrimmedFor(params, 'local', feerate, htlc))
      return { code: 'commitment_underpaid', feerate, estimate: steadyFeerate, id: htlc.id, expiry: htlc.expiry };
  }
  return undefined;
};
