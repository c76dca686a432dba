/** What a payment knows of the channels it could take: what its own shards occupy of them, and what they can carry. */
import type { Excluded, Reserved } from '../../amp/route.ts';
import { hex } from '../../wire/bytes.ts';
import type { ShortChannelId } from '../../wire/units.ts';
import type { NodeKey } from './graph.ts';
import { boundsWithin, type Known } from './likelihood.ts';
import type { LearntBounds } from './routecontext.ts';

/** A channel away from a node; undefined: an outlet, away from us. */
const directionKey = (scid: ShortChannelId, from: NodeKey | undefined): string => `${scid}/${from ?? ''}`;

interface Taken {
  readonly amount: bigint;
  readonly count: number;
}

export class Balances {
  private readonly learnt: LearntBounds | undefined;
  /** The least that a direction did not carry. */
  private readonly failed = new Map<string, bigint>();
  private readonly taken = new Map<string, Taken>();

  constructor(learnt: LearntBounds | undefined, excluded: readonly Excluded[], reserved: readonly Reserved[]) {
    this.learnt = learnt;
    for (const { scid, from, atLeast } of excluded) {
      const key = directionKey(scid, from && hex(from));
      const known = this.failed.get(key);
      if (known === undefined || atLeast < known) this.failed.set(key, atLeast);
    }
    for (const one of reserved) this.take(one);
  }

  private take({ scid, from, amount, count, offered }: Reserved): void {
    // The balance of our own channels excludes the HTLCs they offered already.
    if (from === undefined && offered) return;
    const key = directionKey(scid, from && hex(from));
    const sum = this.taken.get(key) ?? { amount: 0n, count: 0 };
    this.taken.set(key, { amount: sum.amount + amount, count: sum.count + count });
  }

  /** The most that one more HTLC can carry, of `ceiling` msat and in a channel that takes `slots` more. */
  ceiling(scid: ShortChannelId, from: NodeKey | undefined, ceiling: bigint, slots = 1): bigint {
    const key = directionKey(scid, from);
    const own = this.taken.get(key);
    // How many slots strangers' channels have left is not known.
    if (from === undefined && (own?.count ?? 0) >= slots) return 0n;
    const free = ceiling - (own?.amount ?? 0n);
    const failed = this.failed.get(key);
    return failed !== undefined && failed - 1n < free ? failed - 1n : free;
  }

  /** What is known of a channel of others of this capacity, all in msat. */
  known(scid: ShortChannelId, from: NodeKey, capacity: number): Known {
    const key = directionKey(scid, from);
    const { low, high } = this.learnt?.of(scid, from, capacity) ?? boundsWithin(capacity);
    const failed = this.failed.get(key);
    return {
      low,
      high: failed === undefined ? high : Math.min(high, Number(failed)),
      inFlight: Number(this.taken.get(key)?.amount ?? 0n),
    };
  }
}
