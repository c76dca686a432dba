/**
 * Decides whether to forward an HTLC, and with which failure it fails otherwise (BOLT 4, "Failure Messages"; BOLT 7, "HTLC Fees"). Our
 * announced policy is checked here; whether the balance suffices, the outgoing channel decides.
 */
import type { Resolution } from '../../channel/model/io.ts';
import { EXPIRY_MARGIN } from '../../channel/rules/limits.ts';
import { type Failure, failureOfMalformed } from '../../onion/failuremessages.ts';
import { createFailure, wrapFailure } from '../../onion/failureonion.ts';
import type { ForwardPayload } from '../../onion/payload.ts';
import { zeros } from '../../wire/bytes.ts';
import { MAX_EXPIRY_AHEAD, type Msat } from '../../wire/units.ts';
import type { OwnPolicy } from '../graph/gossipsignatures.ts';
import { forwardingFee } from '../graph/routing.ts';

/** The channel that the onion names, with what forwarding needs of it. */
export interface OutgoingChannel {
  readonly policy: OwnPolicy;
  /** The policy before the last change: payers may not know the new one yet. */
  readonly previousPolicy?: OwnPolicy | undefined;
  readonly status: 'usable' | 'unavailable' | 'closing';
  /** Our channel_update, which the payer may learn from. */
  readonly update: Uint8Array | undefined;
}

export interface IncomingHtlc {
  readonly amount: Msat;
  readonly expiry: number;
}

/** The first term of a policy that an HTLC violates; undefined: none. */
const policyFailure = (
  incoming: IncomingHtlc,
  { amtToForward, outgoingCltvValue }: Pick<ForwardPayload, 'amtToForward' | 'outgoingCltvValue'>,
  policy: OwnPolicy,
  channel_update: Uint8Array,
): Failure | undefined => {
  if (amtToForward < policy.htlcMinimum)
    return { name: 'amount_below_minimum', htlc_msat: amtToForward, channel_update };
  if (amtToForward > policy.htlcMaximum) return { name: 'temporary_channel_failure', channel_update };
  if (incoming.amount < amtToForward + forwardingFee(policy, amtToForward))
    return { name: 'fee_insufficient', htlc_msat: incoming.amount, channel_update };
  if (incoming.expiry < outgoingCltvValue + policy.cltvExpiryDelta)
    return { name: 'incorrect_cltv_expiry', cltv_expiry: outgoingCltvValue, channel_update };
  return undefined;
};

/** The failure, or undefined to forward. For a while after a change, an HTLC may fulfil the previous policy as a whole (BOLT 7). */
export const forwardFailure = (
  incoming: IncomingHtlc,
  payload: Pick<ForwardPayload, 'amtToForward' | 'outgoingCltvValue'>,
  outgoing: OutgoingChannel | undefined,
  height: number,
): Failure | undefined => {
  const { outgoingCltvValue } = payload;
  if (outgoing === undefined || outgoing.status === 'closing') return { name: 'unknown_next_peer' };
  const { policy } = outgoing;
  const channel_update = outgoing.update ?? zeros(0);
  if (outgoing.status === 'unavailable') return { name: 'temporary_channel_failure', channel_update };
  if (policy.disabled) return { name: 'channel_disabled', disabled_flags: 0, channel_update };
  const broken = policyFailure(incoming, payload, policy, channel_update);
  const { previousPolicy } = outgoing;
  if (
    broken !== undefined &&
    (previousPolicy === undefined || policyFailure(incoming, payload, previousPolicy, channel_update))
  )
    return broken;
  if (outgoingCltvValue <= height + EXPIRY_MARGIN) return { name: 'expiry_too_soon', channel_update };
  if (outgoingCltvValue > height + MAX_EXPIRY_AHEAD) return { name: 'expiry_too_far' };
  // BOLT 2, "Forwarding HTLCs": an incoming HTLC with an expiry too far in the future is refused as well.
  if (incoming.expiry > height + MAX_EXPIRY_AHEAD + policy.cltvExpiryDelta) return { name: 'expiry_too_far' };
  return undefined;
};

/** How the incoming HTLC is failed when the outgoing one failed. */
export const returnedReason = (secret: Uint8Array, result: Exclude<Resolution, { kind: 'fulfilled' }>): Uint8Array => {
  switch (result.kind) {
    case 'failed':
      return wrapFailure(secret, result.reason);
    case 'malformed':
      return createFailure(secret, failureOfMalformed(result.failureCode, result.sha256OfOnion));
    case 'timed_out':
      return createFailure(secret, { name: 'permanent_channel_failure' });
  }
};
