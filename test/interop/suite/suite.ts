/** The suite of cases over one peer, by groups that each have a stage of their own. */
import type { Kind } from '../peers/peer.ts';
import { deployedAmp } from './amp.ts';
import { backup } from './backup.ts';
import { describeCases } from './case.ts';
import { closes, closesWithout, startCloses, startClosesWithout, startForced, startForcedWithout } from './closes.ts';
import { endurance } from './endurance.ts';
import { forced, forcedWithout } from './forced.ts';
import { aliases, forwards, gossip, hints, replaced, startAliasLine, startLine, startPrivateLine } from './forwards.ts';
import { payments, startPayments } from './payments.ts';
import { revoked, revokedWithout } from './revoked.ts';

/** Payments between two nodes with two channels, by AMP too. */
export const describePayments = (kind: Kind): Promise<void> =>
  describeCases(kind, 'payments', startPayments, [...payments, ...deployedAmp, ...endurance]);

/** Payments over channels without anchors, for peers that use them where they can choose. */
export const describePaymentsWithout = (kind: Kind): Promise<void> =>
  describeCases(kind, 'payments without anchors', (one) => startPayments(one, false), [...payments, ...endurance]);

/** Payments over several hops. */
export const describeForwards = (kind: Kind): Promise<void> =>
  describeCases(kind, 'several hops', startLine, [...forwards, ...replaced, ...gossip]);

/** Payments over private channels, found by hints. */
export const describeHints = (kind: Kind): Promise<void> =>
  describeCases(kind, 'private channels', startPrivateLine, hints);

/** The same with option_scid_alias in the type of the private channels, for peers that can be told to open them so. */
export const describeAliases = (kind: Kind): Promise<void> =>
  describeCases(kind, 'private channels with aliases', startAliasLine, aliases);

/** Channels closed together. */
export const describeCloses = (kind: Kind): Promise<void> => describeCases(kind, 'closes', startCloses, closes);

/** Channels without anchors closed together. */
export const describeClosesWithout = (kind: Kind): Promise<void> =>
  describeCases(kind, 'closes without anchors', startClosesWithout, closesWithout);

/** A node of ours that lost its disk; channels closed by force, HTLCs under way in them; and old states published. */
export const describeForced = (kind: Kind): Promise<void> =>
  describeCases(kind, 'closes by force', startForced, [...backup, ...forced, ...revoked]);

/** The same with channels without anchors. */
export const describeForcedWithout = (kind: Kind): Promise<void> =>
  describeCases(kind, 'closes by force without anchors', startForcedWithout, [
    ...backup,
    ...forcedWithout,
    ...revokedWithout,
  ]);
