/**
 * What follows from each step of a channel that is closing, failed or on chain (BOLT 5): which outputs to watch, what to claim, which
 * HTLCs are resolved, and whether all is irrevocably resolved. Computed in one place from the states before and after.
 */

import { Transaction } from 'bitcoinjs-lib';
import { sat } from '../../wire/units.ts';
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
import { deepEqual } from '../model/deepequal.ts';
import type { Effect, Input, Step } from '../model/io.ts';
import type { ChannelState, Failed, FinalSpend, Onchain } from '../model/state.ts';
import { withHtlc } from '../model/updates.ts';
import { report, resolvedEvent } from '../rules/effects.ts';
import { transactionId } from '../tx/transaction.ts';
import { bumpClaim, canBump, watchRemoteCommitment } from './anchorcpfp.ts';
import { closingClaims } from './closingcpfp.ts';

const isOnchain = (state: ChannelState): state is Onchain => state.phase === 'onchain';
const trackedOutputsOf = (state: ChannelState): readonly TrackedOutput[] =>
  isOnchain(state) ? state.chainView.outputs : [];

/** All claims of a state. */
const allClaims = (state: ChannelState, tracked: readonly TrackedOutput[]): readonly Claim[] => {
  if (isOnchain(state)) return claimsOf(tracked);
  if (state.phase === 'negotiating') return closingClaims(state);
  if (state.phase !== 'failed') return [];
  const bump = bumpClaim(state);
  return bump === undefined ? closingClaims(state) : [...closingClaims(state), bump];
};

/** Whether two states have the same claims. They are compared unsigned: signing is left until they are handed out. */
const isSameClaims = (
  before: ChannelState,
  known: readonly TrackedOutput[],
  next: ChannelState,
  tracked: readonly TrackedOutput[],
) =>
  isOnchain(before) && isOnchain(next)
    ? deepEqual(pendingClaims(known), pendingClaims(tracked))
    : deepEqual(allClaims(before, known), allClaims(next, tracked));

/** Watches outputs tracked since the last step, grouped by the height of the transaction that has them. */
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
const loadPastHtlcs = (before: ChannelState | undefined, state: Onchain): readonly Effect[] => {
  if (state.by !== 'revoked' || state.chainView.past !== undefined) return [];
  if (before !== undefined && isOnchain(before) && before.tx === state.tx) return [];
  const number = commitmentNumberOf(state.core, Transaction.fromBuffer(state.tx));
  return number === undefined ? [] : [{ do: 'load_past', number }];
};

/** What else the node has to watch or read; requested once. */
const requestsOf = (before: ChannelState | undefined, state: ChannelState): readonly Effect[] => {
  if (isOnchain(state)) return loadPastHtlcs(before, state);
  if (state.phase !== 'failed' || (before?.phase === 'failed' && canBump(before))) return [];
  return watchRemoteCommitment(state);
};

/** Reports outgoing HTLCs whose resolution has become certain. */
const reportResolutions = (
  state: Onchain,
  tracked: readonly TrackedOutput[],
  now: ChainTip,
): readonly [Onchain, readonly Effect[]] => {
  const told = new Map(state.chainView.reported);
  const news: Effect[] = [];
  for (const [htlc, result] of chainResolutions(state, tracked, now)) {
    // A late preimage is still reported: the incoming HTLC may still be claimed with it.
    if (told.get(htlc.id) === 'fulfilled' || (told.has(htlc.id) && result.kind !== 'fulfilled')) continue;
    told.set(htlc.id, result.kind === 'fulfilled' ? 'fulfilled' : 'failed');
    news.push(resolvedEvent(htlc, result));
  }
  return news.length === 0 ? [state, []] : [{ ...state, chainView: { ...state.chainView, reported: told } }, news];
};

/** The same for a failed channel without a confirmed commitment: HTLCs that no commitment has an output for. */
const reportWithoutCommitment = (state: Failed, now: ChainTip): Step => {
  const news = resolutionsWithoutCommitment(state, now).filter(([{ id }]) => state.reported?.has(id) !== true);
  if (news.length === 0) return [state, []];
  const told = new Set([...(state.reported ?? []), ...news.map(([{ id }]) => id)]);
  return [{ ...state, reported: told }, news.map(([htlc, result]) => resolvedEvent(htlc, result))];
};

/** Reports incoming HTLCs that are irrevocably resolved, once each. */
const reportSettled = (
  state: Onchain,
  tracked: readonly TrackedOutput[],
  tip: number,
): readonly [Onchain, readonly Effect[]] => {
  const gone = newlySettled(state, tracked, tip);
  if (gone.length === 0) return [state, []];
  const incoming = gone.reduce((htlcs, htlc) => withHtlc(htlcs, { ...htlc, over: true }), state.core.incoming);
  return [{ ...state, core: { ...state.core, incoming } }, gone.map(({ id }) => report({ event: 'settled', id }))];
};

/** What is kept of the transaction that closed a channel, for those who ask later. */
const finalSpendOf = ({ core, tx, height }: Onchain): FinalSpend => {
  const spend = Transaction.fromBuffer(tx);
  const paid = spend.outs.reduce((sum, { value }) => sum + BigInt(value), 0n);
  const isAlone = spend.ins.length === 1 && paid <= core.params.capacity;
  return { txid: transactionId(spend), fee: isAlone ? sat(core.params.capacity - paid) : undefined, height };
};

/** Closes the channel: its HTLCs are no longer needed. */
const close = (state: Onchain): Step => {
  const { core, by } = state;
  const closed = { ...core, incoming: new Map(), outgoing: new Map(), fees: [] };
  return [{ phase: 'closed', core: closed, by, spend: finalSpendOf(state) }, [report({ event: 'closed' })]];
};

const followOnchain = (state: Onchain, tracked: readonly TrackedOutput[], now: ChainTip): Step => {
  // Until the watcher reports the spend in this run, a reorg may have undone it while the node was down.
  if (!state.chainView.confirmed) return [state, []];
  const { height } = now;
  const [resolved, resolutions] = reportResolutions(state, tracked, now);
  const [settled, gone] = reportSettled(resolved, tracked, height);
  if (!isIrrevocablyResolved(settled, tracked, height)) return [settled, [...resolutions, ...gone]];
  const [closed, end] = close(settled);
  return [closed, [...resolutions, ...gone, ...end]];
};

/**
 * A step and what follows from it at this height of the chain. After `restored` everything is sent, otherwise what changed
 * since the state before.
 */
export const followUp = (before: ChannelState, [stepped, effects]: Step, { type }: Input, now: ChainTip): Step => {
  if (!('core' in stepped) || stepped.phase === 'open') return [stepped, effects];
  const state = isOnchain(stepped) ? withTrackedOutputs(stepped) : stepped;
  const tracked = trackedOutputsOf(state);
  const [next, news] = isOnchain(state)
    ? followOnchain(state, tracked, now)
    : state.phase === 'failed'
      ? reportWithoutCommitment(state, now)
      : [state, []];
  const again = type === 'restored';
  if (!again && next === before) return [next, [...effects, ...news]];
  const known = again ? [] : trackedOutputsOf(before);
  const requests = requestsOf(again ? undefined : before, next);
  const claims: readonly Effect[] =
    !again && isSameClaims(before, known, next, tracked) ? [] : [{ do: 'claims', claims: allClaims(next, tracked) }];
  return [next, [...effects, ...watchNew(known, tracked), ...requests, ...claims, ...news]];
};
