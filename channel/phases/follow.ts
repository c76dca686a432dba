/**
 * What follows from a step for a channel that is closed together, given up or on chain: which outputs to watch, what to claim, which HTLCs ended,
 * whether all is over. Worked out from the states before and after, in one place, so that no input can forget it.
 */

import { Transaction } from 'bitcoinjs-lib';
import { spendNumber } from '../claims/closetype.ts';
import { chainFates, fatesBefore, isOver, type Now, newlySettled } from '../claims/htlcresolution.ts';
import { type Concern, claimsOf, concernsOf, pending } from '../claims/trackedoutputs.ts';
import type { Claim } from '../model/claim.ts';
import type { Effect, Input, Step } from '../model/io.ts';
import { same } from '../model/same.ts';
import type { ChannelState, Failed, Onchain } from '../model/state.ts';
import { withHtlc } from '../model/updates.ts';
import { report, resolved } from '../rules/effects.ts';
import { bumpClaim, canBump, watchRival } from './bump.ts';
import { closingClaims } from './closingbump.ts';

const isOnchain = (state: ChannelState): state is Onchain => state.phase === 'onchain';
const concernsIn = (state: ChannelState): readonly Concern[] => (isOnchain(state) ? concernsOf(state) : []);

/** All that a state wants claimed. */
const wanted = (state: ChannelState, concerns: readonly Concern[]): readonly Claim[] => {
  if (isOnchain(state)) return claimsOf(state, concerns);
  if (state.phase === 'negotiating') return closingClaims(state);
  if (state.phase !== 'failed') return [];
  const bump = bumpClaim(state);
  return bump === undefined ? closingClaims(state) : [...closingClaims(state), bump];
};

/** Whether two states want the same. Claims are not finished for the comparison: they are signed for who gets them. */
const wantSame = (before: ChannelState, known: readonly Concern[], next: ChannelState, concerns: readonly Concern[]) =>
  isOnchain(before) && isOnchain(next)
    ? same(pending(known), pending(concerns))
    : same(wanted(before, known), wanted(next, concerns));

/** Watches what is new, by the height of the transaction that made it. */
const watchNew = (before: readonly Concern[], now: readonly Concern[]): readonly Effect[] => {
  const known = new Set(before.map(({ key }) => key));
  const fresh = now.filter(({ key }) => !known.has(key));
  const heights = [...new Set(fresh.map(({ height }) => height))];
  return heights.map((since) => ({
    do: 'watch_outputs',
    outpoints: fresh.filter(({ height }) => height === since).map(({ outpoint }) => outpoint),
    since,
  }));
};

/** Asks once for the HTLCs of each revoked commitment that is seen. */
const askPast = (before: ChannelState | undefined, state: Onchain): readonly Effect[] => {
  if (state.by !== 'revoked' || state.seen.past !== undefined) return [];
  if (before !== undefined && isOnchain(before) && before.tx === state.tx) return [];
  const number = spendNumber(state.core, Transaction.fromBuffer(state.tx));
  return number === undefined ? [] : [{ do: 'load_past', number }];
};

/** What else is to be looked for, once for each state that wants it. */
const askOf = (before: ChannelState | undefined, state: ChannelState): readonly Effect[] => {
  if (isOnchain(state)) return askPast(before, state);
  if (state.phase !== 'failed' || (before?.phase === 'failed' && canBump(before))) return [];
  return watchRival(state);
};

/** Tells the fates of our HTLCs that have become certain. */
const tellFates = (state: Onchain, concerns: readonly Concern[], now: Now): readonly [Onchain, readonly Effect[]] => {
  const told = new Map(state.seen.told);
  const news: Effect[] = [];
  for (const [htlc, result] of chainFates(state, concerns, now)) {
    // A preimage that comes after all is still worth telling: perhaps what paid for it can still be claimed.
    if (told.get(htlc.id) === 'fulfilled' || (told.has(htlc.id) && result.kind !== 'fulfilled')) continue;
    told.set(htlc.id, result.kind === 'fulfilled' ? 'fulfilled' : 'failed');
    news.push(resolved(htlc, result));
  }
  return news.length === 0 ? [state, []] : [{ ...state, seen: { ...state.seen, told } }, news];
};

/** The same of a channel that waits for its commitment to be mined: those that no commitment has an output for. */
const tellBefore = (state: Failed, now: Now): Step => {
  const news = fatesBefore(state, now).filter(([{ id }]) => state.told?.has(id) !== true);
  if (news.length === 0) return [state, []];
  const told = new Set([...(state.told ?? []), ...news.map(([{ id }]) => id)]);
  return [{ ...state, told }, news.map(([htlc, result]) => resolved(htlc, result))];
};

/** Tells which of the peer's HTLCs are gone, once for good. */
const tellSettled = (
  state: Onchain,
  concerns: readonly Concern[],
  tip: number,
): readonly [Onchain, readonly Effect[]] => {
  const gone = newlySettled(state, concerns, tip);
  if (gone.length === 0) return [state, []];
  const incoming = gone.reduce((htlcs, htlc) => withHtlc(htlcs, { ...htlc, over: true }), state.core.incoming);
  return [{ ...state, core: { ...state.core, incoming } }, gone.map(({ id }) => report({ event: 'settled', id }))];
};

/** The end: nothing of the HTLCs is needed any more. */
const close = ({ core, by }: Onchain): Step => [
  { phase: 'closed', core: { ...core, incoming: new Map(), outgoing: new Map(), fees: [] }, by },
  [report({ event: 'closed' })],
];

const followOnchain = (state: Onchain, concerns: readonly Concern[], now: Now): Step => {
  // Before the chain has told of the spend in this run, a reorg may have taken it while we were away.
  if (!state.seen.confirmed) return [state, []];
  const { tip } = now;
  const [resolved, fates] = tellFates(state, concerns, now);
  const [settled, gone] = tellSettled(resolved, concerns, tip);
  if (!isOver(settled, concerns, tip)) return [settled, [...fates, ...gone]];
  const [closed, end] = close(settled);
  return [closed, [...fates, ...gone, ...end]];
};

/**
 * A step and what follows from it at this height of the chain. After `restored` everything is said, else what changed: claims
 * are the same function of the state before, so what was said is known.
 */
export const follow = (before: ChannelState, [state, effects]: Step, { type }: Input, now: Now): Step => {
  if (!('core' in state) || state.phase === 'open') return [state, effects];
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
