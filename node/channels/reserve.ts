/**
 * The anchor reserve: coins that stay in the wallet so that channels with anchors can be taken to the chain. Their commitments
 * pay little and their HTLC transactions nothing, so whoever has no coins when a peer falls silent cannot claim in time.
 */

import { type Sat, sat } from '../../wire/units.ts';
import type { Log } from '../ports/ports.ts';
import type { Wallet } from '../wallet/wallet.ts';
import { type AnchorReserve, defaultReserve } from './anchorreserve.ts';
import type { Entry } from './entry.ts';
import { isUnfunded } from './unfundedlimits.ts';

/** Whether a channel may need coins of the wallet one day. */
export const hasAnchors = ({ machine: { state } }: Entry): boolean => {
  if (state.phase === 'closed' || state.phase === 'abandoned') return false;
  const { format } = 'core' in state ? state.core.params : 'params' in state ? state.params : state.proposal;
  return format === 'anchors_zero_fee_htlc_tx';
};

/**
 * What is to stay in the wallet, given the channels there are and how many more with anchors are to be opened. Those that peers
 * ask for count once their funding is in the chain: before, they hold nothing, and whoever only asks must not freeze our coins.
 */
export const reserveOf = ({ perChannel, most }: AnchorReserve, entries: Iterable<Entry>, more = 0): Sat => {
  const channels = [...entries].filter((entry) => hasAnchors(entry) && !isUnfunded(entry)).length + more;
  const all = perChannel * BigInt(channels);
  return sat(all < most ? all : most);
};

/**
 * What is at risk for want of coins, as a sentence for operators; undefined where there is enough. Where nothing is kept by
 * configuration, it is told by what would be kept elsewhere.
 */
export const shortageOf = (reserve: AnchorReserve, entries: Iterable<Entry>, wallet: Wallet, more = 0) => {
  const asked = reserve.perChannel === 0n ? defaultReserve : reserve;
  const wanted = reserveOf(asked, entries, more);
  const held = wallet.forClaims();
  if (held >= wanted) return undefined;
  return (
    `${held} sat in the wallet, ${wanted} sat should stay there for channels with anchors: a peer that falls silent could keep ` +
    'what it owes, for there is nothing to pay the fees of claims with; send coins to an address of this node (newaddr)'
  );
};

/** Says so in the log, where it is so. */
export const warnOfShortage = (log: Log, shortage: string | undefined): void => {
  if (shortage !== undefined) log.warn({}, shortage);
};
