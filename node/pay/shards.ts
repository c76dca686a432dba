/** The last attempt of each shard of recent payments, in memory only, for `listsendpays` and the like. */

import type { PaymentEvent } from '../../amp/events.ts';
import type { Route } from '../../amp/route.ts';
import type { PaymentHash, Preimage } from '../../wire/units.ts';

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

/** Shards by payment id and shard number. */
export class Shards {
  private readonly byPayment = new Map<string, Map<number, ShardRecord>>();

  /** The shards of a payment that are still in memory. */
  of(id: string): readonly ShardRecord[] {
    return [...(this.byPayment.get(id)?.values() ?? [])];
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
