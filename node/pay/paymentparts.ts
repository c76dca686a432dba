/** What our own payments depend on: the ports, the payment store, and what they need of the channels. */

import type { PaymentEvent } from '../../amp/events.ts';
import type { PaymentContext, PaymentEffect, PaymentInput } from '../../amp/io.ts';
import type { Payment } from '../../amp/payment.ts';
import type { Exclusions, Outlet } from '../../amp/route.ts';
import type { Msat, PaymentHash, Point, ShortChannelId } from '../../wire/units.ts';
import type { Machine } from '../base/machine.ts';
import type { StepRecorder } from '../base/recording.ts';
import type { Preference } from '../graph/likelihood.ts';
import type { Hint, RouteContext } from '../graph/routecontext.ts';
import type { Clock, Log, Store } from '../ports/ports.ts';
import type { Gate } from '../store/gate.ts';
import type { Windows } from './congestion.ts';
import type { FlowTurns } from './flowturns.ts';
import type { PaymentRecord } from './paymentrecord.ts';
import type { PaymentStore } from './paymentstore.ts';

/** What a caller says about a payment, beside the request that its machine gets. */
export interface PaymentDetails {
  readonly paymentHash: Uint8Array;
  readonly label: string | undefined;
  readonly bolt11: string | undefined;
  readonly description: string | undefined;
  readonly hints: readonly Hint[];
  /** What no route may have. */
  readonly exclude?: Exclusions | undefined;
  /** Unix seconds after which the invoice can no longer be paid. */
  readonly expiresAt?: number;
  /** Which routes are preferred, where the caller says so. */
  readonly prefer?: Preference | undefined;
}

/**
 * Seconds that a caller waits for the other shards once one was claimed. Usually they follow within a second; a peer that withholds
 * one may do so until it expires, and the payment is complete without it.
 */
const CALLER_WAIT_SECONDS = 10;

/** A payment under way. */
export interface Running {
  readonly id: string;
  /** Of its record: grows with each new payment. */
  readonly number: number;
  /** Of its record; undefined for a machine without one. */
  readonly paymentHash: Uint8Array | undefined;
  readonly machine: Machine<Payment, PaymentInput, PaymentEffect>;
  readonly hints: readonly Hint[];
  readonly prefer?: Preference | undefined;
  /** Unix seconds at which its invoice expires; undefined for a payment without one. */
  readonly expiresAt: number | undefined;
  /** Attempts begun before the node was started: only of those can the channels have lost one. */
  readonly attemptsBefore: number;
  /** It has waited for room, or was loaded: then peers that are away are expected back. For any other payment they count for nothing. */
  countsOnPeers?: true | undefined;
  /** The last failure of a shard since the node was started. */
  lastFailure?: string;
  waiters: ((record: PaymentRecord) => void)[];
  /** Unix seconds at which its first shard was claimed since the node was started. */
  claimedAt?: number;
  /** An internal error ended it: HTLCs in flight are waited for, and nothing more is sent. */
  failed?: true;
}

/** Whether a caller has waited long enough for the other shards, at `now` in Unix seconds. */
export const hasWaited = ({ claimedAt }: Pick<Running, 'claimedAt'>, now: number): boolean =>
  claimedAt !== undefined && now >= claimedAt + CALLER_WAIT_SECONDS;

/** What is known of a payment when its machine is made, whether it is new or loaded. */
export const beginning = (
  id: string,
  state: Payment,
  record: Pick<PaymentRecord, 'createdIndex' | 'paymentHash'> | undefined,
  {
    hints,
    expiresAt,
    prefer,
    countsOnPeers,
  }: Pick<PaymentDetails, 'hints' | 'expiresAt' | 'prefer'> & Pick<Running, 'countsOnPeers'>,
): Omit<Running, 'machine'> => ({
  ...{ id, hints, expiresAt, prefer, countsOnPeers, waiters: [] },
  number: Number(record?.createdIndex ?? 0n),
  paymentHash: record?.paymentHash,
  attemptsBefore: state.kind === 'running' ? state.progress.attempts : 0,
});

/** What payments need of the channels. */
export interface PaymentChannels {
  /** Those that an HTLC can leave by, and those that it could leave by if their peers were there and in step. */
  outlets(): readonly Outlet[];
  away(): readonly Outlet[];
  /** False when no usable channel of ours has this short_channel_id. */
  offer(
    scid: ShortChannelId,
    offer: { amount: Msat; paymentHash: PaymentHash; expiry: number; onion: Uint8Array; origin: Uint8Array },
  ): boolean;
  /** Whether we know the preimage of this hash: from an HTLC that a channel still has, or from an invoice of ours. */
  isPreimageKnown(paymentHash: PaymentHash): boolean;
  offeredHtlcs(): Iterable<{ readonly channel: string; readonly htlc: { readonly origin: Uint8Array } }>;
}

export interface PaymentsParts {
  readonly store: Store;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly log: Log;
  readonly paymentStore: PaymentStore;
  readonly channels: () => PaymentChannels;
  readonly routes: Omit<RouteContext, 'outlets' | 'hints'>;
  /** Whether an invoice of ours has this hash, so that we know the preimage. */
  readonly isOwnInvoice: (paymentHash: PaymentHash) => Promise<boolean>;
  /** Takes what payments say of their attempts. */
  readonly learn: (event: PaymentEvent) => void;
  readonly windows: Windows;
  /** Keeps searches for flows to their part of the time. */
  readonly flowTurns: FlowTurns;
  /** Records each step of each payment; undefined: nothing does. */
  readonly recorder?: StepRecorder | undefined;
  /** What HTLCs of `sendpay` have to do with a payment hash: whether some are under way, or it is paid by them. */
  readonly paidByParts?: (
    paymentHash: Uint8Array,
    destination: Point,
  ) => Promise<PaymentRecord | 'under_way' | undefined>;
  /** Payment hashes, in hex, for which `pay` or `sendpay` is looking for earlier payments. */
  readonly beingChecked?: Set<string>;
  readonly context: () => PaymentContext;
  readonly fatal: (error: unknown) => void;
}
