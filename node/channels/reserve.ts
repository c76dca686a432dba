/**
 * The anchor reserve: coins that stay in the wallet so that channels with anchors can be closed on chain. Their commitments pay low fees
 * and their HTLC transactions none, so a node without coins cannot claim in time when a peer stops responding.
 */

import { type Sat, sat } from '../../wire/units.ts';
import type { Log } from '../ports/ports.ts';
import type { Wallet } from '../wallet/wallet.ts';
import { type AnchorReserve, defaultReserve } from './anchorreserve.ts';
import type { Entry } from './entry.ts';
import { isUnfunded } from './unfundedlimits.ts';

/** Whether a channel may need coins of the wallet for its claims. */
export const hasAnchors = ({ machine: { state } }: Entry): boolean => {
  if (state.phase === 'closed' || state.phase === 'abandoned') return false;
  const { format } = 'core' in state ? state.core.params : 'params' in state ? state.params : state.proposal;
  return format === 'anchors_zero_fee_htlc_tx';
};

/**
 * The sum to keep in the wallet, for the channels there are and those with anchors about to be opened. Channels that peers open count once
 * their funding is confirmed: before, none of our money is in them, and a mere request must not freeze our coins.
 */
export const reserveOf = ({ perChannel, most }: AnchorReserve, entries: Iterable<Entry>, more = 0): Sat => {
  const channels = [...entries].filter((entry) => hasAnchors(entry) && !isUnfunded(entry)).length + more;
  const all = perChannel * BigInt(channels);
  return sat(all < most ? all : most);
};

/**
 * A warning for operators that the wallet has less than the reserve; undefined where it has enough. Where no reserve is configured, the
 * default one counts.
 */
export const shortageOf = (reserve: AnchorReserve, entries: Iterable<Entry>, wallet: Wallet, more = 0) => {
  const asked = reserve.perChannel === 0n ? defaultReserve : reserve;
  const wanted = reserveOf(asked, entries, more);
  const held = wallet.forClaims();
  if (held >= wanted) return undefined;
  return (
    `${held} sat in the wallet, ${wanted} sat are needed there for channels with anchors: a peer that stops responding could keep ` +
    'HTLCs that are ours, since the fees of claims could not be paid; send coins to an address of this node (newaddr)'
  );
};

/** Logs that warning, where there is one. */
export const warnOfShortage = (log: Log, shortage: string | undefined): void => {
  if (shortage !== undefined) log.warn({}, shortage);
};
