/**
 * A payment under way, as plain values, and what can be read off it: which shards are where, what they reserve, what is left
 * to spend on fees. Each shard is one HTLC at a time; a shard that fails may be offered again under another attempt number.
 */

import { equal } from '../wire/bytes.ts';
import {
  addMsat,
  type Msat,
  msat,
  type PaymentHash,
  type Point,
  type Preimage,
  subMsat,
  sumMsat,
} from '../wire/units.ts';
import { deployedChild } from './deployed.ts';
import type { PaymentEvent, PaymentFailure, PaymentTotals } from './events.ts';
import type { AmpRequest, DeployedRequest, OrdinaryRequest, PaymentRequest } from './io.ts';
import type { Direction, Excluded, Hop, Reserved, Route } from './route.ts';
import type { Scheme, Schemes, SenderState, ShardShares } from './scheme.ts';
import { child } from './shares.ts';
import { defaultStrategy } from './strategies.ts';
import type { CutWish, Strategies, Strategy } from './strategy.ts';

export type ShardState =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'routed'; readonly route: Route }
  | { readonly kind: 'in_flight'; readonly attempt: number; readonly route: Route }
  | { readonly kind: 'fulfilled'; readonly preimage: Preimage; readonly sent: Msat }
  /** Given up; no HTLC of it exists. */
  | { readonly kind: 'dropped' }
  /** Kept from being offered by the experiment. */
  | { readonly kind: 'withheld' };

export interface Shard {
  /** To arrive at the destination. */
  readonly amount: Msat;
  /** Its child and shares, once it has them; undefined for an ordinary payment. */
  readonly assigned: ShardShares | undefined;
  readonly state: ShardState;
}

/** What is known of the network from failures; for this payment only, so that nobody can spoil another one. */
export interface Learnt {
  readonly excluded: readonly Excluded[];
  readonly nodes: readonly Point[];
  /** No route is looked for before our chain is that high and, in Unix seconds, it is that late: the destination is not ready. */
  readonly notBefore: { readonly height: number; readonly time: number };
}

/** The numbers and flags that change from step to step. */
export interface Progress {
  /** `planning`: nothing has been offered and nothing will be before every shard has a route. */
  readonly phase: 'planning' | 'paying' | 'stopping';
  /** Why it is stopping. */
  readonly reason: PaymentFailure | undefined;
  /** Number of the latest route query. */
  readonly query: number;
  /** The shard it is for; undefined when none is open. */
  readonly asking: number | undefined;
  /** Attempts begun; the next has this number. No number is used twice: the session key follows from it. */
  readonly attempts: number;
  /**
   * Where the last share ends all splitting, or a strategy plans by flows: how long it, or a further plan, is kept back, in milliseconds, as the routes found so far ask, and until when
   * a shard under way may come back as failed, in Unix milliseconds.
   */
  readonly keepBack: { readonly wait: number; readonly until: number };
  /**
   * Whether it waits for room in our channels, and asks for no route before it is told of some; and how many attempts those have
   * refused for what passes.
   */
  readonly room: { readonly waits: boolean; readonly refused: number };
  /** The shared secret of an AMP, from the first offer on. */
  readonly sender: SenderState | undefined;
}

/** Of a payment that keeps nothing back. */
export const nothingKeptBack: Progress['keepBack'] = { wait: 0, until: 0 };

/** Of a payment that has always found room in our channels. */
export const noRoomWanted: Progress['room'] = { waits: false, refused: 0 };

export interface Running {
  readonly kind: 'running';
  readonly request: PaymentRequest;
  readonly progress: Progress;
  readonly shards: readonly Shard[];
  readonly learnt: Learnt;
}

export type PaymentResult = Extract<PaymentEvent, { event: 'payment_succeeded' | 'payment_failed' }>;

export type Payment =
  | { readonly kind: 'new' }
  | Running
  /** Over; kept until the node has taken note. */
  | { readonly kind: 'finished'; readonly result: PaymentResult }
  | { readonly kind: 'forgotten' };

export const newPayment: Payment = { kind: 'new' };

/** Whether a request is for an ordinary payment, without shares. */
export const isOrdinary = (request: PaymentRequest): request is OrdinaryRequest =>
  request.scheme === 'single' || request.scheme === 'mpp';

/** Whether a request is for lnd's AMP. */
export const isDeployed = (request: PaymentRequest): request is DeployedRequest => request.scheme === 'deployed';

/** Whether a request is for an AMP in EOBs. */
export const isEob = (request: PaymentRequest): request is AmpRequest => !isOrdinary(request) && !isDeployed(request);

/** The share scheme; undefined for an ordinary payment and for lnd's AMP, and where the running program does not know it. */
export const schemeOf = (request: PaymentRequest, { schemes }: { readonly schemes: Schemes }): Scheme | undefined =>
  isEob(request) ? schemes.get(request.scheme) : undefined;

/** What cuts the amount; undefined where the running program does not know it. */
export const strategyOf = (
  { strategy = defaultStrategy }: PaymentRequest,
  { strategies }: { readonly strategies: Strategies },
): Strategy | undefined => strategies.get(strategy);

/** What a strategy is told of a payment: none of its secrets. */
export const wishOf = ({ amount, maxFee, shards, maxShards, minShard }: PaymentRequest): CutWish => ({
  ...{ amount, maxFee, shards, maxShards, minShard },
});

/** Shards beyond those that are needed. */
export const redundancyOf = (request: PaymentRequest): number => (isEob(request) ? (request.redundancy ?? 0) : 0);

/** The payment hash of a shard that may be offered. */
export const hashOf = ({ request, progress: { sender } }: Running, { assigned }: Shard): PaymentHash => {
  if (isOrdinary(request)) return request.paymentHash;
  if (sender === undefined || assigned === undefined) throw new RangeError('this shard has no share yet');
  const [first] = assigned.shares;
  return isDeployed(request)
    ? deployedChild(sender.root, first?.share ?? sender.root, assigned.index).paymentHash
    : child(sender.root, assigned.index).paymentHash;
};

/** What a route takes beyond what arrives. */
export const routeFee = (route: Route): Msat => subMsat(route[0].amount, (route.at(-1) ?? route[0]).amount);

/** A hop's channel, away from the node before it; from ourselves for the first. */
export const directionOf = (route: Route, hop: number): Direction | undefined => {
  const at = route[hop];
  return at === undefined ? undefined : { scid: at.scid, from: route[hop - 1]?.node };
};

const routeOf = ({ state }: Shard): Route | undefined =>
  state.kind === 'routed' || state.kind === 'in_flight' ? state.route : undefined;

/** Fees paid, and fees that the shards with a route would pay. */
const committedFees = (shards: readonly Shard[]): Msat =>
  sumMsat(
    shards.map((shard) => {
      if (shard.state.kind === 'fulfilled') return subMsat(shard.state.sent, shard.amount);
      const route = routeOf(shard);
      return route === undefined ? msat(0n) : routeFee(route);
    }),
  );

/** What the shards without a route may still spend on fees. */
export const feesLeft = ({ request, shards }: Running): Msat => {
  const spent = committedFees(shards);
  return spent > request.maxFee ? msat(0n) : subMsat(request.maxFee, spent);
};

const sameNode = (a: Point | undefined, b: Point | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && equal(a, b));

interface Sum {
  readonly scid: Hop['scid'];
  readonly from: Point | undefined;
  readonly offered: boolean;
  amount: Msat;
  count: number;
}

/** What the payment's own shards take of every channel on their routes. Asked for each route: sums are added up in place. */
export const reservedBy = ({ shards }: Running): readonly Reserved[] => {
  // By channel, of which there are few entries each: two directions, offered or not.
  const sums = new Map<bigint, Sum[]>();
  for (const shard of shards) {
    const offered = shard.state.kind === 'in_flight';
    let from: Point | undefined;
    for (const { scid, amount, node } of routeOf(shard) ?? []) {
      const ofChannel = sums.get(scid);
      const before = ofChannel?.find((one) => one.offered === offered && sameNode(one.from, from));
      if (before !== undefined) {
        before.amount = addMsat(before.amount, amount);
        before.count++;
      } else {
        const first = { scid, from, offered, amount, count: 1 };
        if (ofChannel === undefined) sums.set(scid, [first]);
        else ofChannel.push(first);
      }
      from = node;
    }
  }
  return [...sums.values()].flat();
};

export const isIn =
  (...kinds: readonly ShardState['kind'][]) =>
  ({ state }: Shard): boolean =>
    kinds.includes(state.kind);

/** What has been claimed of the payment so far. */
export const totalsOf = ({ request, shards }: Running): PaymentTotals => {
  const amounts: Msat[] = [];
  const sent: Msat[] = [];
  const preimages: Preimage[] = [];
  for (const { amount, state } of shards) {
    if (state.kind !== 'fulfilled') continue;
    amounts.push(amount);
    sent.push(state.sent);
    preimages.push(state.preimage);
  }
  return {
    amount: sumMsat(amounts),
    amountSent: sumMsat(sent),
    parts: preimages.length,
    preimages: isOrdinary(request) ? preimages.slice(0, 1) : preimages,
  };
};
