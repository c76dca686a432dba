/**
 * How an amount is cut. At first by what our own channels can carry, which we know; later, where the network turned out not to
 * carry a piece, by halving it. Cutting never loses a millisatoshi.
 */

import { type Msat, msat } from '../wire/units.ts';
import type { Outlet } from './route.ts';

export interface CutWish {
  readonly amount: Msat;
  /** Fees ride on top, so outlets are filled a little less. */
  readonly maxFee: Msat;
  /** Wanted number of pieces. */
  readonly shards: number | undefined;
  readonly maxShards: number;
  readonly minShard: Msat;
}

const sum = (values: readonly bigint[]): bigint => values.reduce((a, b) => a + b, 0n);

/** `count` pieces, none differing from another by more than 1 msat, the larger first. */
const evenly = (amount: bigint, count: number): readonly bigint[] => {
  const n = BigInt(count);
  return Array.from({ length: count }, (_, i) => amount / n + (BigInt(i) < amount % n ? 1n : 0n));
};

/** The fewest of `rooms` (largest first) that hold `amount`; undefined when all of them do not. */
const fewest = (rooms: readonly bigint[], amount: bigint): readonly bigint[] | undefined => {
  let held = 0n;
  for (const [i, room] of rooms.entries()) {
    held += room;
    if (held >= amount) return rooms.slice(0, i + 1);
  }
  return undefined;
};

/** `amount` over `rooms` in proportion to their size. What division leaves over goes where there is room. */
const proportionally = (amount: bigint, rooms: readonly bigint[]): readonly bigint[] => {
  const total = sum(rooms);
  const out = rooms.map((room) => (amount * room) / total);
  let left = amount - sum(out);
  return out.map((piece, i) => {
    const more = left < (rooms[i] ?? 0n) - piece ? left : (rooms[i] ?? 0n) - piece;
    left -= more;
    return piece + more;
  });
};

/** Pieces that each fit one of `rooms`: as many as wanted while none gets smaller than `minShard`, and at least one a room. */
const intoRooms = (amount: bigint, rooms: readonly bigint[], count: number, minShard: bigint): readonly bigint[] => {
  const even = evenly(amount, count);
  const largest = even[0] ?? amount;
  if (sum(rooms.map((room) => room / largest)) >= BigInt(count)) return even;
  const fills = proportionally(amount, rooms).map((fill) => ({ fill, pieces: 1 }));
  for (let pieces = fills.length; pieces < count; pieces++) {
    const thickest = fills.reduce((a, b) => (b.fill * BigInt(a.pieces) > a.fill * BigInt(b.pieces) ? b : a));
    if (thickest.fill < minShard * BigInt(thickest.pieces + 1)) break;
    thickest.pieces++;
  }
  return fills.flatMap(({ fill, pieces }) => evenly(fill, pieces));
};

/** Into how many pieces the amount can be cut while none gets smaller than `minShard`. */
const mostPieces = ({ amount, minShard }: CutWish): number => Number(amount / (minShard > 0n ? minShard : 1n));

/**
 * The first cut of a payment over its outlets: one piece where one channel can carry it, otherwise the fewest, or as many as
 * wanted while none gets smaller than `minShard`. undefined when the outlets together cannot carry the amount in `maxShards`.
 */
export const cut = (wish: CutWish, outlets: readonly Outlet[]): readonly Msat[] | undefined => {
  const { amount, maxFee, shards, maxShards, minShard } = wish;
  const rooms = outlets
    .filter(({ slots, spendable }) => slots > 0 && spendable > 0n)
    .map(({ spendable }): bigint => spendable)
    .sort((a, b) => (a < b ? 1 : a > b ? -1 : 0));
  // Each of the fewest rooms gets more than half of what the smallest of them holds; so no piece is below `minShard`.
  const roomy = rooms.filter((room, i) => i === 0 || room >= 2n * minShard);
  const belowFees = roomy.map((room) => (room * amount) / (amount + maxFee)).filter((room) => room > 0n);
  const used = fewest(belowFees, amount) ?? fewest(roomy, amount);
  if (used === undefined || used.length > maxShards) return undefined;
  const count = Math.max(used.length, Math.min(shards ?? 1, maxShards, mostPieces(wish)));
  return intoRooms(amount, used, count, minShard)
    .filter((piece) => piece > 0n)
    .map(msat);
};

/**
 * Equal pieces of which `n - redundancy` make up the amount: as few as wanted, fewer where they would be smaller than
 * `minShard`, or as many more as it takes for all of them to fit and to come to no more than `maxOverpayment` beyond the amount.
 * The least overpayment where that is what they exceed; undefined where the outlets cannot carry them.
 */
export const cutWithSpare = (
  wish: CutWish & { readonly redundancy: number },
  outlets: readonly Outlet[],
  maxOverpayment: Msat,
): readonly Msat[] | Msat | undefined => {
  const { amount, maxFee, shards, maxShards, minShard, redundancy } = wish;
  let least: Msat | undefined;
  const fewestNeeded = Math.max(1, Math.min(shards ?? 1, mostPieces(wish)));
  for (let needed = fewestNeeded; needed + redundancy <= maxShards; needed++) {
    const piece = (amount + BigInt(needed) - 1n) / BigInt(needed);
    if (needed > 1 && piece < minShard) break;
    const count = needed + redundancy;
    const sent = piece * BigInt(count);
    const fitting = outlets.reduce((sum, { spendable, slots }) => {
      const fits = (spendable * amount) / (amount + maxFee) / piece;
      return sum + (fits < BigInt(slots) ? Number(fits) : slots);
    }, 0);
    if (fitting < count) continue;
    if (sent - amount <= maxOverpayment) return Array.from({ length: count }, () => msat(piece));
    least = msat(sent - amount);
  }
  return least;
};

/**
 * Two pieces of one that no route carries: halves, or what a route would carry and the rest. undefined when a piece would be
 * smaller than `minShard`.
 */
export const halve = (amount: Msat, minShard: Msat, largest: Msat | undefined): readonly [Msat, Msat] | undefined => {
  const floor = minShard > 0n ? minShard : 1n;
  if (amount < 2n * floor) return undefined;
  const fits = largest !== undefined && largest >= floor && largest <= amount - floor;
  const first = fits ? largest : amount / 2n;
  return [msat(first), msat(amount - first)];
};
