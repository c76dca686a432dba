/**
 * The ways to cut an amount that strategies (strategies.ts) are made of: by what our own channels can carry, into equal pieces, into
 * halves. Cutting never loses a millisatoshi.
 */

import { type Msat, msat } from '../wire/units.ts';
import type { Outlet } from './route.ts';
import type { CutRefusal, CutWish } from './strategy.ts';

const sum = (values: readonly bigint[]): bigint => values.reduce((a, b) => a + b, 0n);

/** `count` pieces, none differing from another by more than 1 msat, the larger first. */
const evenly = (amount: bigint, count: number): readonly bigint[] => {
  const n = BigInt(count);
  return Array.from({ length: count }, (_, i) => amount / n + (BigInt(i) < amount % n ? 1n : 0n));
};

/** What one outlet can take of a payment: so much, in so many HTLCs. */
interface Room {
  readonly holds: bigint;
  readonly slots: number;
  /** The smallest HTLC. */
  readonly least: bigint;
  /** What each HTLC beyond the first takes of `holds` beside its amount. */
  readonly perHtlc: bigint;
}

const holdIn = (rooms: readonly Room[]): bigint => sum(rooms.map(({ holds }) => holds));
export const slotsIn = (rooms: readonly { readonly slots: number }[]): number =>
  rooms.reduce((all, { slots }) => all + slots, 0);

/** The outlets that an HTLC can leave by now, those that hold most first. */
export const roomsOf = (outlets: readonly Outlet[]): readonly Room[] =>
  outlets
    .filter(({ slots, spendable }) => slots > 0 && spendable > 0n)
    .map(({ spendable, slots, minimum = 0n, perHtlc = 0n }) => ({ holds: spendable, slots, least: minimum, perHtlc }))
    .sort((a, b) => (a.holds < b.holds ? 1 : a.holds > b.holds ? -1 : 0));

/** Rooms of which each is filled only so far that its part of the fees fits, too. */
export const belowFees = (rooms: readonly Room[], { amount, maxFee }: CutWish): readonly Room[] =>
  rooms
    .map((room) => ({ ...room, holds: (room.holds * amount) / (amount + maxFee) }))
    .filter(({ holds }) => holds > 0n);

/** Pieces of this size that the rooms can take. */
const fitting = (rooms: readonly Room[], piece: bigint): number =>
  rooms.reduce((all, { holds, slots, least, perHtlc }) => {
    const fits = piece < least ? 0n : (holds + perHtlc) / (piece + perHtlc);
    return all + (fits < BigInt(slots) ? Number(fits) : slots);
  }, 0);

/**
 * The fewest of `rooms` (largest first) that hold `amount`, and as many more as it takes for `count` HTLCs; undefined when all of
 * them do not hold it.
 */
const fewest = (rooms: readonly Room[], amount: bigint, count: number): readonly Room[] | undefined => {
  let held = 0n;
  let slots = 0;
  for (const [i, room] of rooms.entries()) {
    held += room.holds;
    slots += room.slots;
    if (held >= amount && (slots >= count || i === rooms.length - 1)) return rooms.slice(0, i + 1);
  }
  return undefined;
};

/** `amount` over `rooms` in proportion to their size. What division leaves over goes where there is room. */
const proportionally = (amount: bigint, rooms: readonly Room[]): readonly bigint[] => {
  const total = holdIn(rooms);
  const out = rooms.map(({ holds }) => (amount * holds) / total);
  let left = amount - sum(out);
  return out.map((piece, i) => {
    const free = (rooms[i]?.holds ?? 0n) - piece;
    const more = left < free ? left : free;
    left -= more;
    return piece + more;
  });
};

/**
 * Pieces that each fit one of `rooms`: as many as wanted while none gets smaller than `minShard`, and at least one a room. undefined where
 * one a room is too small.
 */
const intoRooms = (
  amount: bigint,
  rooms: readonly Room[],
  count: number,
  minShard: bigint,
): readonly bigint[] | undefined => {
  const even = evenly(amount, count);
  if (fitting(rooms, even[0] ?? amount) >= count) return even;
  const fills = proportionally(amount, rooms).map((fill, i) => ({ fill, pieces: 1, room: rooms[i] }));
  const isTooSmall = ({ fill, room }: (typeof fills)[number]): boolean => fill < minShard || fill < (room?.least ?? 0n);
  if (fills.length > 1 && fills.some(isTooSmall)) return undefined;
  for (let pieces = fills.length; pieces < count; pieces++) {
    const [first, ...others] = fills.filter((one) => {
      const more = BigInt(one.pieces + 1);
      if (one.room === undefined || one.pieces >= one.room.slots || one.fill < minShard * more) return false;
      return one.fill >= one.room.least * more && one.fill + one.room.perHtlc * (more - 1n) <= one.room.holds;
    });
    if (first === undefined) break;
    const thickest = others.reduce((a, b) => (b.fill * BigInt(a.pieces) > a.fill * BigInt(b.pieces) ? b : a), first);
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
  const { amount, shards, maxShards, minShard } = wish;
  const rooms = roomsOf(outlets);
  const wanted = Math.min(shards ?? 1, maxShards, mostPieces(wish));
  // Each of the fewest rooms gets more than half of what the smallest of them holds; so no piece is below `minShard`.
  const roomy = rooms.filter(({ holds, least }, i) => i === 0 || (holds >= 2n * minShard && holds >= 2n * least));
  const fees = belowFees(roomy, wish);
  // With room for fees and enough slots, if that can be had; more rooms than it takes may leave too little for one of them.
  for (const count of new Set([wanted, 1]))
    for (const used of [fewest(fees, amount, count), fewest(roomy, amount, count)]) {
      if (used === undefined || used.length > maxShards) continue;
      const pieces = intoRooms(amount, used, Math.max(used.length, wanted), minShard);
      if (pieces !== undefined) return pieces.filter((piece) => piece > 0n).map(msat);
    }
  return undefined;
};

/**
 * So many equal pieces; or why not: they would be too small, or there are not so many free HTLC slots. undefined when the outlets
 * cannot carry them.
 */
export const cutEqually = (wish: CutWish, outlets: readonly Outlet[]): readonly Msat[] | CutRefusal | undefined => {
  const { amount, minShard } = wish;
  const count = wish.shards ?? 1;
  const rooms = roomsOf(outlets);
  const most = mostPieces(wish);
  if (count > 1 && count > most)
    return { field: 'shards', expected: `${most} at most, since no HTLC may carry less than ${minShard} msat` };
  const slots = slotsIn(rooms);
  if (rooms.length > 0 && count > slots)
    return { field: 'shards', expected: `${slots} at most: so many further HTLCs do our channels take now` };
  const pieces = evenly(amount, count);
  return fitting(rooms, pieces[0] ?? amount) >= count ? pieces.map(msat) : undefined;
};

/** As `cut`, but no outlet gets more than its congestion window leaves, where all of them together leave enough. */
export const cutByWindows = (wish: CutWish, outlets: readonly Outlet[]): readonly Msat[] | undefined => {
  const within = outlets.map((outlet) => {
    const { window, spendable } = outlet;
    return window === undefined || window >= spendable ? outlet : { ...outlet, spendable: window };
  });
  return cut(wish, within) ?? cut(wish, outlets);
};

/** The amount whole where one outlet carries it, or else halves, of which each is halved again that finds no room. */
export const cutInHalves = (wish: CutWish, outlets: readonly Outlet[]): readonly Msat[] | undefined => {
  const rooms = roomsOf(outlets);
  return halvesIn(belowFees(rooms, wish), wish) ?? halvesIn(rooms, wish);
};

const halvesIn = (rooms: readonly Room[], { amount, maxShards, minShard }: CutWish): readonly Msat[] | undefined => {
  const left = rooms.map((room) => ({ ...room }));
  const placed: Msat[] = [];
  // Largest first, since halves go to the end.
  const waiting: Msat[] = [amount];
  for (let piece = waiting.shift(); piece !== undefined; piece = waiting.shift()) {
    const wanted = piece;
    const [first, ...others] = left.filter(({ slots, least }) => slots > 0 && least <= wanted);
    const roomiest = others.reduce((a, b) => (b.holds > (a?.holds ?? 0n) ? b : a), first);
    if (roomiest !== undefined && roomiest.holds >= piece) {
      roomiest.holds -= piece + roomiest.perHtlc;
      roomiest.slots--;
      placed.push(piece);
      continue;
    }
    const halves = placed.length + waiting.length + 2 > maxShards ? undefined : halve(piece, minShard, undefined);
    if (halves === undefined || roomiest === undefined) return undefined;
    waiting.push(...halves);
  }
  return placed;
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
  const { amount, shards, maxShards, minShard, redundancy } = wish;
  let least: Msat | undefined;
  const rooms = belowFees(roomsOf(outlets), wish);
  const fewestNeeded = Math.max(1, Math.min(shards ?? 1, mostPieces(wish)));
  for (let needed = fewestNeeded; needed + redundancy <= maxShards; needed++) {
    const piece = (amount + BigInt(needed) - 1n) / BigInt(needed);
    if (needed > 1 && piece < minShard) break;
    const count = needed + redundancy;
    const sent = piece * BigInt(count);
    if (fitting(rooms, piece) < count) continue;
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
