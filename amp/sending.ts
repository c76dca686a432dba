/**
 * Sending: one machine per payment. Routes are found for all shards before any is offered; a shard that fails tries another
 * route or is cut further; when there is no way left, what is in flight is waited for before the payment is called failed. Where
 * only HTLCs of others in our own channels are in the way, it waits for those (fullchannels.ts).
 *
 * One preimage makes a payment complete, with what was sent, whatever becomes of its other shards; no shard of it is offered
 * from then on. Of an ordinary payment every shard has the same hash, so whoever forwarded the one that was claimed could keep
 * another. Of an AMP each has its own; but the preimage of any child follows from the secret of all shares alone, so a claimed
 * shard says that the destination had every share, and could have claimed the others, too. It was paid less by its own choice,
 * or by a forwarder's. While nothing is claimed, a shard that failed may be offered again with its share and hash: at most the
 * destination knows what opens it, and in sum never more is out than it is owed. A payment begun anew, after one that failed,
 * has another secret and set_id, and by then not an HTLC of the first is left.
 */

import { type Msat, msat } from '../wire/units.ts';
import { badField, unknownScheme } from './badrequest.ts';
import type { PaymentFailure } from './events.ts';
import { waitForRound, withFlow, withUnits } from './flowing.ts';
import {
  afterOutcome,
  attemptsMade,
  firstPlan,
  isUntouched,
  shardsFrom,
  waitAfterRefusals,
  waitForRoom,
  waitNoMore,
} from './fullchannels.ts';
import type { Outcome, PaymentContext, PaymentEffect, PaymentInput, PaymentRequest } from './io.ts';
import { interpret, nothingLearnt } from './learning.ts';
import {
  ask,
  isUsable,
  keptBackUntil,
  nextToOffer,
  offer,
  type PendingStep,
  withEffect,
  withoutShare,
  withProgress,
  withReport,
  withRoundTrip,
  withState,
} from './offering.ts';
import {
  hashOf,
  isEob,
  isIn,
  noRoomWanted,
  nothingKeptBack,
  type Payment,
  type PaymentResult,
  type Running,
  type Shard,
  strategyOf,
  totalsOf,
} from './payment.ts';
import { paymentTables } from './paymentstore.ts';
import { type Pool, poolOf } from './pool.ts';
import { LEAST_PART, type Outlet } from './route.ts';
import { cutToWindow, dropSpare, dropSpares, split } from './splitting.ts';
import { defaultStrategy, unknownStrategy } from './strategies.ts';
import { changes } from './tables.ts';

export type PaymentStep = readonly [next: Payment, effects: readonly PaymentEffect[]];

/** Where a step ends: still running, or over. */
interface Transition {
  readonly payment: Payment;
  readonly effects: readonly PaymentEffect[];
}

/** A payment gives up after this many attempts for each shard it may have, and some. */
const attemptLimit = ({ maxShards }: PaymentRequest): number => 20 + 4 * maxShards;

const finished = (result: PaymentResult, effects: readonly PaymentEffect[]): Transition => ({
  payment: { kind: 'finished', result },
  effects: [...effects, { do: 'report', report: result }],
});

/** Nothing is in flight any more: the account of what came of it. */
const finish = (pending: PendingStep): Transition => {
  const { request, progress } = pending.payment;
  const totals = totalsOf(pending.payment);
  const payment = request.id;
  if (totals.parts > 0) return finished({ payment, event: 'payment_succeeded', ...totals }, pending.effects);
  const reason: PaymentFailure = progress.reason ?? { code: 'cancelled' };
  return finished({ payment, event: 'payment_failed', reason, ...totals }, pending.effects);
};

/** No new attempt from here on. */
const stop = (pending: PendingStep, reason: PaymentFailure): PendingStep => {
  if (pending.payment.progress.phase === 'stopping') return pending;
  const shards = pending.payment.shards.map(
    (shard): Shard => (isIn('waiting', 'routed', 'withheld')(shard) ? { ...shard, state: { kind: 'dropped' } } : shard),
  );
  const stopped = withProgress(waitNoMore(pending), { phase: 'stopping', reason, asking: undefined });
  const inFlight = shards.filter(isIn('in_flight')).length;
  return withReport(
    { ...stopped, payment: { ...stopped.payment, shards } },
    { event: 'payment_stopping', reason, inFlight },
  );
};

/** Why a payment ends whose time is over. */
const outOfTime = ({ progress }: Running): PaymentFailure => ({
  code: progress.room.waits ? 'channels_full' : 'deadline',
});

/**
 * What a payment ends with where its own time is over in the second in which its payee, which holds a set as long, has waited enough
 * for the rest: that is no refusal.
 */
const lateness = (payment: Running, final: PaymentFailure, { now }: PaymentContext): PaymentFailure | undefined =>
  final.code === 'refused_by_destination' && final.failure === 'mpp_timeout' && now >= payment.request.deadline
    ? outOfTime(payment)
    : undefined;

/** Why no further attempt may be made, if so. */
const mustStop = (payment: Running, context: PaymentContext): PaymentFailure | undefined => {
  const { request, progress, shards } = payment;
  const { now, schemes, strategies } = context;
  if (shards.every(isIn('in_flight', 'fulfilled', 'dropped'))) return undefined;
  // Paid is paid: what failed is not sent again.
  if (shards.some(isIn('fulfilled'))) return { code: 'partially_claimed', claimed: totalsOf(payment).amount };
  // A program that ran before may have had a scheme or a strategy of its own.
  if (isEob(request) && !schemes.has(request.scheme)) return unknownScheme(schemes);
  if (strategyOf(request, context) === undefined) return unknownStrategy(strategies);
  if (now > request.deadline) return outOfTime(payment);
  const wantsMore = shards.some(isIn('waiting', 'routed'));
  if (wantsMore && attemptsMade(progress) >= attemptLimit(request))
    return { code: 'too_many_attempts', attempts: progress.attempts };
  return undefined;
};

/** Does what can be done now: stops, finishes, offers, asks. */
const advance = (pending: PendingStep, context: PaymentContext): Transition => {
  const reason = mustStop(pending.payment, context);
  let next = reason === undefined ? pending : stop(pending, reason);
  const { shards } = next.payment;
  if (shards.every(isIn('fulfilled', 'dropped'))) return finish(next);
  if (next.payment.progress.phase === 'planning' && !shards.some(isIn('waiting')))
    next = withProgress(next, { phase: 'paying' });
  let ready = next.payment.progress.phase === 'paying' ? nextToOffer(next.payment, context) : undefined;
  while (ready !== undefined) {
    next = offer(next, ready, context);
    ready = nextToOffer(next.payment, context);
  }
  const kept = next.payment.progress.phase === 'paying' ? keptBackUntil(next.payment, context) : undefined;
  if (kept !== undefined) next = withEffect(next, { do: 'wake', at: kept });
  const waiting = next.payment.shards.findIndex(isIn('waiting'));
  const { progress, learnt } = next.payment;
  const early = context.height < learnt.notBefore.height || context.now < learnt.notBefore.time;
  const isHeld = early || progress.room.waits || progress.asking !== undefined;
  return waiting < 0 || isHeld ? next : ask(next, waiting, context);
};

/** Says how the amount is cut. */
const withPlan = (pending: PendingStep, pieces: readonly Msat[], outlets: readonly Outlet[]): PendingStep => {
  const { strategy = defaultStrategy } = pending.payment.request;
  return withReport(pending, { event: 'payment_planned', strategy, pieces, outlets });
};

const start = (
  { request, outlets, exclude }: Extract<PaymentInput, { type: 'start' }>,
  context: PaymentContext,
): Transition => {
  const nothing = { amount: msat(0n), amountSent: msat(0n), parts: 0, preimages: [] };
  const plan = badField(request, context) ?? firstPlan(request, outlets, context);
  if ('code' in plan) return finished({ payment: request.id, event: 'payment_failed', reason: plan, ...nothing }, []);
  const shards = shardsFrom(plan.pieces, request);
  const progress = {
    ...({ phase: 'planning', reason: undefined, query: 0, asking: undefined } as const),
    ...{ attempts: 0, keepBack: nothingKeptBack, room: noRoomWanted, sender: undefined },
  };
  let pending: PendingStep = {
    payment: { kind: 'running', request, progress, shards, learnt: { ...nothingLearnt, ...exclude } },
    effects: [],
  };
  pending = withPlan(pending, plan.pieces, outlets);
  for (const [shard, { amount, state }] of shards.entries())
    if (state.kind === 'withheld') pending = withReport(pending, { event: 'shard_withheld', shard, amount });
  return advance(plan.waits ? waitForRoom(pending) : pending, context);
};

/** There may be room again. What nobody has seen anything of is cut anew, by what the outlets carry now. */
const onRoom = (pending: PendingStep, outlets: readonly Outlet[], context: PaymentContext): Transition => {
  const { payment } = pending;
  if (!payment.progress.room.waits) return pending;
  if (!isUntouched(payment)) return advance(waitNoMore(pending), context);
  const plan = firstPlan(payment.request, outlets, context);
  if ('code' in plan) return advance(stop(pending, plan), context);
  const planned = withProgress(pending, { phase: 'planning', asking: undefined });
  const cut = { ...planned, payment: { ...planned.payment, shards: shardsFrom(plan.pieces, payment.request) } };
  return advance(plan.waits ? waitForRoom(cut) : waitNoMore(withPlan(cut, plan.pieces, outlets)), context);
};

type RouteInput = Extract<PaymentInput, { type: 'route' }>;

/** The routes of a flow, or none: then what is under way may still come back and be planned together with what waits. */
const onFlow = (
  answered: PendingStep,
  pool: Pool,
  { routes = [], roundTrip = 0, isFull = false }: RouteInput,
  context: PaymentContext,
): Transition => {
  const { unit } = pool;
  const give = unit === undefined ? withFlow : withUnits;
  const next = routes.length === 0 ? 'unusable' : give(answered, pool, routes, context);
  if (next === 'changed') return advance(answered, context);
  if (typeof next === 'object')
    return advance('code' in next ? stop(answered, next) : withRoundTrip(next, roundTrip, context), context);
  const fewer = unit === undefined ? undefined : dropSpares(answered, pool.shards);
  const later = fewer ?? (isFull ? waitForRoom(answered) : waitForRound(answered, context));
  return advance(later ?? stop(answered, { code: 'no_route', amount: unit ?? pool.amount }), context);
};

const onRoute = (pending: PendingStep, input: RouteInput, context: PaymentContext): Transition => {
  const { query, route, routes, largest, window, isFull = false, roundTrip = 0 } = input;
  const { request, progress, shards } = pending.payment;
  const i = progress.asking;
  if (i === undefined || query !== progress.query) return pending;
  const shard = shards[i];
  const answered = withProgress(pending, { asking: undefined });
  if (shard?.state.kind !== 'waiting') return advance(answered, context);
  const pool = poolOf(answered.payment, context);
  if (pool !== undefined && routes !== undefined) return onFlow(answered, pool, input, context);
  const usable = route !== undefined && isUsable(pending.payment, i, route, context);
  if (typeof usable === 'object') return advance(stop(answered, usable), context);
  const within = route !== undefined && usable ? cutToWindow(answered, i, window, context) : undefined;
  if (within !== undefined) return advance('code' in within ? stop(answered, within) : within, context);
  if (route !== undefined && usable)
    return advance(withRoundTrip(withState(answered, i, { kind: 'routed', route }), roundTrip, context), context);
  // What little is left between the HTLCs of others is not worth one of its own while there will be more.
  const isWorthCutting = !isFull || (largest ?? 0n) * 4n >= shard.amount;
  // Parts that are small enough would be more than there may be.
  const isHopeless = largest === 0n && request.maxShards - shards.length < LEAST_PART;
  const halves =
    isWorthCutting && !isHopeless ? split(answered, i, { cause: 'no_route', largest }, context) : undefined;
  const cut = halves ?? dropSpare(answered, i) ?? (isFull ? waitForRoom(answered) : undefined);
  const next = cut ?? { code: 'no_route' as const, amount: shard.amount };
  return advance('code' in next ? stop(answered, next) : next, context);
};

const onOutcome = (pending: PendingStep, attempt: number, outcome: Outcome, context: PaymentContext): Transition => {
  const { payment } = pending;
  const shardOf = ({ state }: Shard): boolean => state.kind === 'in_flight' && state.attempt === attempt;
  const shard = payment.shards.findIndex(shardOf);
  const failed = payment.shards[shard];
  // Told twice, as happens after a restart.
  if (failed?.state.kind !== 'in_flight') return pending;
  const { route } = failed.state;
  const paymentHash = hashOf(payment, failed);
  if (outcome.kind === 'fulfilled') {
    const { preimage } = outcome;
    const claimed = withState(pending, shard, { kind: 'fulfilled', preimage, sent: route[0].amount });
    const told = { event: 'shard_fulfilled' as const, shard, attempt, paymentHash, route, preimage };
    return advance(withReport(claimed, told), context);
  }
  const interpretation = interpret(payment.request, payment.learnt, route, attempt, outcome, context);
  const stopping = payment.progress.phase === 'stopping';
  const ended = withState(pending, shard, { kind: stopping ? 'dropped' : 'waiting' });
  const over = withoutShare(afterOutcome(ended, outcome), shard);
  const learnt = { ...over, payment: { ...over.payment, learnt: interpretation.learnt } };
  const told = withReport(learnt, {
    event: 'shard_failed',
    shard,
    attempt,
    paymentHash,
    route,
    ...interpretation.failure,
  });
  const final = interpretation.final && (lateness(payment, interpretation.final, context) ?? interpretation.final);
  if (final !== undefined) return advance(stop(told, final), context);
  const { hop } = interpretation.failure;
  const onItsWay = hop === undefined || (hop >= 0 && hop < route.length - 1);
  if (stopping || payment.shards.some(isIn('fulfilled'))) return advance(told, context);
  if (!onItsWay) return advance(waitAfterRefusals(told, outcome), context);
  const cut = split(told, shard, { cause: 'failed', largest: undefined }, context) ?? told;
  return advance('code' in cut ? stop(told, cut) : cut, context);
};

/** After loading: routes found before are stale, and the question that was open has been lost. */
const onRestored = (pending: PendingStep, context: PaymentContext): Transition => {
  const shards = pending.payment.shards.map(
    (shard): Shard => (shard.state.kind === 'routed' ? { ...shard, state: { kind: 'waiting' } } : shard),
  );
  const again = withProgress(pending, { asking: undefined });
  const loaded = { ...again, payment: { ...again.payment, shards } };
  return advance(loaded.payment.progress.room.waits ? waitForRoom(loaded) : loaded, context);
};

const whileRunning = (payment: Running, input: PaymentInput, context: PaymentContext): Transition => {
  const pending: PendingStep = { payment, effects: [] };
  switch (input.type) {
    case 'route':
      return onRoute(pending, input, context);
    case 'outcome':
      return onOutcome(pending, input.attempt, input.outcome, context);
    case 'room':
      return onRoom(pending, input.outlets, context);
    case 'tick':
      return advance(pending, context);
    case 'restored':
      return onRestored(pending, context);
    case 'cancel':
      return advance(stop(pending, { code: 'cancelled' }), context);
    case 'start':
    case 'acknowledged':
      return pending;
  }
};

const transition = (payment: Payment, input: PaymentInput, context: PaymentContext): Transition => {
  switch (payment.kind) {
    case 'new':
      return input.type === 'start' ? start(input, context) : { payment, effects: [] };
    case 'running':
      return whileRunning(payment, input, context);
    case 'finished':
      if (input.type === 'acknowledged') return { payment: { kind: 'forgotten' }, effects: [] };
      return input.type === 'restored' ? finished(payment.result, []) : { payment, effects: [] };
    case 'forgotten':
      return { payment, effects: [] };
  }
};

/** The machine without its saves, for simulations, which nothing outlives. */
export const payUnsaved = (payment: Payment, input: PaymentInput, context: PaymentContext): PaymentStep => {
  const { payment: next, effects } = transition(payment, input, context);
  return [next, effects];
};

/** The machine: the same state, input and context give the same step. A save, if there is one, comes first. */
export const pay = (payment: Payment, input: PaymentInput, context: PaymentContext): PaymentStep => {
  const { payment: next, effects } = transition(payment, input, context);
  const changed = next === payment ? [] : changes(paymentTables(payment), paymentTables(next));
  return [next, changed.length === 0 ? effects : [{ do: 'save', changes: changed }, ...effects]];
};
