/**
 * What a payer makes of a failure: who is to blame, whether another route may help, and what the next route has to avoid.
 * BOLT 4, "Failure Messages". Only this payment learns from it, and no channel_update in it is taken into the graph.
 */

import { type Failure, failureCode, NODE } from '../onion/failuremessages.ts';
import { equal } from '../wire/bytes.ts';
import { type Msat, msat } from '../wire/units.ts';
import type { PaymentFailure, ShardFailure } from './events.ts';
import type { Outcome, PaymentContext, PaymentRequest } from './io.ts';
import { openFailure } from './onions.ts';
import { directionOf, type Learnt } from './payment.ts';
import type { Direction, Route } from './route.ts';

/** How one attempt failed, and what it means. */
export interface Interpretation {
  readonly failure: ShardFailure;
  readonly learnt: Learnt;
  /** Why no route will help, if so: the destination itself does not want the payment, or it must not be sent. */
  readonly final: PaymentFailure | undefined;
}

export const nothingLearnt: Learnt = { excluded: [], nodes: [], notBefore: { height: 0, time: 0 } };

/** A destination that says it is farther ahead of our chain than this many blocks is not believed. */
const MOST_AHEAD = 144;
/** Seconds until a destination that was short of something is tried again. */
const AGAIN_AFTER = 1;

const ANY = msat(0n);

const sameDirection = (a: Direction, b: Direction): boolean =>
  a.scid === b.scid && (a.from === b.from || (a.from !== undefined && b.from !== undefined && equal(a.from, b.from)));

/** With the knowledge that a direction does not carry `atLeast`; the smallest such amount counts. */
const exclude = (learnt: Learnt, direction: Direction | undefined, atLeast: Msat): Learnt => {
  if (direction === undefined) return learnt;
  const known = learnt.excluded.find((one) => sameDirection(one, direction));
  if (known !== undefined && known.atLeast <= atLeast) return learnt;
  const others = learnt.excluded.filter((one) => one !== known);
  return { ...learnt, excluded: [...others, { ...direction, atLeast }] };
};

const excludeNode = (learnt: Learnt, route: Route, hop: number): Learnt => {
  const node = route[hop]?.node;
  if (node === undefined || learnt.nodes.some((known) => equal(known, node))) return learnt;
  return { ...learnt, nodes: [...learnt.nodes, node] };
};

/** Failures of a forwarder that could not read what was meant for it; another hop may. */
const unread: ReadonlySet<Failure['name']> = new Set(['invalid_realm', 'invalid_onion_payload']);
/** Failures with which a destination blames the hop before it. */
const blamesForwarder: ReadonlySet<Failure['name']> = new Set([
  'final_incorrect_cltv_expiry',
  'final_incorrect_htlc_amount',
]);

/** From a failure that hop `hop` of the route sent. */
const learnFrom = (learnt: Learnt, route: Route, hop: number, failure: Failure): Learnt => {
  const last = hop === route.length - 1;
  if (last) return exclude(learnt, directionOf(route, hop), ANY);
  if (unread.has(failure.name) || (failureCode(failure) & NODE) !== 0) return excludeNode(learnt, route, hop);
  const behind = directionOf(route, hop + 1);
  const amount = route[hop + 1]?.amount ?? ANY;
  return exclude(learnt, behind, failure.name === 'temporary_channel_failure' ? amount : ANY);
};

/** Nobody can be named: every channel a stranger decides about is suspected, for this amount. */
const suspectAll = (learnt: Learnt, route: Route): Learnt => {
  const suspects = route.length === 1 ? [0] : route.map((_, i) => i).slice(1);
  return suspects.reduce((so, i) => exclude(so, directionOf(route, i), route[i]?.amount ?? ANY), learnt);
};

/**
 * What has to come to pass before the same HTLC may do better, where the destination failed it for something that passes. One
 * that has seen blocks which we have not finds our expiry too near; its failure looks like any other, but for its height
 * (BOLT 4, `incorrect_or_unknown_payment_details`). One without PERM bit is about the node, not about the payment.
 */
const readyOnce = (
  { finalCltv }: PaymentRequest,
  { notBefore }: Learnt,
  route: Route,
  failure: Failure,
  now: number,
): Learnt['notBefore'] | undefined => {
  if (failure.name === 'temporary_node_failure') return { ...notBefore, time: now + AGAIN_AFTER };
  if (failure.name !== 'incorrect_or_unknown_payment_details') return undefined;
  const { height } = failure;
  const reckoned = (route.at(-1) ?? route[0]).expiry - finalCltv;
  return height > reckoned && height <= reckoned + MOST_AHEAD ? { ...notBefore, height } : undefined;
};

/** What follows for the payment from an attempt that was not fulfilled. */
export const interpret = (
  request: PaymentRequest,
  learnt: Learnt,
  route: Route,
  attempt: number,
  outcome: Exclude<Outcome, { kind: 'fulfilled' }>,
  { now, plainOnions }: Pick<PaymentContext, 'now' | 'plainOnions'>,
): Interpretation => {
  switch (outcome.kind) {
    case 'refused': {
      const failure = { hop: -1, failure: outcome.why, detail: undefined };
      if (outcome.why === 'preimage_known') return { failure, learnt, final: { code: 'preimage_known' } };
      // What passes is not learnt: the outlets of the next query say what they carry by then.
      if (outcome.why !== 'unavailable') return { failure, learnt, final: undefined };
      return { failure, learnt: exclude(learnt, directionOf(route, 0), ANY), final: undefined };
    }
    case 'malformed':
      return {
        failure: { hop: 0, failure: 'malformed', detail: undefined },
        learnt: exclude(learnt, directionOf(route, 0), ANY),
        final: undefined,
      };
    case 'timed_out':
      return {
        failure: { hop: -1, failure: 'permanent_channel_failure', detail: undefined },
        learnt: exclude(learnt, directionOf(route, 0), ANY),
        final: undefined,
      };
    case 'failed': {
      const { reason } = outcome;
      const returned = plainOnions?.read(reason) ?? openFailure(request, route, attempt, reason);
      if (returned.kind === 'unattributable') {
        const failure = { hop: undefined, failure: 'unreadable', detail: undefined };
        return { failure, learnt: suspectAll(learnt, route), final: undefined };
      }
      const { hop, failure: detail } = returned;
      const failure = { hop, failure: detail.name, detail };
      const notBefore = hop === route.length - 1 ? readyOnce(request, learnt, route, detail, now) : undefined;
      if (notBefore !== undefined) return { failure, learnt: { ...learnt, notBefore }, final: undefined };
      const refused = hop === route.length - 1 && !blamesForwarder.has(detail.name);
      return {
        failure,
        learnt: learnFrom(learnt, route, hop, detail),
        final: refused ? { code: 'refused_by_destination', failure: detail.name } : undefined,
      };
    }
  }
};
