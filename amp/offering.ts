/**
 * The moves a payer has: ask for a route, give a shard its share, offer it, cut it in two. Each takes a running payment and
 * gives it back changed, with the effects that follow the save.
 */

import { MAX_BLOBS } from '../onion/eobframe.ts';
import { equal } from '../wire/bytes.ts';
import { msat, sumMsat } from '../wire/units.ts';
import { deployedSender, handOut, takeBack } from './deployed.ts';
import type { PaymentEvent, PaymentFailure } from './events.ts';
import { extrasOf, mostExtras } from './extras.ts';
import type { PaymentContext, PaymentEffect } from './io.ts';
import { buildOnion, fits, isNode, maxHops, noOnion, recordOf } from './onions.ts';
import {
  feesLeft,
  hashOf,
  isDeployed,
  isEob,
  isIn,
  type Progress,
  type Running,
  redundancyOf,
  reservedBy,
  routeFee,
  type Shard,
  schemeOf,
  strategyOf,
} from './payment.ts';
import { inOnePiece, poolOf } from './pool.ts';
import type { Route } from './route.ts';
import type { Scheme } from './scheme.ts';
import { encodeBlob } from './shares.ts';

/** A step being made. */
export interface PendingStep {
  readonly payment: Running;
  readonly effects: readonly PaymentEffect[];
}

type WithoutName<T> = T extends unknown ? Omit<T, 'payment'> : never;

export const withEffect = (pending: PendingStep, ...effects: readonly PaymentEffect[]): PendingStep => ({
  ...pending,
  effects: [...pending.effects, ...effects],
});

export const withReport = (pending: PendingStep, event: WithoutName<PaymentEvent>): PendingStep =>
  withEffect(pending, { do: 'report', report: { payment: pending.payment.request.id, ...event } as PaymentEvent });

export const withProgress = (pending: PendingStep, progress: Partial<Progress>): PendingStep => ({
  ...pending,
  payment: { ...pending.payment, progress: { ...pending.payment.progress, ...progress } },
});

export const withShard = (pending: PendingStep, i: number, shard: Shard): PendingStep => ({
  ...pending,
  payment: { ...pending.payment, shards: pending.payment.shards.map((old, j) => (j === i ? shard : old)) },
});

export const withState = (pending: PendingStep, i: number, state: Shard['state']): PendingStep => {
  const shard = pending.payment.shards[i];
  return shard === undefined ? pending : withShard(pending, i, { ...shard, state });
};

/** Whether shard `i` would get the last share: every other that was not given up has one. */
const isLast = ({ shards }: Running, i: number): boolean =>
  shards.every(({ assigned, state }, j) => j === i || assigned !== undefined || state.kind === 'dropped');

/** How many shares a scheme that must know gets: one an HTLC, or as many as were wanted and fit the last HTLC's blobs. */
const shareCount = ({ request, shards }: Running, scheme: Scheme): number => {
  if (!isEob(request) || scheme.needsAny) return shards.length - redundancyOf(request);
  if (!scheme.furtherBlobs) return shards.length;
  const wanted = request.shares ?? (scheme.fixesCount ? request.shards : undefined) ?? 0;
  return Math.max(shards.length, Math.min(wanted, shards.length + MAX_BLOBS - 1));
};

/** Blobs that shard `i` will carry to the destination. */
const blobCount = (payment: Running, i: number, context: PaymentContext): number => {
  const scheme = schemeOf(payment.request, context);
  if (scheme === undefined) return 0;
  const assigned = payment.shards[i]?.assigned;
  if (assigned !== undefined) return assigned.shares.length;
  const takesRest = i === payment.shards.findLastIndex((shard) => shard.assigned === undefined);
  return takesRest && scheme.furtherBlobs ? 1 + shareCount(payment, scheme) - payment.shards.length : 1;
};

/** Asks the node for a route of shard `i`, or for routes of all that is planned together with it. One question is open at a time, so that the figures in it are right. */
export const ask = (pending: PendingStep, i: number, context: PaymentContext): PendingStep => {
  const { height } = context;
  const { payment } = pending;
  const shard = payment.shards[i];
  if (shard === undefined) return pending;
  const query = payment.progress.query + 1;
  const pool = poolOf(payment, context);
  const amount = pool?.amount ?? shard.amount;
  const { destination, finalCltv, maxDelay } = payment.request;
  const maxFee = feesLeft(payment);
  const unrouted = sumMsat(payment.shards.filter(isIn('waiting')).map(({ amount }) => amount));
  return withEffect(withProgress(pending, { query, asking: i }), {
    do: 'find_route',
    query,
    shard: i,
    destination,
    amount,
    maxFee,
    fairFee: unrouted > amount ? msat((maxFee * amount) / unrouted) : maxFee,
    finalExpiry: height + finalCltv,
    maxExpiry: height + maxDelay,
    maxHops: maxHops(
      payment.request,
      blobCount(pool === undefined ? payment : inOnePiece(payment, pool), i, context),
      mostExtras(payment.request.blobs, context.composers),
    ),
    excludedNodes: payment.learnt.nodes,
    excluded: payment.learnt.excluded,
    reserved: reservedBy(payment),
    ...(strategyOf(payment.request, context)?.usesWindows === true && { usesWindows: true }),
    ...(pool !== undefined &&
      (pool.most > 1 || pool.shards.length > 1) && {
        flow: {
          ...{ most: pool.most, least: payment.request.minShard },
          ...(pool.unit !== undefined && { unit: pool.unit }),
        },
      }),
  });
};

/** The payer's own blobs for shard `i` over a route, or why the payment cannot go on. */
const extrasFor = (payment: Running, i: number, route: Route, context: PaymentContext) => {
  const { request, shards } = payment;
  const destination = {
    ampBlobs: isEob(request) ? blobCount(payment, i, context) : undefined,
    ampProtocols: [...context.schemes.values()].map(({ protocol }) => protocol),
  };
  const shard = { index: i, amount: shards[i]?.amount ?? request.amount };
  return extrasOf(request, shard, route, destination, context.composers);
};

/**
 * Whether a route does what was asked; one that does not is as good as none, above all one that costs too much or takes too long. A
 * failure where the payer's own blobs cannot go along.
 */
export const isUsable = (
  payment: Running,
  i: number,
  route: Route,
  context: PaymentContext,
): boolean | PaymentFailure => {
  const last = route.at(-1) ?? route[0];
  if (last.amount !== payment.shards[i]?.amount || !equal(last.node, payment.request.destination)) return false;
  const falling = route.every(({ amount, expiry }, j) => {
    const next = route[j + 1];
    return next === undefined || (next.amount <= amount && next.expiry <= expiry);
  });
  if (!falling || routeFee(route) > feesLeft(payment)) return false;
  if (route[0].expiry > context.height + payment.request.maxDelay) return false;
  if (!route.every(({ node }) => isNode(node, context))) return false;
  const extras = extrasFor(payment, i, route, context);
  return 'code' in extras ? extras : fits(payment.request, route, blobCount(payment, i, context), extras);
};

/** Gives shard `i` its share, if it is to have one and has none. */
const withShare = (pending: PendingStep, i: number, context: PaymentContext): PendingStep => {
  const { payment } = pending;
  const { request, progress } = payment;
  const scheme = schemeOf(request, context);
  const shard = payment.shards[i];
  if (isDeployed(request) && shard !== undefined) {
    const before = progress.sender ?? deployedSender(request.entropy);
    const [assigned, sender] = handOut(before, request.entropy, progress.attempts, isLast(payment, i));
    return withShard(withProgress(pending, { sender }), i, { ...shard, assigned });
  }
  if (scheme === undefined || shard === undefined || shard.assigned !== undefined) return pending;
  const before = progress.sender ?? scheme.begin(request.entropy, shareCount(payment, scheme));
  const blobs = blobCount(payment, i, context);
  const [assigned, sender] = scheme.nextShard(before, request.entropy, isLast(payment, i), blobs);
  return withShard(withProgress(pending, { sender }), i, { ...shard, assigned });
};

const endsSplitting = ({ request }: Running, context: PaymentContext): boolean =>
  schemeOf(request, context)?.lastEndsSplitting === true;

/** Whether anything waits for what is under way: the last share, or a further plan. */
const waitsForFailures = (payment: Running, context: PaymentContext): boolean =>
  endsSplitting(payment, context) || strategyOf(payment.request, context)?.usesFlows === true;

/** The last share waits for what is offered now, too. */
const keptUntil = (payment: Running, context: PaymentContext): Partial<Progress> => {
  const { wait, until } = payment.progress.keepBack;
  if (!waitsForFailures(payment, context)) return {};
  return { keepBack: { wait, until: Math.max(until, context.millis + wait) } };
};

/** Takes down how long a failure on a route may take, where something is to wait for it. */
export const withRoundTrip = (pending: PendingStep, roundTrip: number, context: PaymentContext): PendingStep => {
  const { keepBack } = pending.payment.progress;
  if (!waitsForFailures(pending.payment, context) || roundTrip <= keepBack.wait) return pending;
  return withProgress(pending, { keepBack: { ...keepBack, wait: roundTrip } });
};

/** Takes a shard's share back where it may go to another: of lnd's AMP, whose shares are handed out anew for each attempt. */
export const withoutShare = (pending: PendingStep, i: number): PendingStep => {
  const { request, progress, shards } = pending.payment;
  const shard = shards[i];
  if (!isDeployed(request) || shard?.assigned === undefined || progress.sender === undefined) return pending;
  const sender = takeBack(progress.sender, shard.assigned);
  return withShard(withProgress(pending, { sender }), i, { ...shard, assigned: undefined });
};

/** Offers shard `i` along its route, as a new attempt. */
export const offer = (pending: PendingStep, i: number, context: PaymentContext): PendingStep => {
  const ready = withShare(pending, i, context);
  const { payment } = ready;
  const { request, progress } = payment;
  const shard = payment.shards[i];
  if (shard?.state.kind !== 'routed') return pending;
  const { route } = shard.state;
  const attempt = progress.attempts;
  const paymentHash = hashOf(payment, shard);
  const setId = progress.sender?.setId;
  const blobs =
    setId === undefined || isDeployed(request)
      ? []
      : (shard.assigned?.shares ?? []).map((share) => encodeBlob({ setId, ...share }));
  const extras = extrasFor(payment, i, route, context);
  // They could go along when the route was found.
  if ('code' in extras) throw new RangeError(`${extras.field}: expected ${extras.expected}`);
  const { packet, frame } =
    context.plainOnions !== undefined
      ? noOnion
      : buildOnion(
          request,
          route,
          paymentHash,
          isDeployed(request)
            ? { protocol: undefined, blobs: [], record: recordOf(shard, setId) }
            : { protocol: schemeOf(request, context)?.protocol, blobs },
          attempt,
          extras,
        );
  const { scid, node: peer, amount, expiry } = route[0];
  const sent = withState(withProgress(ready, { attempts: attempt + 1, ...keptUntil(payment, context) }), i, {
    kind: 'in_flight',
    attempt,
    route,
  });
  return withReport(
    withEffect(sent, { do: 'offer', attempt, scid, peer, amount, expiry, paymentHash, onion: packet }),
    {
      event: 'shard_offered',
      shard: i,
      attempt,
      route,
      paymentHash,
      index: shard.assigned?.index,
      frame,
      blobs: [...blobs, ...(extras.get(route.length - 1)?.blobs ?? [])],
    },
  );
};

/** Whether a shard under way could be split if it failed on its way; one that goes to the destination alone cannot. */
const canBeSplit = ({ request, shards }: Running, { amount, state }: Shard): boolean =>
  shards.length < request.maxShards &&
  amount >= 2n * request.minShard &&
  state.kind === 'in_flight' &&
  state.route.length > 1;

/**
 * Until when the last share is kept back, in Unix milliseconds, where that is all that `nextToOffer` waits for. Nothing is kept
 * back for shards that could not be split anyway.
 */
export const keptBackUntil = (payment: Running, context: PaymentContext): number | undefined => {
  const { progress, shards } = payment;
  const next = shards.findIndex(isIn('routed'));
  if (next < 0 || !isKeptBack(payment, next, context)) return undefined;
  const others = shards.filter((_, i) => i !== next);
  return others.every(isIn('in_flight')) ? progress.keepBack.until : undefined;
};

/** Whether shard `i` has a route and is not offered, since its share would end all splitting too early. */
const isKeptBack = (payment: Running, i: number, context: PaymentContext): boolean => {
  const { progress, shards } = payment;
  if (!endsSplitting(payment, context) || shards[i]?.assigned !== undefined || !isLast(payment, i)) return false;
  const others = shards.filter((_, j) => j !== i);
  if (others.length === 0) return false;
  if (!others.every(isIn('in_flight'))) return true;
  return others.some((shard) => canBeSplit(payment, shard)) && context.millis < progress.keepBack.until;
};

/**
 * The shard to offer next, if any may be offered now. The last share of a scheme that it closes is kept back: until all
 * others are under way, and until those which fail on their way are back, so that they can still be split.
 */
export const nextToOffer = (payment: Running, context: PaymentContext): number | undefined => {
  const { shards } = payment;
  const next = shards.findIndex(isIn('routed'));
  if (next < 0) return undefined;
  if (!isKeptBack(payment, next, context)) return next;
  const later = shards.findIndex((shard, i) => i > next && isIn('routed')(shard));
  return later < 0 ? undefined : later;
};
