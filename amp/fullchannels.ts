/**
 * A payment that our own channels have no room for now, and would have if nothing were in flight in them. It is not failed: it waits
 * for its turn, up to its deadline, and is then cut and offered by what the channels carry by then.
 */

import type { Msat } from '../wire/units.ts';
import type { PaymentFailure } from './events.ts';
import { firstCut } from './firstcut.ts';
import type { Outcome, PaymentContext, PaymentRequest } from './io.ts';
import { type PendingStep, withEffect, withProgress, withReport } from './offering.ts';
import { isIn, isOrdinary, noRoomWanted, type Progress, type Running, type Shard } from './payment.ts';
import { atRest, type Outlet } from './route.ts';

/** A payment ends when its channels have refused so many attempts that they should have had room for. */
const MOST_REFUSALS = 1000;

const withRoom = (pending: PendingStep, { waits, refused }: Progress['room']): PendingStep =>
  withProgress(pending, { room: waits || refused > 0 ? { waits, refused } : noRoomWanted });

/** Nothing more is asked or offered before the node says that there is room. */
export const waitForRoom = (pending: PendingStep): PendingStep => {
  const { progress, shards } = pending.payment;
  const waiting = withEffect(withRoom(pending, { ...progress.room, waits: true }), {
    do: 'wait_for_room',
    hasInFlight: shards.some(isIn('in_flight')),
  });
  return progress.room.waits ? waiting : withReport(waiting, { event: 'payment_waiting' });
};

/** Routes may be asked for again. */
export const waitNoMore = (pending: PendingStep): PendingStep =>
  withRoom(pending, { ...pending.payment.progress.room, waits: false });

/** Whether our channels refused an HTLC that they may take soon. */
const passes = (outcome: Outcome): boolean =>
  outcome.kind === 'refused' && (outcome.why === 'full' || outcome.why === 'offline');

/** After an attempt that came to nothing: what failed may go another way, and what a channel refused has taken no attempt. */
export const afterOutcome = (pending: PendingStep, outcome: Outcome): PendingStep => {
  const { refused } = pending.payment.progress.room;
  return withRoom(pending, { waits: false, refused: passes(outcome) ? refused + 1 : refused });
};

/** Refusals after which a payment waits until something has changed: a channel that seems to have room may not take such an HTLC. */
const REFUSALS_IN_A_ROW = 4;

/** After an attempt that our channels refused: the payment tries others at once, but not for ever without a wait. */
export const waitAfterRefusals = (pending: PendingStep, outcome: Outcome): PendingStep =>
  passes(outcome) && pending.payment.progress.room.refused % REFUSALS_IN_A_ROW === 0 ? waitForRoom(pending) : pending;

/** Attempts that left our channels, or would have left if they had been as they said. */
export const attemptsMade = ({ attempts, room: { refused } }: Progress): number =>
  refused < MOST_REFUSALS ? attempts - refused : attempts;

/** The shards that a payment begins with. */
export const shardsFrom = (pieces: readonly Msat[], { withhold }: PaymentRequest): readonly Shard[] =>
  pieces.map((amount, i) => ({
    amount,
    assigned: undefined,
    state: { kind: i < pieces.length - withhold ? 'waiting' : 'withheld' },
  }));

/** How a payment begins: in which pieces, and whether they wait for room. */
export interface FirstPlan {
  readonly pieces: readonly Msat[];
  readonly waits: boolean;
}

/** By what the outlets carry now, or else by what they would carry with nothing in flight; or why not even then. */
export const firstPlan = (
  request: PaymentRequest,
  outlets: readonly Outlet[],
  context: PaymentContext,
): FirstPlan | PaymentFailure => {
  const pieces = firstCut(request, outlets, context);
  if (!('code' in pieces)) return { pieces, waits: false };
  const mayPass = pieces.code === 'amount_too_large' || pieces.code === 'bad_request';
  if (!mayPass || outlets.every((outlet) => outlet.atRest === undefined)) return pieces;
  const later = firstCut(request, atRest(outlets), context);
  return 'code' in later ? pieces : { pieces: later, waits: true };
};

/** Whether nothing of it is with anybody, nor ever was under a share of its own: then it can be cut anew. */
export const isUntouched = ({ request, progress, shards }: Running): boolean =>
  progress.phase === 'planning' ||
  (progress.phase === 'paying' &&
    shards.every(isIn('waiting', 'routed', 'withheld')) &&
    (isOrdinary(request) || progress.sender === undefined));
