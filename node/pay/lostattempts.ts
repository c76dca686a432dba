/** Attempts that were under way when the node was stopped, and never reached their channel: nothing of them was sent. */
import type { Payment } from '../../amp/payment.ts';
import { decodeOrigin } from './origin.ts';

const nameOf = (payment: string, attempt: number): string => `${payment}/${attempt}`;

/** The attempts of our own payments among HTLCs that channels have offered, by name. */
export const attemptsAmong = (
  offered: Iterable<{ readonly htlc: { readonly origin: Uint8Array } }>,
): ReadonlySet<string> => {
  const names = new Set<string>();
  for (const { htlc } of offered) {
    const origin = decodeOrigin(htlc.origin);
    if (origin.kind === 'payment') names.add(nameOf(origin.payment, origin.attempt));
  }
  return names;
};

/**
 * Those of payment `id` that no channel has. Attempts from number `first` on were begun since the node was started, so their
 * channels may have them queued.
 */
export const lostAttempts = (
  id: string,
  payment: Payment,
  first: number,
  known: ReadonlySet<string>,
): readonly number[] =>
  payment.kind !== 'running'
    ? []
    : payment.shards.flatMap(({ state }) =>
        state.kind === 'in_flight' && state.attempt < first && !known.has(nameOf(id, state.attempt))
          ? [state.attempt]
          : [],
      );
