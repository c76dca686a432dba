/** What our own payments are given: the ports, their book, and what they need of the channels. */

import type { PaymentContext } from '../../amp/io.ts';
import type { Outlet } from '../../amp/route.ts';
import type { Msat, PaymentHash, ShortChannelId } from '../../wire/units.ts';
import type { Hint, RouteContext } from '../graph/routing.ts';
import type { Clock, Log, Store } from '../ports/ports.ts';
import type { Gate } from '../store/gate.ts';
import type { PayBook } from './paymentstore.ts';

/** What a caller says about a payment beside the request. */
export interface PayNote {
  readonly paymentHash: Uint8Array;
  readonly label: string | undefined;
  readonly bolt11: string | undefined;
  readonly description: string | undefined;
  readonly hints: readonly Hint[];
  /** Unix seconds at which the invoice can be paid no more. */
  readonly expiresAt?: number;
}

/** What payments need of the channels. */
export interface PaymentChannels {
  outlets(): readonly Outlet[];
  /** False when no usable channel of ours bears this id. */
  offer(
    scid: ShortChannelId,
    offer: { amount: Msat; paymentHash: PaymentHash; expiry: number; onion: Uint8Array; origin: Uint8Array },
  ): boolean;
  /** Whether we know what opens this hash: by an HTLC that a channel still has, or because we ask to be paid for it. */
  isKnown(paymentHash: PaymentHash): boolean;
  allOffered(): Iterable<{ readonly channel: string; readonly htlc: { readonly origin: Uint8Array } }>;
}

export interface PaymentsParts {
  readonly store: Store;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly log: Log;
  readonly book: PayBook;
  readonly channels: () => PaymentChannels;
  readonly routes: Omit<RouteContext, 'outlets' | 'hints'>;
  /** Whether an invoice of ours has this hash, so that we know what opens it. */
  readonly isOurs: (paymentHash: PaymentHash) => Promise<boolean>;
  readonly context: () => PaymentContext;
  readonly fatal: (error: unknown) => void;
}
