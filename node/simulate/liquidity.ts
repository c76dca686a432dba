/**
 * The balances of all channels, which nobody but their two nodes knows, and what HTLCs lock of them. By direction, as in `SimGraph`; in
 * msat. What a channel holds in sum never changes.
 */
import type { SimGraph } from './network.ts';
import type { Random } from './random.ts';

/** How balances are drawn: evenly within the capacity, near one of its ends, or half of it for each side. */
export const balanceModels = ['uniform', 'bimodal', 'even'] as const;
export type BalanceModel = (typeof balanceModels)[number];

/** What a channel takes of HTLCs in one direction. */
export interface HtlcLimits {
  /** HTLCs at once (BOLT 2, `max_accepted_htlcs`): 483 at most. */
  readonly slots: number;
  /** The part of the capacity that may be in flight (`max_htlc_value_in_flight_msat`), up to 1. */
  readonly inFlight: number;
}

/** The balance of a channel's start, of `total` msat. */
const balanceOf = (total: number, model: BalanceModel, random: Random): number => {
  if (model === 'even') return Math.floor(total / 2);
  if (model === 'uniform') return Math.floor(random.next() * (total + 1));
  // A tenth of the capacity is how far from an end most lie.
  const near = Math.min(total, Math.floor(random.exponential(total / 10)));
  return random.next() < 0.5 ? near : total - near;
};

export class Liquidity {
  readonly balance: Float64Array;
  readonly locked: Float64Array;
  readonly htlcs: Uint16Array;
  private readonly most: Float64Array;
  private readonly slots: number;

  constructor(graph: SimGraph, model: BalanceModel, { slots, inFlight }: HtlcLimits, random: Random) {
    const directions = 2 * graph.channels;
    this.balance = new Float64Array(directions);
    this.locked = new Float64Array(directions);
    this.htlcs = new Uint16Array(directions);
    this.slots = slots;
    this.most = new Float64Array(directions);
    for (let channel = 0; channel < graph.channels; channel++) {
      const total = (graph.capacity[channel] ?? 0) * 1000;
      const ofStart = balanceOf(total, model, random);
      this.balance[2 * channel] = ofStart;
      this.balance[2 * channel + 1] = total - ofStart;
      this.most.fill(Math.floor(total * inFlight), 2 * channel, 2 * channel + 2);
    }
  }

  /** The largest HTLC that a direction takes now, and how many it takes. */
  room(direction: number): { readonly most: number; readonly slots: number } {
    const free = (this.most[direction] ?? 0) - (this.locked[direction] ?? 0);
    return {
      most: Math.max(0, Math.min(this.balance[direction] ?? 0, free)),
      slots: this.slots - (this.htlcs[direction] ?? 0),
    };
  }

  /** The same if no HTLC were in flight, each given back to whoever offered it. */
  roomAtRest(direction: number): { readonly most: number; readonly slots: number } {
    const balance = (this.balance[direction] ?? 0) + (this.locked[direction] ?? 0);
    return { most: Math.min(balance, this.most[direction] ?? 0), slots: this.slots };
  }

  /** Whether an HTLC is in flight in a channel, in either direction. */
  isBusy(direction: number): boolean {
    return (this.htlcs[direction] ?? 0) > 0 || (this.htlcs[direction ^ 1] ?? 0) > 0;
  }

  /** Locks an HTLC; false where it does not fit. */
  lock(direction: number, amount: number): boolean {
    const { most, slots } = this.room(direction);
    if (amount > most || slots <= 0) return false;
    this.add(direction, -amount, amount, 1);
    return true;
  }

  /** An HTLC failed: whoever offered it has it back. */
  release(direction: number, amount: number): void {
    this.add(direction, amount, -amount, -1);
  }

  /** An HTLC was fulfilled: it is the other side's. */
  settle(direction: number, amount: number): void {
    this.add(direction, 0, -amount, -1);
    this.balance[direction ^ 1] = (this.balance[direction ^ 1] ?? 0) + amount;
  }

  private add(direction: number, balance: number, locked: number, htlcs: number): void {
    this.balance[direction] = (this.balance[direction] ?? 0) + balance;
    this.locked[direction] = (this.locked[direction] ?? 0) + locked;
    this.htlcs[direction] = (this.htlcs[direction] ?? 0) + htlcs;
  }

  /** What a channel holds in sum; always its capacity. */
  total(channel: number): number {
    const [one, other] = [2 * channel, 2 * channel + 1];
    const sides = [one, other].map((at) => (this.balance[at] ?? 0) + (this.locked[at] ?? 0));
    return (sides[0] ?? 0) + (sides[1] ?? 0);
  }
}
