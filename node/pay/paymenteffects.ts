/** What a payment asks for in its effects, and the inputs that answer them: a route from the graph, an HTLC from a channel of ours. */
import type { PaymentEffect, PaymentInput } from '../../amp/io.ts';
import type { Route } from '../../amp/route.ts';
import { type FlowQuery, findFlow, hasFlowAtRest } from '../graph/flowroutes.ts';
import { keyOfNode } from '../graph/nodekeys.ts';
import type { RouteContext } from '../graph/routecontext.ts';
import { findRoute, hasRouteAtRest } from '../graph/routing.ts';
import { encodeOrigin } from './origin.ts';
import type { PaymentsParts, Running } from './paymentparts.ts';
import type { RoundTrips } from './roundtrips.ts';
import type { WaitingPayments } from './waitingpayments.ts';

type EffectOf<T extends PaymentEffect['do']> = Extract<PaymentEffect, { do: T }>;

/** The routes that carry an amount together; of a flow that leaves out what is only a last resort, a route of its own may be left. */
const flowFound = (context: RouteContext, query: FlowQuery): readonly Route[] => {
  const found = findFlow(context, query);
  if (found !== undefined) return found;
  const { amount, flow } = query;
  const { route } = findRoute(context, { ...query, amount: flow.unit ?? amount }, () => 1n);
  return route === undefined ? [] : [route];
};

/**
 * The answer to `find_route`: a route and how long a failure on it takes, or that there is none now, and whether only HTLCs of others
 * in our channels are in its way.
 */
export const routeFound = (
  { channels, clock, windows, ...parts }: Pick<PaymentsParts, 'channels' | 'routes' | 'clock' | 'windows'>,
  { hints, countsOnPeers, prefer }: Pick<Running, 'hints' | 'countsOnPeers' | 'prefer'>,
  roundTrips: Pick<RoundTrips, 'of'>,
  waiting: Pick<WaitingPayments, 'searched'>,
  effect: EffectOf<'find_route'>,
): PaymentInput => {
  const begun = clock.now();
  const routes = { ...parts.routes, prefer: prefer ?? parts.routes.prefer };
  const ours = channels();
  const outlets = ours.outlets();
  const source = keyOfNode(routes.source);
  const beside = effect.usesWindows ? windows.beside(source, effect.reserved) : undefined;
  const penalties = beside?.penalties;
  const later = countsOnPeers === true ? [...outlets, ...ours.away()] : outlets;
  if (effect.flow !== undefined) {
    const query = { ...effect, flow: effect.flow };
    const found = flowFound({ ...routes, outlets, hints, penalties }, query);
    const [route] = found;
    const flowing = { type: 'route', query: effect.query, route, routes: found } as const;
    if (route !== undefined) {
      const trips = found.map((one) => roundTrips.of(one, clock.now()));
      return { ...flowing, roundTrip: Math.max(...trips) };
    }
    const full = hasFlowAtRest({ ...routes, outlets: later, hints }, query);
    waiting.searched(clock.now() - begun);
    return { ...flowing, isFull: full };
  }
  let isFull: boolean | undefined;
  const hasRouteLater = (): boolean => (isFull ??= hasRouteAtRest({ ...routes, outlets: later, hints }, effect));
  // Where room will come, a payment is not cut for less than a quarter.
  const found = findRoute({ ...routes, outlets, hints, penalties }, effect, () => (hasRouteLater() ? 4n : 64n));
  const answer = { type: 'route', query: effect.query, ...found } as const;
  if (found.route === undefined) {
    const full = hasRouteLater();
    waiting.searched(clock.now() - begun);
    return { ...answer, isFull: full };
  }
  return { ...answer, roundTrip: roundTrips.of(found.route, clock.now()), window: beside?.room(found.route) };
};

/** Answers `find_route`: now, or where it is for a flow once that has its turn, if the payment still asks then. */
export const searchInTurn = (
  parts: Pick<PaymentsParts, 'channels' | 'routes' | 'clock' | 'windows' | 'flowTurns'>,
  running: Running,
  effect: EffectOf<'find_route'>,
  [roundTrips, waiting]: readonly [Pick<RoundTrips, 'of'>, Pick<WaitingPayments, 'searched'>],
  failed: (error: unknown) => void,
): void => {
  const { machine } = running;
  const search = (): void => machine.push(routeFound(parts, running, roundTrips, waiting, effect));
  if (effect.flow === undefined) {
    search();
    return;
  }
  parts.flowTurns.forPayment(() => {
    const { state } = machine;
    if (state.kind !== 'running' || state.progress.asking === undefined || state.progress.query !== effect.query)
      return;
    try {
      search();
    } catch (error) {
      failed(error);
    }
  });
};

/** Gives an HTLC to the channel it is to leave by. Without one, the input that says why it did not leave. */
export const offerHtlc = (
  { channels }: Pick<PaymentsParts, 'channels'>,
  id: string,
  { scid, attempt, amount, paymentHash, expiry, onion }: EffectOf<'offer'>,
): PaymentInput | undefined => {
  const refused = (why: 'preimage_known' | 'unavailable'): PaymentInput => ({
    type: 'outcome',
    attempt,
    outcome: { kind: 'refused', why },
  });
  const origin = encodeOrigin({ kind: 'payment', payment: id, attempt });
  // Checked when the HTLC is sent, not when it was planned: the preimage may have become known in between.
  if (channels().isPreimageKnown(paymentHash)) return refused('preimage_known');
  return channels().offer(scid, { amount, paymentHash, expiry, onion, origin }) ? undefined : refused('unavailable');
};
