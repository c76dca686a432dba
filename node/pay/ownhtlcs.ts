/** The results of HTLCs that this node sent for itself, brought to what sent them. */
import type { Outcome } from '../../amp/io.ts';
import type { OwnOrigin } from './origin.ts';
import type { Payments } from './payments.ts';
import type { Probes } from './probes.ts';
import type { Sendpays } from './sendpays.ts';

export interface OwnHtlcs {
  /** Resolves once the result is handed to the store, or nothing wants it. */
  outcome(origin: OwnOrigin, outcome: Outcome): Promise<void>;
}

export const ownHtlcs = (
  payments: Pick<Payments, 'outcome'>,
  sendpays: Pick<Sendpays, 'outcome'>,
  probes: Pick<Probes, 'outcome'>,
): OwnHtlcs => ({
  outcome: async (origin, outcome) => {
    switch (origin.kind) {
      case 'payment':
        return payments.outcome(origin.payment, origin.attempt, outcome);
      case 'sendpay':
        return sendpays.outcome(origin.number, outcome);
      case 'probe':
        return probes.outcome(origin.number, outcome);
    }
  },
});
