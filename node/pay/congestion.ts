/**
 * Congestion windows (amp/congestion.ts) of our outlets and of the channels that payments went over, and what payments have under way over
 * each: measured for all payments, used for those whose strategy asks for it. In memory alone: a restart begins without any.
 */

import { afterArrival, afterLoss, FORGOTTEN_AFTER, isLoss, type Window } from '../../amp/congestion.ts';
import type { PaymentEvent } from '../../amp/events.ts';
import type { Outlet, Reserved, Route } from '../../amp/route.ts';
import { addMsat, type Msat, msat, type Point, type ShortChannelId, shortChannelId } from '../../wire/units.ts';
import type { NodeKey } from '../graph/graph.ts';
import { keyOfNode } from '../graph/nodekeys.ts';

/** Windows that are kept, and HTLCs whose way is remembered; of more, the oldest are forgotten. */
const MOST_WINDOWS = 1_000;
const MOST_FLIGHTS = 10_000;

/** A channel of a route away from a node, and what the HTLC takes of it. */
interface Way {
  readonly key: string;
  readonly amount: Msat;
}

interface Flight {
  readonly ways: readonly Way[];
  readonly at: number;
}

/** An outlet has no sender beside ourselves. */
const scidIn = (key: string): ShortChannelId => shortChannelId(BigInt(key.slice(0, key.indexOf('/'))));
const keyOf = (scid: ShortChannelId, from: Point | undefined): string =>
  `${scid}/${from === undefined ? '' : keyOfNode(from)}`;
const waysOf = (route: Route): readonly Way[] =>
  route.map(({ scid, amount }, n) => ({ key: keyOf(scid, route[n - 1]?.node), amount }));

/** What a route costs more whose window it would exceed, msat: as much as keeps it for when others are much dearer. */
const excessCost = (amount: bigint): bigint => 100_000n + amount / 100n;

export class Windows {
  /** Unix milliseconds. */
  private readonly now: () => number;
  private readonly windows = new Map<string, Window>();
  private readonly flights = new Map<string, Flight>();
  private readonly inFlight = new Map<string, bigint>();

  constructor(now: () => number) {
    this.now = now;
  }

  /** Takes what a payment says of its attempts. */
  take(event: PaymentEvent): void {
    if (event.event === 'shard_offered') this.begin(`${event.payment}/${event.attempt}`, event.route);
    if (event.event !== 'shard_failed' && event.event !== 'shard_fulfilled') return;
    const name = `${event.payment}/${event.attempt}`;
    const flight = this.flights.get(name);
    if (flight === undefined) return;
    const { ways, at } = flight;
    const took = Math.max(0, this.now() - at);
    if (event.event === 'shard_fulfilled' || event.hop === ways.length - 1) this.arrived(ways, took);
    else if (event.hop !== undefined && isLoss(event)) this.lost(ways, event.hop + 1, took);
    this.end(name, flight);
  }

  private begin(name: string, route: Route): void {
    const ways = waysOf(route);
    this.flights.set(name, { ways, at: this.now() });
    for (const { key, amount } of ways) this.inFlight.set(key, (this.inFlight.get(key) ?? 0n) + amount);
    if (this.flights.size <= MOST_FLIGHTS) return;
    const [oldest] = this.flights;
    if (oldest !== undefined) this.end(...oldest);
  }

  private end(name: string, { ways }: Flight): void {
    this.flights.delete(name);
    for (const { key, amount } of ways) {
      const left = (this.inFlight.get(key) ?? 0n) - amount;
      if (left > 0n) this.inFlight.set(key, left);
      else this.inFlight.delete(key);
    }
  }

  /** The channel that did not carry it, and the outlet by which it left, may have less under way. */
  private lost(ways: readonly Way[], hop: number, took: number): void {
    for (const one of new Set([ways[0], ways[hop]])) {
      if (one === undefined) continue;
      const inFlight = msat(this.inFlight.get(one.key) ?? one.amount);
      this.put(one.key, afterLoss(this.windowOf(one.key), inFlight, took, this.now()));
    }
  }

  private arrived(ways: readonly Way[], took: number): void {
    for (const { key } of ways) {
      const before = this.windowOf(key);
      if (before !== undefined) this.put(key, afterArrival(before, took, this.now()));
    }
  }

  private windowOf(key: string): Window | undefined {
    const window = this.windows.get(key);
    return window !== undefined && this.now() - window.changedAt < FORGOTTEN_AFTER ? window : undefined;
  }

  private put(key: string, window: Window): void {
    this.windows.delete(key);
    this.windows.set(key, window);
    if (this.windows.size <= MOST_WINDOWS) return;
    const oldest = this.windows.keys().next().value;
    if (oldest !== undefined) this.windows.delete(oldest);
  }

  /** What may still be sent over one of them; undefined where no loss was measured. */
  private roomOf(key: string, planned: ReadonlyMap<string, bigint>): bigint | undefined {
    const window = this.windowOf(key);
    if (window === undefined) return undefined;
    const free = window.size - (this.inFlight.get(key) ?? 0n) - (planned.get(key) ?? 0n);
    return free > 0n ? free : 0n;
  }

  /** The outlets, each with what its window leaves. */
  on(outlets: readonly Outlet[]): readonly Outlet[] {
    if (this.windows.size === 0) return outlets;
    return outlets.map((outlet) => {
      const room = this.roomOf(keyOf(outlet.scid, undefined), new Map());
      return room === undefined ? outlet : { ...outlet, window: msat(room) };
    });
  }

  /**
   * What the windows leave, where a payment's own shards are planned to take this: the cost of exceeding one, for the choice of a
   * route, and the room on a route; undefined where no loss was measured on it.
   */
  beside(source: NodeKey, reserved: readonly Reserved[]) {
    const planned = new Map<string, bigint>();
    for (const { scid, from, amount, offered } of reserved) {
      if (offered) continue;
      const key = keyOf(scid, from);
      planned.set(key, addMsat(msat(planned.get(key) ?? 0n), amount));
    }
    return {
      penalties: {
        scids: (): Iterable<ShortChannelId> => [...this.windows.keys()].map(scidIn),
        of: (scid: ShortChannelId, from: NodeKey, amount: bigint): bigint => {
          const room =
            this.windows.size === 0 ? undefined : this.roomOf(`${scid}/${from === source ? '' : from}`, planned);
          return room === undefined || amount <= room ? 0n : excessCost(amount);
        },
      },
      room: (route: Route): Msat | undefined => {
        // A hop has its fees on top: in proportion, so that the last one is what is compared.
        const last = (route.at(-1) ?? route[0]).amount;
        let least: bigint | undefined;
        for (const { key, amount } of waysOf(route)) {
          const room = this.roomOf(key, planned);
          const fits = room === undefined ? undefined : (room * last) / amount;
          if (fits !== undefined && (least === undefined || fits < least)) least = fits;
        }
        return least === undefined ? undefined : msat(least);
      },
    };
  }
}
