/** The plan of recent payments and the last attempt of each of their shards, in memory only, for `listpays`. */

import type { PaymentEvent } from '../../amp/events.ts';
import type { Outlet, Route } from '../../amp/route.ts';
import type { Msat, PaymentHash, Preimage } from '../../wire/units.ts';

/** Payments whose shards are in memory; those of the oldest payment are dropped first. */
const MAX_PAYMENTS_LISTED = 500;

/** One HTLC of a payment as it is listed. */
export interface ShardRecord {
  readonly shard: number;
  readonly attempts: number;
  readonly index: number | undefined;
  readonly paymentHash: PaymentHash;
  readonly route: Route;
  readonly frame: Uint8Array;
  readonly blobs: readonly Uint8Array[];
  readonly status: 'pending' | 'complete' | 'failed';
  readonly preimage: Preimage | undefined;
  readonly failure: string | undefined;
  /** Milliseconds since 1970. */
  readonly offeredAt: number;
  readonly endedAt: number | undefined;
}

/** Channels that a plan shows: those that carried most. */
const MOST_CHANNELS_LISTED = 20;

/** How a payment was cut at first, and for which channels of ours. */
export interface PlanRecord {
  readonly strategy: string;
  readonly pieces: readonly Msat[];
  /** HTLCs that all channels would have taken together. */
  readonly slots: number;
  /** Those that carried most, the largest first. */
  readonly outlets: readonly Outlet[];
}

const planOf = ({ strategy, pieces, outlets }: Extract<PaymentEvent, { event: 'payment_planned' }>): PlanRecord => {
  const bySize = outlets.toSorted((a, b) => Number(b.spendable - a.spendable));
  const slots = outlets.reduce((sum, outlet) => sum + outlet.slots, 0);
  return { strategy, pieces, slots, outlets: bySize.slice(0, MOST_CHANNELS_LISTED) };
};

/** Shards by payment id and shard number. */
export class Shards {
  private readonly byPayment = new Map<string, Map<number, ShardRecord>>();
  private readonly plans = new Map<string, PlanRecord>();

  /** The shards of a payment that are still in memory. */
  of(id: string): readonly ShardRecord[] {
    return [...(this.byPayment.get(id)?.values() ?? [])];
  }

  /** How a payment was cut at first, while that is in memory. */
  plan(id: string): PlanRecord | undefined {
    return this.plans.get(id);
  }

  private get(id: string, shard: number): ShardRecord | undefined {
    return this.byPayment.get(id)?.get(shard);
  }

  private set(id: string, record: ShardRecord): void {
    const shards = this.byPayment.get(id) ?? new Map<number, ShardRecord>();
    this.byPayment.set(id, shards.set(record.shard, record));
    if (this.byPayment.size <= MAX_PAYMENTS_LISTED) return;
    const oldest = this.byPayment.keys().next().value;
    if (oldest !== undefined) this.byPayment.delete(oldest);
  }

  /** Records an event of a payment's machine; `at` in milliseconds since 1970. */
  note(id: string, event: PaymentEvent, at: number): void {
    switch (event.event) {
      case 'shard_offered': {
        const { shard, index, paymentHash, route, frame, blobs } = event;
        const attempts = (this.get(id, shard)?.attempts ?? 0) + 1;
        this.set(id, {
          ...{ shard, attempts, index, paymentHash, route, frame, blobs, status: 'pending' },
          ...{ preimage: undefined, failure: undefined, offeredAt: at, endedAt: undefined },
        });
        break;
      }
      case 'payment_planned': {
        this.plans.set(id, planOf(event));
        const oldest = this.plans.size > MAX_PAYMENTS_LISTED ? this.plans.keys().next().value : undefined;
        if (oldest !== undefined) this.plans.delete(oldest);
        break;
      }
      case 'shard_fulfilled':
        this.end(id, event.shard, { status: 'complete', preimage: event.preimage }, at);
        break;
      case 'shard_failed':
        this.end(id, event.shard, { status: 'failed', failure: event.failure }, at);
        break;
      default:
        break;
    }
  }

  private end(id: string, shard: number, change: Pick<ShardRecord, 'status'> & Partial<ShardRecord>, at: number): void {
    const before = this.get(id, shard);
    if (before !== undefined) this.set(id, { ...before, ...change, endedAt: at });
  }
}
