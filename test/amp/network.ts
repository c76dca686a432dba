/**
 * A small network for payments under test: real onions, peeled hop by hop, over channels whose balances the payer does not
 * know. The payer's routes come from what it may know: who is connected, what fees are asked, what it has excluded.
 */

import { ampProtocols, finalPayload } from '../../amp/payload.ts';
import type { FlowWish, Hop, Outlet, Route, RouteQuery } from '../../amp/route.ts';
import { schemes } from '../../amp/schemes.ts';
import { readHop } from '../../onion/eobprotocols.ts';
import type { Failure } from '../../onion/failuremessages.ts';
import { createFailure, wrapFailure } from '../../onion/failureonion.ts';
import { peel } from '../../onion/peel.ts';
import { equal, hex } from '../../wire/bytes.ts';
import { type Msat, msat, type Point, type ShortChannelId, shortChannelId } from '../../wire/units.ts';
import { nodeKey, nodeOf, type Offer } from './payer.ts';
import type { Htlc } from './receiver.ts';

/** One direction of a channel. Node 0 is the destination, −1 the payer. */
export interface Edge {
  readonly scid: ShortChannelId;
  readonly from: number;
  readonly to: number;
  /** What it can really carry, less what is locked. */
  balance: bigint;
}

const protocols = ampProtocols(schemes);

const BASE_FEE = 1000n;
const DELTA = 10;
export const feeFor = (amount: bigint): bigint => BASE_FEE + amount / 1000n;

export type Carried =
  | { readonly kind: 'arrived'; readonly htlc: Pick<Htlc, 'amount' | 'expiry' | 'paymentHash' | 'payload' | 'peer'> }
  | { readonly kind: 'failed'; readonly reason: Uint8Array };

/** An HTLC on its way: what it locks, and what returning failures are wrapped with. */
export interface Journey {
  readonly secrets: readonly Uint8Array[];
  readonly locked: readonly { readonly edge: Edge; readonly amount: bigint }[];
}

export class Network {
  readonly edges: readonly Edge[];
  constructor(edges: readonly Omit<Edge, 'scid'>[]) {
    this.edges = edges.map((edge, i) => ({ ...edge, scid: shortChannelId(BigInt(i + 1)) }));
  }

  outlets(): readonly Outlet[] {
    return this.edges
      .filter(({ from }) => from === -1)
      .map(({ scid, to, balance }) => ({ scid, peer: nodeOf(to), spendable: msat(balance), slots: 30 }));
  }

  /** The cheapest route of at most three channels that what the payer knows allows. */
  route(query: RouteQuery): Route | undefined {
    const found: Route[] = [];
    const visit = (path: readonly Edge[]): void => {
      const at = path.at(-1)?.to ?? -1;
      if (at === 0) {
        const route = this.along(path, query);
        if (route !== undefined) found.push(route);
      } else if (path.length < 3)
        for (const edge of this.edges)
          if (edge.from === at && !path.some(({ from }) => from === edge.to)) visit([...path, edge]);
    };
    visit([]);
    return found.sort((a, b) => Number(a[0].amount - b[0].amount))[0];
  }

  /** Routes that carry the amount of a query together, cut by chance; none where that does not come out. Of units as many as there are. */
  flow(query: RouteQuery & { readonly flow: FlowWish }, roll: (sides: number) => number): readonly Route[] {
    const { most, least, unit } = query.flow;
    for (let tries = 0; tries < 4; tries++) {
      const routes: Route[] = [];
      let [left, feesLeft]: [bigint, bigint] = [query.amount, query.maxFee];
      while (left > 0n && routes.length < most) {
        const isLast = unit === undefined && (routes.length === most - 1 || left < 2n * least || roll(3) === 0);
        const piece = unit ?? (isLast ? left : least + BigInt(roll(Number(left - 2n * least + 1n))));
        if (piece === 0n) continue;
        const taken = routes.flatMap((route) =>
          route.map(({ scid, amount }, n) => ({ scid, from: route[n - 1]?.node, amount, count: 1, offered: false })),
        );
        const asked = {
          ...query,
          amount: msat(piece),
          maxFee: msat(feesLeft),
          reserved: [...query.reserved, ...taken],
        };
        const route = this.route(asked);
        if (route === undefined) break;
        feesLeft -= route[0].amount - piece;
        routes.push(route);
        left -= piece;
      }
      if (left === 0n || (unit !== undefined && routes.length > 0)) return routes;
    }
    return [];
  }

  private along(path: readonly Edge[], query: RouteQuery): Route | undefined {
    const hops: Hop[] = [];
    let amount: bigint = query.amount;
    let expiry = query.finalExpiry;
    for (const edge of path.toReversed()) {
      if (!this.allows(edge, amount, query)) return undefined;
      hops.unshift({ node: nodeOf(edge.to), scid: edge.scid, amount: msat(amount), expiry, tlvOnly: edge.to === 2 });
      amount += feeFor(amount);
      expiry += DELTA;
    }
    const [first, ...rest] = hops;
    if (first === undefined || hops.length > query.maxHops || first.amount - query.amount > query.maxFee)
      return undefined;
    return [first, ...rest];
  }

  private allows({ scid, from, to, balance }: Edge, amount: bigint, query: RouteQuery): boolean {
    const sender = from === -1 ? undefined : nodeOf(from);
    const is = (other: { scid: ShortChannelId; from: Point | undefined }): boolean =>
      other.scid === scid && (other.from === undefined ? sender === undefined : other.from.join() === sender?.join());
    if (query.excludedNodes.some((node) => equal(node, nodeOf(to)))) return false;
    if (query.excluded.some((one) => is(one) && one.atLeast <= amount)) return false;
    const planned = query.reserved.filter((one) => is(one) && !one.offered).reduce((sum, one) => sum + one.amount, 0n);
    return from !== -1 || planned + amount <= balance;
  }

  /** Carries an offer as far as it gets. `disturb` may fail it at a hop. */
  carry(offer: Offer, disturb: (hop: number) => Failure | undefined): [Carried, Journey] | 'refused' {
    const locked: { edge: Edge; amount: bigint }[] = [];
    const secrets: Uint8Array[] = [];
    const out = this.edges.find(({ scid }) => scid === offer.scid);
    if (out === undefined || !this.lock(out, offer.amount, locked)) return 'refused';
    let edge = out;
    let { onion: packet, amount, expiry }: { onion: Uint8Array; amount: Msat; expiry: number } = offer;
    for (;;) {
      const node = nodeKey(edge.to);
      const hop = readHop(protocols, peel({ nodeKey: node, packet, associatedData: offer.paymentHash }));
      if (hop.kind === 'malformed') throw new Error('a payer must not build a malformed onion');
      secrets.push(hop.sharedSecret);
      const fail = (failure: Failure): [Carried, Journey] => {
        const journey = { secrets, locked };
        this.release(journey);
        return [{ kind: 'failed', reason: this.wrapped(journey, failure) }, journey];
      };
      if (hop.kind === 'refused') return fail(hop.failure);
      const disturbed = disturb(secrets.length - 1);
      if (disturbed !== undefined) return fail(disturbed);
      if (hop.kind === 'final') {
        const read = finalPayload(hop.payload);
        if ('refuse' in read) return fail(read.refuse);
        const { paymentHash } = offer;
        const htlc = { amount, expiry, paymentHash, payload: read.accept, peer: nodeOf(edge.from) };
        return [
          { kind: 'arrived', htlc },
          { secrets, locked },
        ];
      }
      const { shortChannelId: scid, amtToForward, outgoingCltvValue } = hop.payload;
      const next = this.edges.find((one) => one.scid === scid && one.from === edge.to);
      if (next === undefined) return fail({ name: 'unknown_next_peer' });
      if (amount < amtToForward + feeFor(amtToForward)) throw new Error('a payer must pay the fees asked');
      if (expiry < outgoingCltvValue + DELTA) throw new Error('a payer must leave the delta asked');
      if (!this.lock(next, amtToForward, locked))
        return fail({ name: 'temporary_channel_failure', channel_update: new Uint8Array(0) });
      edge = next;
      ({ next: packet } = hop);
      amount = amtToForward;
      expiry = outgoingCltvValue;
    }
  }

  private lock(edge: Edge, amount: bigint, locked: { edge: Edge; amount: bigint }[]): boolean {
    if (edge.balance < amount) return false;
    edge.balance -= amount;
    locked.push({ edge, amount });
    return true;
  }

  /** The HTLC failed: every channel has its balance back. */
  release({ locked }: Journey): void {
    for (const { edge, amount } of locked) edge.balance += amount;
  }

  /** A failure of the last hop that was reached, as the payer gets it. */
  wrapped({ secrets }: Journey, failure: Failure): Uint8Array {
    const [last, ...before] = secrets.toReversed();
    const made = createFailure(last ?? new Uint8Array(32), failure);
    return before.reduce((reason, secret) => wrapFailure(secret, reason), made);
  }
}

/** Names an attempt of a payment among all. */
export const attemptName = (payment: string, { attempt, paymentHash }: Offer): string =>
  `${payment}/${attempt}/${hex(paymentHash).slice(0, 8)}`;
