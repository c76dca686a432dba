/**
 * The line of payments that wait for room in our channels: the oldest first, and before all others those that have HTLCs in flight,
 * since what these hold is missing to the rest. Whoever is taken out and finds no room joins again at its old place.
 */

import type { Outlet } from '../../amp/route.ts';
import { hasRoom } from '../graph/routing.ts';
import type { PaymentChannels } from './paymentparts.ts';
import { SearchBudget } from './searchbudget.ts';

interface Place {
  readonly id: string;
  readonly rank: number;
}

/** Payments that look for room: for each HTLC that leaves a channel, and once a second. */
const WOKEN_PER_HTLC = 2;
const WOKEN_AT_TICK = 32;

/** Above every number of a payment. */
const BEHIND = 2 ** 52;

export class WaitingPayments {
  private readonly places: Place[] = [];
  private readonly ranks = new Map<string, number>();
  /** The rank that `next` took last. */
  private last = -1;
  private readonly channels: () => Pick<PaymentChannels, 'outlets' | 'away'>;
  private readonly look: (id: string, outlets: readonly Outlet[]) => void;
  private readonly budget: SearchBudget;

  /** `look` has a payment look for room in these outlets, among them those whose peer is away. `now` in milliseconds. */
  constructor(channels: WaitingPayments['channels'], look: WaitingPayments['look'], now: () => number) {
    this.channels = channels;
    this.look = look;
    this.budget = new SearchBudget(now);
  }

  /** So many HTLCs have left one of our channels: those at the head of the line look whether they fit. */
  roomFreed(htlcs: number): void {
    const count = this.budget.most(WOKEN_PER_HTLC * htlcs);
    this.wake(count, () => this.first(count), { onlyWithRoom: true });
  }

  /** Once a second: some look whatever has changed or not, in turns, so that none waits for what no longer can be. */
  tick(): void {
    const count = this.budget.most(WOKEN_AT_TICK);
    this.wake(count, () => this.next(count), { onlyWithRoom: false });
  }

  /** A search for a route found none, and took so many milliseconds: the longer, the fewer look. */
  searched(ms: number): void {
    this.budget.took(ms);
  }

  private wake(
    count: number,
    take: () => readonly string[],
    { onlyWithRoom }: { readonly onlyWithRoom: boolean },
  ): void {
    if (this.size === 0 || count === 0) return;
    // What channels carry is reckoned anew each time, over all HTLCs in them.
    const ours = this.channels();
    const outlets = ours.outlets();
    if (onlyWithRoom && !outlets.some(hasRoom)) return;
    const all = [...outlets, ...ours.away()];
    // While the chain is away there are none, and what our channels will carry then is not known.
    if (all.length > 0) for (const id of take()) this.look(id, all);
  }

  get size(): number {
    return this.places.length;
  }

  /** The first place, among those kept in order, with this rank or a higher one. */
  private indexFrom(rank: number): number {
    let [low, high] = [0, this.places.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.places[middle]?.rank ?? 0) < rank) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Puts a payment in line; `number` grows with each new payment. One that is in line may change its place. */
  add(id: string, number: number, hasInFlight: boolean): void {
    this.remove(id);
    const rank = hasInFlight ? number : BEHIND + number;
    this.ranks.set(id, rank);
    this.places.splice(this.indexFrom(rank), 0, { id, rank });
  }

  remove(id: string): void {
    const rank = this.ranks.get(id);
    if (rank === undefined) return;
    this.ranks.delete(id);
    this.places.splice(this.indexFrom(rank), 1);
  }

  /** Takes out those at the head of the line. */
  first(count: number): readonly string[] {
    return this.take(0, count);
  }

  /** Takes out those behind whom it took last time, and begins at the head again after the end: everybody has a turn. */
  next(count: number): readonly string[] {
    const from = this.indexFrom(this.last + 1);
    const last = this.places[Math.min(from + count, this.places.length) - 1];
    const behind = this.take(from, count);
    const rest = Math.min(count - behind.length, this.places.length);
    this.last = (rest > 0 ? this.places[rest - 1]?.rank : last?.rank) ?? -1;
    return [...behind, ...this.first(rest)];
  }

  private take(from: number, count: number): readonly string[] {
    const taken = this.places.splice(from, count);
    for (const { id } of taken) this.ranks.delete(id);
    return taken.map(({ id }) => id);
  }
}
