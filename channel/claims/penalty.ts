/** BOLT 5, "Revoked Transaction Close Handling": what is taken of a revoked commitment, and of the HTLC transactions that spend it. */
import type { ClassifiedOutput, OutputLocation } from '../model/chainview.ts';
import type { SweepClaim } from '../model/claim.ts';
import { type ClaimContext, type SweepTerms, sweep } from './sweepclaim.ts';

/** A delayed output of a revoked commitment, or of an HTLC transaction that spends one: before the peer's to_self_delay is over. */
export const delayedPenalty = (
  { whose, delay }: ClaimContext,
  scriptCode: Uint8Array,
  place: OutputLocation,
  why: SweepTerms['why'],
) =>
  sweep(place, {
    why,
    from: place.height,
    deadline: place.height + delay,
    scriptCode,
    unlock: { by: 'revocation', number: whose.number },
  });

/** Any HTLC of a revoked commitment. An HTLC transaction of the peer's only moves it to a delayed output, which we can claim too. */
export const claimRevokedHtlc = (
  { whose, delay }: ClaimContext,
  { scriptCode }: Extract<ClassifiedOutput, { kind: 'htlc' }>,
  place: OutputLocation,
): SweepClaim =>
  sweep(place, {
    why: 'penalty htlc',
    from: place.height,
    deadline: place.height + delay,
    scriptCode,
    unlock: { by: 'htlc_revocation', number: whose.number },
  });
