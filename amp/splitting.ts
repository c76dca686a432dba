/** A shard that failed, finds no route or is over a window: cut in two, or given up where the others are enough. */

import type { Msat } from '../wire/units.ts';
import type { PaymentFailure } from './events.ts';
import type { PaymentContext } from './io.ts';
import { type PendingStep, withProgress, withReport, withShard, withState } from './offering.ts';
import { type Running, redundancyOf, type Shard, schemeOf, strategyOf, wishOf } from './payment.ts';
import { splitPieces, unknownStrategy } from './strategies.ts';
import type { Piece } from './strategy.ts';

/**
 * Cuts shard `i`, whose route was found, to what the congestion windows leave on it, if its strategy asks for that and many further
 * shards could be made: those that find no route must still be cut, too.
 */
export const cutToWindow = (
  pending: PendingStep,
  i: number,
  window: Msat | undefined,
  context: PaymentContext,
): PendingStep | PaymentFailure | undefined => {
  const { request, shards } = pending.payment;
  if (window === undefined || (shards[i]?.amount ?? window) <= window) return undefined;
  if (strategyOf(request, context)?.usesWindows !== true || 2 * shards.length >= request.maxShards) return undefined;
  return split(pending, i, { cause: 'over_window', largest: window }, context);
};

/** Channels of others that did not carry an amount, or up to an eighth more or less: what failed had fees on top, or another part of them. */
const refusalsOf = ({ learnt }: Running, amount: Msat): number =>
  learnt.excluded.filter(({ from, atLeast }) => from !== undefined && atLeast > 0n && atLeast * 8n <= amount * 9n)
    .length;

/**
 * Cuts shard `i` in two, when its scheme, the request's bounds and its strategy allow it; undefined otherwise. A failure where
 * the strategy is at fault.
 */
export const split = (
  pending: PendingStep,
  i: number,
  { cause, largest }: Pick<Piece, 'cause' | 'largest'>,
  context: PaymentContext,
): PendingStep | PaymentFailure | undefined => {
  const { payment } = pending;
  const { request, progress, shards } = payment;
  const shard = shards[i];
  const scheme = schemeOf(request, context);
  // Of so many equal shards any will do: two that are smaller would not.
  if (redundancyOf(request) > 0) return undefined;
  const most = scheme?.fixesCount === true ? (request.shards ?? request.maxShards) : request.maxShards;
  if (shard === undefined || request.scheme === 'single' || shards.length >= most) return undefined;
  const strategy = strategyOf(request, context);
  if (strategy === undefined) return unknownStrategy(context.strategies);
  const { amount } = shard;
  const refusals = refusalsOf(payment, amount);
  const amounts = splitPieces(strategy, wishOf(request), { amount, cause, largest, refusals });
  if (amounts === undefined || 'code' in amounts) return amounts;

  let sender = progress.sender;
  let shares: readonly [Shard['assigned'], Shard['assigned']] = [undefined, undefined];
  if (shard.assigned !== undefined && sender !== undefined) {
    const cut = scheme?.split(sender, request.entropy, shard.assigned);
    if (cut === undefined) return undefined;
    shares = [cut[0], cut[1]];
    sender = cut[2];
  }
  const waiting = { kind: 'waiting' } as const;
  const [kept, added] = [0, 1].map((n) => ({
    amount: amounts[n] ?? shard.amount,
    assigned: shares[n],
    state: waiting,
  }));
  if (kept === undefined || added === undefined) return undefined;
  const changed = withShard(withProgress(pending, { sender }), i, kept);
  const next = { ...changed, payment: { ...changed.payment, shards: [...changed.payment.shards, added] } };
  return withReport(next, { event: 'shard_split', shard: i, into: shards.length, amounts });
};

/** Gives up shard `i` where the others are still enough; undefined where they are not. */
export const dropSpare = (pending: PendingStep, i: number): PendingStep | undefined => {
  const { request, progress, shards } = pending.payment;
  const needed = progress.sender?.size ?? shards.length - redundancyOf(request);
  const left = shards.filter(({ state }) => state.kind !== 'dropped').length;
  return redundancyOf(request) > 0 && left > needed ? withState(pending, i, { kind: 'dropped' }) : undefined;
};

/** Gives up as many of these shards as are not needed, the last of them first; undefined where all are needed. */
export const dropSpares = (pending: PendingStep, shards: readonly number[]): PendingStep | undefined =>
  shards.reduceRight<PendingStep | undefined>((fewer, i) => dropSpare(fewer ?? pending, i) ?? fewer, undefined);
