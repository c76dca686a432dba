/** The suite of cases over one peer, by groups that each have a stage of their own. */
import type { Kind } from '../peers/peer.ts';
import { deployedAmp } from './amp.ts';
import { describeCases } from './case.ts';
import { payments, startPayments } from './payments.ts';

/** Payments between two nodes with two channels, by AMP too. */
export const describePayments = (kind: Kind): Promise<void> =>
  describeCases(kind, 'payments', startPayments, [...payments, ...deployedAmp]);
