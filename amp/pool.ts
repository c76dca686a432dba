/**
 * What of a payment is planned together by a strategy that uses flows: shards that wait and have no share yet are one amount, to be cut
 * anew in any way; one that has its share is planned alone, and cut as far as its scheme can split it. Shards of which any so many will do
 * stay as they are: all that wait are planned together, each for a route of its own.
 */
import { type Msat, msat, sumMsat } from '../wire/units.ts';
import type { PaymentContext } from './io.ts';
import { isIn, type Running, redundancyOf, type Shard, schemeOf, strategyOf } from './payment.ts';

export interface Pool {
  /** The shards by number, lowest first. */
  readonly shards: readonly number[];
  /** What they come to. */
  readonly amount: Msat;
  /** In how many they may go on, at least 1. */
  readonly most: number;
  /** What each of them carries, where they are not to be cut. */
  readonly unit?: Msat;
}

/** Shards that count: one that was given up leaves its place to another. */
const open = ({ shards }: Running): number => shards.filter((shard) => !isIn('dropped')(shard)).length;

/** Whether a shard has a share that cannot be split. */
const isFixed = ({ request, progress: { sender } }: Running, { assigned }: Shard, context: PaymentContext): boolean => {
  const scheme = schemeOf(request, context);
  if (assigned === undefined) return scheme?.fixesCount === true && sender !== undefined;
  return sender === undefined || scheme?.split(sender, request.entropy, assigned) === undefined;
};

/** All equal shards that wait. */
const equalPool = (all: readonly Shard[], unit: Msat): Pool => {
  const shards = [...all.keys()].filter((i) => all[i]?.state.kind === 'waiting');
  return { shards, amount: msat(unit * BigInt(shards.length)), most: shards.length, unit };
};

/** What is to be planned next; undefined where nothing waits, or the payment uses no flows. */
export const poolOf = (payment: Running, context: PaymentContext): Pool | undefined => {
  const { request, shards } = payment;
  const usesFlows = strategyOf(request, context)?.usesFlows === true;
  if (!usesFlows || request.scheme === 'single') return undefined;
  const first = shards.findIndex(isIn('waiting'));
  const shard = shards[first];
  if (shard === undefined) return undefined;
  if (redundancyOf(request) > 0) return equalPool(shards, shard.amount);
  if (isFixed(payment, shard, context)) return { shards: [first], amount: shard.amount, most: 1 };
  const isFree = (one: Shard): boolean => isIn('waiting')(one) && one.assigned === undefined;
  const pooled = shard.assigned !== undefined ? [first] : [...shards.keys()].filter((i) => isFree(shards[i] ?? shard));
  const limit =
    schemeOf(request, context)?.fixesCount === true ? (request.shards ?? request.maxShards) : request.maxShards;
  return {
    shards: pooled,
    amount: sumMsat(pooled.map((i) => (shards[i] ?? shard).amount)),
    most: Math.max(1, limit - open(payment) + pooled.length),
  };
};

/** The payment as it is before its pool is cut: in one piece, where it is to be cut. */
export const inOnePiece = (payment: Running, { shards: [first, ...others], amount, unit }: Pool): Running => {
  if (unit !== undefined) return payment;
  const whole = (shard: Shard, i: number): Shard => (i === first ? { ...shard, amount } : shard);
  return { ...payment, shards: payment.shards.map(whole).filter((_, i) => !others.includes(i)) };
};
