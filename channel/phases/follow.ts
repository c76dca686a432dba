/**
 * What follows from each step of a channel that is closing, failed or on chain (BOLT 5): which outputs to watch, what to claim, which
 * HTLCs are resolved, and whether all is irrevocably resolved. Computed in one place from the states before and after.
 */

import { Transaction } from 'bitcoinjs-lib';
import { commitmentNumberOf } from '../claims/closetype.ts';
import {
  type ChainTip,
  chainResolutions,
  isIrrevocablyResolved,
  newlySettled,
  resolutionsWithoutCommitment,
} from '../claims/htlcresolution.ts';
import { claimsOf, pendingClaims, withTrackedOutputs } from '../claims/trackedoutputs.ts';
import type { TrackedOutput } from '../model/chainview.ts';
import type { Claim } from '../model/claim.ts';
import type { Effect, Input, Step } from '../model/io.ts';
import { same } from '../model/same.ts';
import type { ChannelState, Failed, Onchain } from '../model/state.ts';
import { withHtlc } from '../model/updates.ts';
import { report, resolvedEvent } from '../rules/effects.ts';
import { bumpClaim, canBump, watchRemoteCommitment } from './bump.ts';
import { closingClaims } from './closingbump.ts';

const isOnchain = (state: ChannelState): state is Onchain => state.phase === 'onchain';
const concernsIn = (state: ChannelState): readonly TrackedOutput[] => (isOnchain(state) ? state.seen.outputs : []);

/** All claims of a state. */
const wanted = (state: ChannelState, concerns: readonly TrackedOutput[]): readonly Claim[] => {
  if (isOnchain(state)) return claimsOf(concerns);
  if (state.phase === 'negotiating') return closingClaims(state);
  if (state.phase !== 'failed') return [];
  const bump = bumpClaim(state);
  return bump === undefined ? closingClaims(state) : [...closingClaims(state), bump];
};

/** Whether two states want the same. Claims are not finished for the comparison: they are signed for who gets them. */
const wantSame = (
  before: ChannelState,
  known: readonly TrackedOutput[],
  next: ChannelState,
  concerns: readonly TrackedOutput[],
) =>
  isOnchain(before) && isOnchain(next)
    ? same(pendingClaims(known), pendingClaims(concerns))
    : same(wanted(before, known), wanted(next, concerns));

/** Watches what is new, by the height of the transaction that made it. */
const watchNew = (before: readonly TrackedOutput[], now: readonly TrackedOutput[]): readonly Effect[] => {
  const known = new Set(before.map(({ key }) => key));
  const fresh = now.filter(({ key }) => !known.has(key));
  const heights = [...new Set(fresh.map(({ height }) => height))];
  return heights.map((since) => ({
    do: 'watch_outputs',
    outpoints: fresh.filter(({ height }) => height === since).map(({ outpoint }) => outpoint),
    since,
  }));
};

/** Reads the past HTLCs of a revoked commitment from the store, once. */
const askPast = (before: ChannelState | undefined, state: Onchain): readonly Effect[] => {
  if (state.by !== 'revoked' || state.seen.past !== undefined) return [];
  if (before !== undefined && isOnchain(before) && before.tx === state.tx) return [];
  const number = commitmentNumberOf(state.core, Transaction.fromBuffer(state.tx));
  return number === undefined ? [] : [{ do: 'load_past', number }];
};

/** What else the node has to watch or read, asked for once. */
const askOf = (before: ChannelState | undefined, state: ChannelState): readonly Effect[] => {
  if (isOnchain(state)) return askPast(before, state);
  if (state.phase !== 'failed' || (before?.phase === 'failed' && canBump(before))) return [];
  return watchRemoteCommitment(state);
};

/** Reports the outgoing HTLCs whose resolution has become certain. */
const tellFates = (
  state: Onchain,
  concerns: readonly TrackedOutput[],
  now: ChainTip,
): readonly [Onchain, readonly Effect[]] => {
  const told = new Map(state.seen.reported);
  const news: Effect[] = [];
  for (const [htlc, result] of chainResolutions(state, concerns, now)) {
    // A late preimage is still reported: the incoming HTLC may still be claimed with it.
    if (told.get(htlc.id) === 'fulfilled' || (told.has(htlc.id) && result.kind !== 'fulfilled')) continue;
    told.set(htlc.id, result.kind === 'fulfilled' ? 'fulfilled' : 'failed');
    news.push(resolvedEvent(htlc, result));
  }
  return news.length === 0 ? [state, []] : [{ ...state, seen: { ...state.seen, reported: told } }, news];
};

/** The same for a failed channel without a confirmed commitment: HTLCs that no commitment has an output for. */
const tellBefore = (state: Failed, now: ChainTip): Step => {
  const news = resolutionsWithoutCommitment(state, now).filter(([{ id }]) => state.reported?.has(id) !== true);
  if (news.length === 0) return [state, []];
  const told = new Set([...(state.reported ?? []), ...news.map(([{ id }]) => id)]);
  return [{ ...state, reported: told }, news.map(([htlc, result]) => resolvedEvent(htlc, result))];
};

/** Reports the incoming HTLCs that are gone for good, once each. */
const tellSettled = (
  state: Onchain,
  concerns: readonly TrackedOutput[],
  tip: number,
): readonly [Onchain, readonly Effect[]] => {
  const gone = newlySettled(state, concerns, tip);
  if (gone.length === 0) return [state, []];
  const incoming = gone.reduce((htlcs, htlc) => withHtlc(htlcs, { ...htlc, over: true }), state.core.incoming);
  return [{ ...state, core: { ...state.core, incoming } }, gone.map(({ id }) => report({ event: 'settled', id }))];
};

/** Closes the channel: its HTLCs are no longer needed. */
const close = ({ core, by }: Onchain): Step => [
  { phase: 'closed', core: { ...core, incoming: new Map(), outgoing: new Map(), fees: [] }, by },
  [report({ event: 'closed' })],
];

const followOnchain = (state: Onchain, concerns: readonly TrackedOutput[], now: ChainTip): Step => {
  // Until the watcher reports the spend in this run, a reorg may have undone it while the node was down.
  if (!state.seen.confirmed) return [state, []];
  const { height } = now;
  const [resolved, fates] = tellFates(state, concerns, now);
  const [settled, gone] = tellSettled(resolved, concerns, height);
  if (!isIrrevocablyResolved(settled, concerns, height)) return [settled, [...fates, ...gone]];
  const [closed, end] = close(settled);
  return [closed, [...fates, ...gone, ...end]];
};

/**
 * A step and what follows from it at this height of the chain. After `restored` everything is sent, otherwise what changed
 * since the state before.
 */
export const followUp = (before: ChannelState, [stepped, effects]: Step, { type }: Input, now: ChainTip): Step => {
  if (!('core' in stepped) || stepped.phase === 'open') return [stepped, effects];
  const state = isOnchain(stepped) ? withTrackedOutputs(stepped) : stepped;
  const concerns = concernsIn(state);
  const [next, news] = isOnchain(state)
    ? followOnchain(state, concerns, now)
    : state.phase === 'failed'
      ? tellBefore(state, now)
      : [state, []];
  const again = type === 'restored';
  if (!again && next === before) return [next, [...effects, ...news]];
  const known = again ? [] : concernsIn(before);
  const ask = askOf(again ? undefined : before, next);
  const say: readonly Effect[] =
    !again && wantSame(before, known, next, concerns) ? [] : [{ do: 'claims', claims: wanted(next, concerns) }];
  return [next, [...effects, ...watchNew(known, concerns), ...ask, ...say, ...news]];
};
