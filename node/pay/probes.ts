/**
 * Probes: HTLCs that find out what a route carries, and that nobody can claim, since their payment hash is 32 random bytes of which
 * nobody knows a preimage. Nothing of them is kept: after a restart the result of one comes to nobody, and it costs nothing.
 */

import type { DEPLOYED } from '../../amp/deployed.ts';
import type { PaymentEvent } from '../../amp/events.ts';
import type { Outcome } from '../../amp/io.ts';
import { buildOnion, maxHops, sessionKey } from '../../amp/onions.ts';
import type { Exclusions, Outlet, Reserved, Route } from '../../amp/route.ts';
import type { Scheme } from '../../amp/scheme.ts';
import { construct } from '../../onion/construct.ts';
import { BADONION, decodeFailure } from '../../onion/failuremessages.ts';
import { hopSecrets, sessionKeyFrom } from '../../onion/keys.ts';
import type { OnionHop } from '../../onion/packet.ts';
import { writeFinal, writeForward } from '../../onion/payload.ts';
import { hex, zeros } from '../../wire/bytes.ts';
import {
  MAX_EXPIRY_AHEAD,
  MAX_MONEY,
  type Msat,
  msat,
  type Point,
  paymentHash,
  type ShortChannelId,
} from '../../wire/units.ts';
import type { Preference } from '../graph/likelihood.ts';
import type { RouteContext } from '../graph/routecontext.ts';
import { findRoute } from '../graph/routing.ts';
import type { Clock, Entropy, Log } from '../ports/ports.ts';
import { encodeOrigin } from './origin.ts';
import type { PaymentChannels } from './paymentparts.ts';
import { probeSet } from './probeset.ts';
import { failureOf } from './sendpayfailure.ts';
import type { SendpayFailure } from './sendpayrecord.ts';

/** Channels in a route at most. */
const MOST_HOPS = 20;

/** How a probe ended. `carried`: it reached the destination. `no_answer`: not within the time; it may be under way still. */
export type ProbeEnd =
  | { readonly kind: 'carried' }
  | { readonly kind: 'failed'; readonly failure: SendpayFailure }
  | { readonly kind: 'no_answer' };

export interface Probed {
  readonly route: Route;
  readonly end: ProbeEnd;
}

export interface ProbesParts {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly channels: PaymentChannels;
  readonly routes: Omit<RouteContext, 'outlets' | 'hints'>;
  /** Best block. */
  readonly height: () => number;
  /** Takes what an attempt says of the channels on its route. */
  readonly learn: (event: PaymentEvent) => void;
}

/** What a route is looked for. */
export interface ProbeQuery {
  readonly destination: Point;
  readonly amount: Msat;
  /** Blocks to its expiry that the last HTLC has. */
  readonly finalCltv: number;
  readonly avoid: Exclusions;
  readonly reserved?: readonly Reserved[];
  readonly maxHops?: number;
  /** What a likelier route may cost more; as for a payment where absent. */
  readonly prefer?: Preference | undefined;
  /** Only these channels, where a route is given. */
  readonly only?: ReadonlySet<ShortChannelId> | undefined;
}

/** The number of a u64 from its bytes. */
const numberOf = (bytes: Uint8Array): bigint => BigInt(`0x${hex(bytes)}`);

/** What an ordinary HTLC tells each hop (BOLT 4, "payload format"), with a payment_secret that pays nothing. */
const plainHops = (route: Route, paymentSecret: Uint8Array): readonly OnionHop[] =>
  route.map(({ node, amount, expiry }, i) => {
    const next = route[i + 1];
    const stream =
      next === undefined
        ? writeFinal({
            ...{ amtToForward: amount, outgoingCltvValue: expiry },
            paymentData: { paymentSecret, totalMsat: amount },
          })
        : writeForward({ amtToForward: next.amount, outgoingCltvValue: next.expiry, shortChannelId: next.scid });
    return { node, data: { kind: 'tlv', stream } };
  });

export class Probes {
  private readonly parts: ProbesParts;
  private readonly waiting = new Map<bigint, (outcome: Outcome) => void>();
  /** Begins anywhere, so that the result of a probe from before a restart is not taken for that of another one. */
  private last: bigint;

  constructor(parts: ProbesParts) {
    this.parts = parts;
    this.last = numberOf(parts.entropy.bytes(7));
  }

  /** The result of a probe; nothing happens where nobody waits for it. */
  outcome(number: bigint, outcome: Outcome): void {
    this.waiting.get(number)?.(outcome);
  }

  /** Probes that are waited for. */
  get count(): number {
    return this.waiting.size;
  }

  /** The best route for a probe; undefined where there is none. */
  route({
    destination,
    amount,
    finalCltv,
    avoid,
    reserved = [],
    maxHops = MOST_HOPS,
    prefer = this.parts.routes.prefer,
    only,
  }: ProbeQuery): Route | undefined {
    const { routes, channels, height } = this.parts;
    const isWanted = ({ scid }: { readonly scid: ShortChannelId }): boolean => only === undefined || only.has(scid);
    const outlets: readonly Outlet[] = channels.outlets().filter(isWanted);
    const base = height() + 1;
    const { route } = findRoute(
      { ...routes, prefer, only, outlets, hints: [] },
      {
        ...{ query: 0, shard: 0, destination, amount, maxFee: msat(MAX_MONEY), reserved },
        ...{
          finalExpiry: base + finalCltv,
          maxExpiry: height() + MAX_EXPIRY_AHEAD,
          maxHops: Math.min(maxHops, MOST_HOPS),
        },
        ...{ excludedNodes: avoid.nodes, excluded: avoid.excluded },
      },
    );
    return route;
  }

  /** Sends one HTLC over a route and waits for its result, so many milliseconds at most. Throws OnionError where the route is too long. */
  async alone(route: Route, ms: number): Promise<Probed> {
    const { entropy } = this.parts;
    const associatedData = entropy.bytes(32);
    const { packet, sharedSecrets } = construct({
      ...{ sessionKey: sessionKeyFrom(entropy.bytes(32)), associatedData },
      hops: plainHops(route, entropy.bytes(32)),
    });
    return this.send(route, associatedData, packet, sharedSecrets, ms);
  }

  /**
   * Sends an AMP whose last share is spoiled, cut evenly over the best routes, and waits for the results of its HTLCs. undefined where
   * there are no routes for all of them.
   */
  async together(
    query: ProbeQuery,
    scheme: Scheme | typeof DEPLOYED,
    count: number,
    ms: number,
  ): Promise<readonly Probed[] | undefined> {
    const { entropy } = this.parts;
    const secret = entropy.bytes(32);
    const { request, shards } = probeSet({ ...query, count }, scheme, secret, entropy.bytes(32));
    const hops = Math.min(...shards.map(({ blobs }) => maxHops(request, blobs.length)));
    const routes = this.routesFor({ ...query, maxHops: hops }, count);
    if (routes === undefined) return undefined;
    return Promise.all(
      shards.flatMap((shard, n) => {
        const route = routes[n];
        if (route === undefined) return [];
        const hash = paymentHash(entropy.bytes(32));
        const { packet } = buildOnion(request, route, hash, shard, n);
        const nodes = route.map(({ node }) => node);
        const secrets = hopSecrets(sessionKey(secret, n), nodes).map(({ sharedSecret }) => sharedSecret);
        return [this.send(route, hash, packet, secrets, ms)];
      }),
    );
  }

  /** A route for each of `count` parts of an amount, beside those of the others. */
  private routesFor(query: ProbeQuery, count: number): readonly Route[] | undefined {
    const parts = BigInt(count);
    const found: Route[] = [];
    for (let n = 0n; n < parts; n++) {
      const amount = msat(query.amount / parts + (n < query.amount % parts ? 1n : 0n));
      const reserved = found.flatMap((route) =>
        route.map(({ scid, amount: taken }, i): Reserved => {
          return { scid, from: route[i - 1]?.node, amount: taken, count: 1, offered: false };
        }),
      );
      const route = this.route({ ...query, amount, reserved });
      if (route === undefined) return undefined;
      found.push(route);
    }
    return found;
  }

  private async send(
    route: Route,
    hash: Uint8Array,
    onion: Uint8Array,
    sharedSecrets: readonly Uint8Array[],
    ms: number,
  ): Promise<Probed> {
    const { channels, clock, log } = this.parts;
    this.last += 1n;
    const number = this.last;
    const [{ scid, amount, expiry }] = route;
    let cancel = (): void => undefined;
    const over = new Promise<Outcome | undefined>((resolve) => {
      cancel = clock.after(Math.max(0, ms), () => resolve(undefined));
      this.waiting.set(number, resolve);
    });
    try {
      const origin = encodeOrigin({ kind: 'probe', number });
      const isOffered = channels.offer(scid, { amount, paymentHash: paymentHash(hash), expiry, onion, origin });
      const outcome: Outcome | undefined = isOffered ? await over : { kind: 'refused', why: 'unavailable' };
      const end = this.endOf(route, sharedSecrets, outcome);
      log.debug({ amount_msat: `${amount}`, hops: route.length, end: end.kind }, 'a probe ended');
      this.teach(route, end);
      return { route, end };
    } finally {
      cancel();
      this.waiting.delete(number);
    }
  }

  /** Whatever the destination itself answers, the route has carried the HTLC to it. */
  private endOf(route: Route, sharedSecrets: readonly Uint8Array[], outcome: Outcome | undefined): ProbeEnd {
    if (outcome === undefined) return { kind: 'no_answer' };
    if (outcome.kind === 'fulfilled') return { kind: 'carried' };
    const failure = failureOf({ sharedSecrets }, outcome);
    const atEnd = failure.kind === 'routing' && failure.index === route.length && (failure.code & BADONION) === 0;
    return atEnd ? { kind: 'carried' } : { kind: 'failed', failure };
  }

  /** What it says of the channels of others is of use to payments. */
  private teach(route: Route, end: ProbeEnd): void {
    const failed = (hop: number, message?: Uint8Array): void => {
      const detail = message && decodeFailure(message);
      this.parts.learn({
        ...{ payment: 'probe', event: 'shard_failed', shard: 0, attempt: 0, paymentHash: paymentHash(zeros(32)) },
        ...{ route, hop, failure: detail?.name ?? 'unknown', detail },
      });
    };
    if (end.kind === 'carried') failed(route.length - 1);
    else if (end.kind === 'failed' && end.failure.kind === 'routing' && end.failure.index > 0)
      failed(end.failure.index - 1, end.failure.message);
  }
}
