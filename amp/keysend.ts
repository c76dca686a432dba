/**
 * What a payee checks of a keysend, a payment without an invoice whose onion brings the preimage (record 5482373484, in no BOLT). It
 * is one HTLC, which is whole by itself.
 */
import { equal } from '../wire/bytes.ts';
import { sha256 } from '../wire/crypto.ts';
import type { Refusal } from './events.ts';
import type { Keysend, ReceiverContext } from './io.ts';
import type { HtlcInput } from './sets.ts';

/** The keysend in an HTLC, if it is one. */
export const keysendOf = ({ payload }: HtlcInput): Keysend | undefined =>
  payload.kind === 'ordinary' ? payload.keysend : undefined;

/**
 * Why a keysend is refused, undefined where it is taken. It pays no invoice: one with the same payment hash, in whatever state, has a
 * secret and an amount of its own, which whoever knows its preimage must not be able to go around.
 */
export const checkKeysend = (
  { paymentHash, payload, invoice }: HtlcInput,
  { preimage }: Keysend,
  { spontaneous }: Pick<ReceiverContext, 'spontaneous'>,
): Refusal | undefined => {
  if (!spontaneous) return 'spontaneous_refused';
  if (!equal(sha256(preimage), paymentHash)) return 'wrong_hash';
  if (invoice !== undefined) return 'no_open_invoice';
  // One that says it is a part of more is not supported, as by lnd.
  return payload.kind === 'ordinary' && payload.total !== payload.amount ? 'total_mismatch' : undefined;
};
