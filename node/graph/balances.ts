/** What a payment knows of the channels it could take: what its own shards occupy of them, and what they can carry. */
import type { Excluded, Reserved } from '../../amp/route.ts';
import type { ShortChannelId } from '../../wire/units.ts';
import type { NodeKey } from './graph.ts';
import { boundsWithin, type Known } from './likelihood.ts';
import { keyOfNode } from './nodekeys.ts';
import type { LearntBounds } from './routecontext.ts';

/** A channel away from a node; undefined: an outlet, away from us. */
interface Side {
  readonly from: NodeKey | undefined;
  /** The least that it did not carry. */
  failed: bigint | undefined;
  /** What shards take of it, and how many. */
  amount: bigint;
  count: number;
}

export class Balances {
  private readonly learnt: LearntBounds | undefined;
  /** By channel, of which a payment knows one side or two. */
  private readonly sides = new Map<ShortChannelId, Side[]>();

  constructor(learnt: LearntBounds | undefined, excluded: readonly Excluded[], reserved: readonly Reserved[]) {
    this.learnt = learnt;
    for (const { scid, from, atLeast } of excluded) {
      const side = this.sideFor(scid, from && keyOfNode(from));
      if (side.failed === undefined || atLeast < side.failed) side.failed = atLeast;
    }
    for (const one of reserved) this.take(one);
  }

  private sideOf(scid: ShortChannelId, from: NodeKey | undefined): Side | undefined {
    return this.sides.get(scid)?.find((side) => side.from === from);
  }

  private sideFor(scid: ShortChannelId, from: NodeKey | undefined): Side {
    const known = this.sideOf(scid, from);
    if (known !== undefined) return known;
    const side: Side = { from, failed: undefined, amount: 0n, count: 0 };
    const others = this.sides.get(scid);
    if (others === undefined) this.sides.set(scid, [side]);
    else others.push(side);
    return side;
  }

  private take({ scid, from, amount, count, offered }: Reserved): void {
    // The balance of our own channels excludes the HTLCs they offered already.
    if (from === undefined && offered) return;
    const side = this.sideFor(scid, from && keyOfNode(from));
    side.amount += amount;
    side.count += count;
  }

  /** The most that one more HTLC can carry, of `ceiling` msat and in a channel that takes `slots` more. */
  ceiling(scid: ShortChannelId, from: NodeKey | undefined, ceiling: bigint, slots = 1): bigint {
    const { failed, amount = 0n, count = 0 }: Partial<Side> = this.sideOf(scid, from) ?? {};
    // How many slots strangers' channels have left is not known.
    if (from === undefined && count >= slots) return 0n;
    const free = ceiling - amount;
    return failed !== undefined && failed - 1n < free ? failed - 1n : free;
  }

  /** What is known of a channel of others of this capacity, all in msat. */
  known(scid: ShortChannelId, from: NodeKey, capacity: number): Known {
    const side = this.sideOf(scid, from);
    const { low, high } = this.learnt?.of(scid, from, capacity) ?? boundsWithin(capacity);
    return {
      low,
      high: side?.failed === undefined ? high : Math.min(high, Number(side.failed)),
      inFlight: side === undefined ? 0 : Number(side.amount),
    };
  }
}
