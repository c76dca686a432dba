/** How payments go on after a restart. Attempts that were under way and never reached their channel were not sent, and count as failed. */
import type { PaymentInput } from '../../amp/io.ts';
import type { Payment } from '../../amp/payment.ts';
import { resumedTerms } from './invoicehints.ts';
import { decodeOrigin } from './origin.ts';
import type { PaymentsParts, Running } from './paymentparts.ts';
import { loadPaymentMachines } from './paymentstore.ts';

/** The pending payments with what their records say of them. Throws StoreError or WireError. */
export const loadedPayments = async ({ store, paymentStore }: Pick<PaymentsParts, 'store' | 'paymentStore'>) =>
  [...(await loadPaymentMachines(store))].map(
    ([id, state]) => [id, state, resumedTerms(paymentStore.pendingById(id))] as const,
  );

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
 * Attempts of payment `id` that no channel has. Those from number `first` on were begun since the node was started, so their channels
 * may have them queued.
 */
const lostAttempts = (id: string, payment: Payment, first: number, known: ReadonlySet<string>): readonly number[] =>
  payment.kind !== 'running'
    ? []
    : payment.shards.flatMap(({ state }) =>
        state.kind === 'in_flight' && state.attempt < first && !known.has(nameOf(id, state.attempt))
          ? [state.attempt]
          : [],
      );

/** What a loaded payment is told once the channels are loaded, too. `isOver`: its result is saved already. */
export const resumingInputs = (
  { id, machine: { state }, attemptsBefore }: Pick<Running, 'id' | 'machine' | 'attemptsBefore'>,
  isOver: boolean,
  known: ReadonlySet<string>,
): readonly PaymentInput[] => {
  // The node stopped before the machine was deleted.
  if (isOver) return [{ type: 'acknowledged' }];
  const lost = lostAttempts(id, state, attemptsBefore, known);
  return [
    { type: 'restored' },
    ...lost.map((attempt) => ({ type: 'outcome', attempt, outcome: { kind: 'refused', why: 'lost' } }) as const),
  ];
};
