/** Routes that were found as one flow, dealt out to the shards that they are for. */
import { type Msat, msat, sumMsat } from '../wire/units.ts';
import type { PaymentFailure } from './events.ts';
import type { PaymentContext } from './io.ts';
import { isUsable, type PendingStep, withEffect, withProgress, withReport, withShard, withState } from './offering.ts';
import { isIn, type Shard, schemeOf } from './payment.ts';
import type { Pool } from './pool.ts';
import type { Route } from './route.ts';

/** A payment whose pool was cut, and which shards its pieces are, in their order. */
type Dealt = readonly [next: PendingStep, places: readonly number[]];

const waiting = (amount: Msat, assigned?: Shard['assigned']): Shard => ({
  ...{ amount, assigned },
  state: { kind: 'waiting' },
});

/**
 * Pieces in the place of shards without shares. Of more pieces, some take the places of shards that were given up; of fewer, shards are
 * left over, which were nothing yet where nothing was offered.
 */
const dealAnew = (pending: PendingStep, pool: Pool, amounts: readonly Msat[]): Dealt => {
  const { progress, shards } = pending.payment;
  const isGivenUp = (shard: Shard): boolean => isIn('dropped')(shard) && shard.assigned === undefined;
  const next: Shard[] = [];
  const places: number[] = [];
  const left = [...amounts];
  const take = (amount: Msat): void => {
    places.push(next.length);
    next.push(waiting(amount));
  };
  for (const [i, shard] of shards.entries()) {
    const isPooled = pool.shards.includes(i);
    const amount = isPooled || isGivenUp(shard) ? left.shift() : undefined;
    if (amount !== undefined) take(amount);
    else if (!isPooled) next.push(shard);
    else if (progress.phase !== 'planning') next.push({ ...shard, state: { kind: 'dropped' } });
  }
  for (const amount of left) take(amount);
  return [{ ...pending, payment: { ...pending.payment, shards: next } }, places];
};

/** A shard with its share split as often as it takes. */
const dealSplit = (
  pending: PendingStep,
  place: number,
  amounts: readonly Msat[],
  context: PaymentContext,
): Dealt | undefined => {
  const { request } = pending.payment;
  const scheme = schemeOf(request, context);
  let next = pending;
  const places = [place];
  for (const [n, amount] of amounts.slice(0, -1).entries()) {
    const { progress, shards } = next.payment;
    const at = places[n] ?? place;
    const whole = shards[at];
    if (whole?.assigned === undefined || progress.sender === undefined) return undefined;
    const cut = scheme?.split(progress.sender, request.entropy, whole.assigned);
    if (cut === undefined) return undefined;
    const [kept, added, sender] = cut;
    const rest = msat(whole.amount - amount);
    const changed = withShard(withProgress(next, { sender }), at, waiting(amount, kept));
    next = withReport(
      { ...changed, payment: { ...changed.payment, shards: [...changed.payment.shards, waiting(rest, added)] } },
      { event: 'shard_split', shard: at, into: shards.length, amounts: [amount, rest] },
    );
    places.push(shards.length);
  }
  return [next, places];
};

/**
 * The payment with its pool cut as the routes are, each shard with its route. `changed`: the routes are for another amount than what
 * waits by now; `unusable`: one of them, or their number, is not what was asked for. A failure where the payment cannot go on.
 */
export const withFlow = (
  pending: PendingStep,
  pool: Pool,
  routes: readonly Route[],
  context: PaymentContext,
): PendingStep | PaymentFailure | 'changed' | 'unusable' => {
  const amounts = routes.map((route) => (route.at(-1) ?? route[0]).amount);
  if (sumMsat(amounts) !== pool.amount) return 'changed';
  const { minShard } = pending.payment.request;
  const isSmall = (amount: Msat): boolean => amount <= 0n || (amounts.length > 1 && amount < minShard);
  if (amounts.length > pool.most || amounts.some(isSmall)) return 'unusable';
  const [first = 0] = pool.shards;
  const isWhole = amounts.length === 1 && pool.shards.length === 1;
  const isShared = pending.payment.shards[first]?.assigned !== undefined;
  const dealt = isWhole
    ? ([pending, [first]] as const)
    : isShared
      ? dealSplit(pending, first, amounts, context)
      : dealAnew(pending, pool, amounts);
  if (dealt === undefined) return 'unusable';
  let [next, places] = dealt;
  if (!isWhole && !isShared) next = withReport(next, { event: 'payment_recut', shards: places, amounts });
  for (const [n, route] of routes.entries()) {
    const place = places[n] ?? first;
    const usable = isUsable(next.payment, place, route, context);
    if (typeof usable === 'object') return usable;
    if (!usable) return 'unusable';
    next = withState(next, place, { kind: 'routed', route });
  }
  return next;
};

/**
 * The payment with a route for as many shards of its pool as there are any for, of shards that are not to be cut; the others go on
 * waiting. `unusable`: none of the routes is what was asked for. A failure where the payment cannot go on.
 */
export const withUnits = (
  pending: PendingStep,
  pool: Pool,
  routes: readonly Route[],
  context: PaymentContext,
): PendingStep | PaymentFailure | 'unusable' => {
  let next = pending;
  const waits = [...pool.shards];
  for (const route of routes) {
    const [place] = waits;
    if (place === undefined) break;
    const usable = isUsable(next.payment, place, route, context);
    if (typeof usable === 'object') return usable;
    if (!usable) continue;
    next = withState(next, place, { kind: 'routed', route });
    waits.shift();
  }
  return next === pending ? 'unusable' : next;
};

/**
 * Where there are no routes now and some of what is under way may still come back as failed: what waits is planned together with it
 * then, for it could be cut further. undefined where nothing is to be waited for.
 */
export const waitForRound = (pending: PendingStep, context: PaymentContext): PendingStep | undefined => {
  const { progress, shards, learnt } = pending.payment;
  const { until } = progress.keepBack;
  if (context.millis >= until || !shards.some(isIn('in_flight'))) return undefined;
  const time = Math.ceil(until / 1000);
  const notBefore = { ...learnt.notBefore, time: Math.max(learnt.notBefore.time, time) };
  const later = { ...pending, payment: { ...pending.payment, learnt: { ...learnt, notBefore } } };
  return withEffect(later, { do: 'wake', at: time * 1000 });
};
