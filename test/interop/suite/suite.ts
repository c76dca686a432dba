/** The suite of cases over one peer, by groups that each have a stage of their own. */
import type { Kind } from '../peers/peer.ts';
import { deployedAmp } from './amp.ts';
import { describeCases } from './case.ts';
import { closes, forced, startCloses } from './closes.ts';
import { forwards, hints, replaced, startLine, startPrivateLine } from './forwards.ts';
import { payments, startPayments } from './payments.ts';

/** Payments between two nodes with two channels, by AMP too. */
export const describePayments = (kind: Kind): Promise<void> =>
  describeCases(kind, 'payments', startPayments, [...payments, ...deployedAmp]);

/** Payments over several hops. */
export const describeForwards = (kind: Kind): Promise<void> =>
  describeCases(kind, 'several hops', startLine, [...forwards, replaced]);

/** Payments over private channels, found by hints. */
export const describeHints = (kind: Kind): Promise<void> =>
  describeCases(kind, 'private channels', startPrivateLine, hints);

/** Channels closed together. */
export const describeCloses = (kind: Kind): Promise<void> => describeCases(kind, 'closes', startCloses, closes);

/** Channels closed by force, HTLCs under way in them. */
export const describeForced = (kind: Kind): Promise<void> =>
  describeCases(kind, 'closes by force', startCloses, forced);
