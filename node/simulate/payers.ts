/** A node that pays, as far as its payments need one: its own channels, what it learnt from failures, and the routes that it finds. */
import type { PaymentEvent } from '../../amp/events.ts';
import type { PaymentEffect, PaymentInput } from '../../amp/io.ts';
import type { Outlet, Route } from '../../amp/route.ts';
import { type Msat, msat, paymentHash } from '../../wire/units.ts';
import type { RouteContext } from '../graph/routecontext.ts';
import { Windows } from '../pay/congestion.ts';
import { Knowledge } from '../pay/knowledge.ts';
import { routeFound } from '../pay/paymenteffects.ts';
import { RoundTrips } from '../pay/roundtrips.ts';
import { WaitingPayments } from '../pay/waitingpayments.ts';
import type { Store } from '../ports/ports.ts';
import type { Liquidity } from './liquidity.ts';
import { endOf, nodeId, scidOf } from './names.ts';
import type { SimGraph } from './network.ts';

/** Nothing was kept, and nothing is. */
const noStore: Store = {
  get: () => Promise.resolve(undefined),
  // biome-ignore lint/correctness/useYield: there is nothing to yield.
  entries: async function* () {
    return;
  },
  last: () => Promise.resolve(undefined),
  commit: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

export interface PayerParts {
  readonly graph: SimGraph;
  readonly routing: RouteContext['graph'];
  readonly liquidity: Liquidity;
  /** Directions away from the node. */
  readonly channels: readonly number[];
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** An HTLC of no payment in particular. */
const AVOIDED = { payment: '', shard: 0, attempt: 0, paymentHash: paymentHash(new Uint8Array(32)) };

/** A channel of the payer's, as those who look for routes name it. */
interface Way extends Pick<Outlet, 'scid' | 'peer'> {
  readonly direction: number;
}

const amountOf = (most: number): Msat => msat(BigInt(Math.floor(most)));

export class Payer {
  readonly node: number;
  private readonly parts: PayerParts;
  private readonly knowledge: Knowledge;
  private readonly windows: Windows;
  private readonly roundTrips = new RoundTrips();
  private readonly routes: Omit<RouteContext, 'outlets' | 'hints'>;
  /** Payments of this node that wait for room in its channels. */
  readonly waiting: WaitingPayments;
  /** Its channels. */
  private readonly ways: readonly Way[];
  private ticked = -1;
  private readonly looking = new Map<string, (outlets: readonly Outlet[]) => void>();

  private constructor(node: number, parts: PayerParts, knowledge: Knowledge) {
    this.node = node;
    this.parts = parts;
    this.knowledge = knowledge;
    this.windows = new Windows(parts.now);
    this.ways = parts.channels.map((direction) => ({
      direction,
      scid: scidOf(direction >> 1),
      peer: nodeId(endOf(parts.graph, direction)),
    }));
    const channels = () => ({ outlets: () => this.outlets(), away: () => [] });
    this.waiting = new WaitingPayments(channels, (id, outlets) => this.looking.get(id)?.(outlets), parts.now);
    this.routes = {
      graph: parts.routing,
      source: nodeId(node),
      now: () => Math.floor(parts.now() / 1000),
      tlvOnly: () => false,
      learnt: { scids: () => knowledge.scids, of: (scid, from, capacity) => knowledge.bounds(scid, from, capacity) },
    };
  }

  /** One that knows nothing yet. */
  static async of(node: number, parts: PayerParts): Promise<Payer> {
    const now = () => Math.floor(parts.now() / 1000);
    return new Payer(node, parts, await Knowledge.load({ store: noStore, save: () => undefined, now }));
  }

  /** Its channels, as they are now. */
  outlets(): readonly Outlet[] {
    const { liquidity } = this.parts;
    const outlets = this.ways.map(({ direction, scid, peer }): Outlet => {
      const { most, slots } = liquidity.room(direction);
      const outlet = { scid, peer, slots };
      if (!liquidity.isBusy(direction)) return { ...outlet, spendable: amountOf(most) };
      const rest = liquidity.roomAtRest(direction);
      return {
        ...outlet,
        spendable: amountOf(most),
        atRest: { spendable: amountOf(rest.most), slots: rest.slots },
      };
    });
    return this.windows.on(outlets);
  }

  /** The answer to what a payment asks, by the code that a node has. */
  route(effect: Extract<PaymentEffect, { do: 'find_route' }>): PaymentInput {
    const { windows, routes, roundTrips } = this;
    const channels = {
      outlets: () => this.outlets(),
      away: () => [],
      offer: () => false,
      isPreimageKnown: () => false,
      offeredHtlcs: () => [],
    };
    const clock = { now: this.parts.now, after: () => () => undefined };
    return routeFound(
      { channels: () => channels, routes, clock, windows },
      { hints: [] },
      roundTrips,
      this.waiting,
      effect,
    );
  }

  /** A payment begins, and how it looks for room once there may be some. */
  add(id: string, look: (outlets: readonly Outlet[]) => void): void {
    this.looking.set(id, look);
  }

  /** Once a second, whoever says so: those that wait for room look again. */
  tick(second: number): void {
    if (second === this.ticked) return;
    this.ticked = second;
    this.waiting.tick();
  }

  /** A payment has ended. */
  remove(id: string): void {
    this.looking.delete(id);
    this.waiting.remove(id);
  }

  /** A node has kept what came to it by channel `hop` of a route, and may do so again. */
  avoid(route: Route, hop: number): void {
    const [failure, detail] = ['temporary_node_failure', { name: 'temporary_node_failure' }] as const;
    this.knowledge.take({ ...AVOIDED, event: 'shard_failed', route, hop, failure, detail });
  }

  /** Takes what a payment says of its attempts. */
  learn(event: PaymentEvent): void {
    this.roundTrips.take(event, this.parts.now());
    this.knowledge.take(event);
    this.windows.take(event);
  }
}
