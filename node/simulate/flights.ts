/**
 * HTLCs on their way: each locks its amount in one channel after the other; the answer unlocks it hop by hop, for the one side or the
 * other. A node forwards what its policy and its balance allow; it may also fail an HTLC by chance, or keep it for long.
 */
import type { Route } from '../../amp/route.ts';
import type { Failure } from '../../onion/failuremessages.ts';
import { zeros } from '../../wire/bytes.ts';
import type { Preimage } from '../../wire/units.ts';
import type { EventQueue } from './eventqueue.ts';
import { drawLatency, type Latency } from './latency.ts';
import type { Liquidity } from './liquidity.ts';
import { directionFrom, nodeOf } from './names.ts';
import type { SimGraph } from './network.ts';
import type { Random } from './random.ts';
import { patienceOf } from './status.ts';

/** The conditions that HTLCs meet on their way. */
export interface Conditions {
  readonly latency: Latency;
  /** The chance that a forwarder fails an HTLC whatever its balance, 0 to 1. */
  readonly failures: number;
  /** The chance that a forwarder keeps an HTLC before it passes it on, and for how many milliseconds on average. */
  readonly stuck: number;
  readonly stuckFor: number;
}

/** How an HTLC came back to its payer. */
export type FlightEnd =
  | { readonly kind: 'fulfilled'; readonly preimage: Preimage }
  | { readonly kind: 'failed'; readonly hop: number; readonly failure: Failure };

export interface Flight {
  readonly route: Route;
  readonly directions: readonly number[];
  readonly amounts: readonly number[];
  /** When each of them was locked, for as many as are. */
  readonly lockedAt: number[];
  /** It has reached its payee. */
  readonly arrived: (flight: Flight) => void;
  /** It stands still: the forwarder at the end of channel `hop` has not passed it on for longer than that takes. */
  readonly standsStill?: ((hop: number) => void) | undefined;
  /** So much was locked in one channel, for so many milliseconds. */
  readonly unlocked: (direction: number, amount: number, ms: number) => void;
  readonly ended: (end: FlightEnd) => void;
}

const NO_UPDATE = zeros(0);
const noLiquidity: Failure = { name: 'temporary_channel_failure', channel_update: NO_UPDATE };

export interface FlightParts {
  readonly graph: SimGraph;
  readonly liquidity: Liquidity;
  readonly queue: EventQueue;
  readonly conditions: Conditions;
  readonly random: Random;
}

export class Flights {
  private readonly parts: FlightParts;

  constructor(parts: FlightParts) {
    this.parts = parts;
  }

  /** Offers an HTLC to the first node of a route, from node `payer`; false where our own channel has no room for it. */
  begin(payer: number, route: Route, tell: Pick<Flight, 'arrived' | 'standsStill' | 'unlocked' | 'ended'>): boolean {
    let from = payer;
    const directions = route.map(({ scid, node }) => {
      const direction = directionFrom(this.parts.graph, scid, from);
      from = nodeOf(node);
      return direction;
    });
    const flight: Flight = {
      route,
      directions,
      amounts: route.map(({ amount }) => Number(amount)),
      lockedAt: [],
      ...tell,
    };
    if (!this.lock(flight, 0)) return false;
    this.forward(flight, 0);
    return true;
  }

  private lock({ directions, amounts, lockedAt }: Flight, hop: number): boolean {
    const { liquidity, queue } = this.parts;
    if (!liquidity.lock(directions[hop] ?? -1, amounts[hop] ?? 0)) return false;
    lockedAt.push(queue.now);
    return true;
  }

  private hopTime(): number {
    const { conditions, random } = this.parts;
    return drawLatency(conditions.latency, random);
  }

  /** The HTLC of channel `hop` is on its way to the node at its end. */
  private forward(flight: Flight, hop: number): void {
    const { queue, conditions, random } = this.parts;
    const isLast = hop === flight.route.length - 1;
    const isKept = !isLast && conditions.stuck > 0 && random.next() < conditions.stuck;
    const kept = isKept ? random.exponential(conditions.stuckFor) : 0;
    const takes = this.hopTime() + kept;
    const patience = flight.standsStill === undefined ? takes : patienceOf(conditions.latency);
    if (!isLast && takes > patience) queue.after(patience, () => flight.standsStill?.(hop));
    queue.after(takes, () => {
      if (isLast) flight.arrived(flight);
      else {
        const failure = this.refusalAt(flight, hop + 1);
        if (failure === undefined) this.forward(flight, hop + 1);
        else this.fail(flight, hop, failure);
      }
    });
  }

  /** Locks the HTLC of channel `hop`, or says why the node before it does not forward it. */
  private refusalAt(flight: Flight, hop: number): Failure | undefined {
    const { graph, conditions, random } = this.parts;
    const direction = flight.directions[hop] ?? -1;
    const amount = flight.amounts[hop] ?? 0;
    if (conditions.failures > 0 && random.next() < conditions.failures) return noLiquidity;
    if (graph.disabled[direction] === 1)
      return { name: 'channel_disabled', disabled_flags: 0, channel_update: NO_UPDATE };
    if (amount < (graph.htlcMinimum[direction] ?? 0))
      return {
        name: 'amount_below_minimum',
        htlc_msat: (flight.route[hop] ?? flight.route[0]).amount,
        channel_update: NO_UPDATE,
      };
    if (amount > (graph.htlcMaximum[direction] ?? 0)) return noLiquidity;
    return this.lock(flight, hop) ? undefined : noLiquidity;
  }

  /** Fails an HTLC that reached the node at the end of channel `hop`. */
  fail(flight: Flight, hop: number, failure: Failure): void {
    this.back(flight, hop, false, () => flight.ended({ kind: 'failed', hop, failure }));
  }

  /** The payee claims it. */
  fulfill(flight: Flight, preimage: Preimage): void {
    this.back(flight, flight.route.length - 1, true, () => flight.ended({ kind: 'fulfilled', preimage }));
  }

  private back(flight: Flight, hop: number, isPaid: boolean, done: () => void): void {
    const { queue, liquidity } = this.parts;
    if (hop < 0) {
      done();
      return;
    }
    queue.after(this.hopTime(), () => {
      const [direction, amount] = [flight.directions[hop] ?? -1, flight.amounts[hop] ?? 0];
      if (isPaid) liquidity.settle(direction, amount);
      else liquidity.release(direction, amount);
      flight.unlocked(direction, amount, queue.now - (flight.lockedAt[hop] ?? queue.now));
      this.back(flight, hop - 1, isPaid, done);
    });
  }
}
