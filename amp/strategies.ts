/**
 * The table of strategies, by which payments are cut: a new one is a row here, or given to a node by the program that runs it. What
 * comes of one is checked before it is used: a mistake in it costs the payment.
 */

import { type Msat, msat } from '../wire/units.ts';
import { cut, cutByWindows, cutEqually, cutInHalves, halve } from './cut.ts';
import type { PaymentFailure } from './events.ts';
import type { Outlet } from './route.ts';
import type { CutWish, Piece, Strategies, Strategy } from './strategy.ts';

/** To what one route carries, or else in half, where there is none for all of it. */
const splitWithoutRoute: Strategy['split'] = ({ minShard }, { amount, cause, largest }) =>
  cause === 'no_route' ? halve(amount, minShard, largest) : undefined;

/** Channels that did not carry a piece before it is cut: the next is then likelier to be short of it than not, and of half of it is not. */
const REFUSED = 3;
/** Parts of the amount that are not cut for that any more: more HTLCs, each with fees of its own, no longer make up for it. */
const SMALLEST = 8n;

/**
 * By what our channels can carry: one piece where one channel can, otherwise over the fewest channels; or as many as wanted. A
 * failed piece takes other routes, until several channels did not carry it: then each half does. It is cut to what one route carries, or
 * else in half, once there is none for all of it.
 */
const outlets: Strategy = {
  name: 'outlets',
  needsShards: false,
  usesWindows: false,
  cut,
  split: (wish, piece) => {
    const { amount, cause, refusals } = piece;
    if (cause !== 'failed') return splitWithoutRoute(wish, piece);
    const isLarge = amount * SMALLEST > wish.amount;
    return isLarge && refusals >= REFUSED ? halve(amount, wish.minShard, undefined) : undefined;
  },
};

/** So many equal pieces, which stay as they are: a failed one takes other routes while there are any. */
const equal: Strategy = {
  name: 'equal',
  needsShards: true,
  usesWindows: false,
  cut: cutEqually,
  split: () => undefined,
};

/**
 * Tries to pay; what fails is split in two halves, and each of them is tried in the same way. A share that was sent can be split by
 * scheme `tree`, in lnd's AMP and in basic multi-part payments; by the others what fails takes another route whole.
 */
const halving: Strategy = {
  name: 'halving',
  needsShards: false,
  usesWindows: false,
  cut: cutInHalves,
  split: ({ minShard }, { amount }) => halve(amount, minShard, undefined),
};

/** What is over a window is cut where at least such a part of it may be sent: crumbs are not worth an HTLC. */
const CRUMBS = 8n;

/**
 * By congestion windows, which grow with every round trip and are halved by a loss: outlets get what their windows leave, and of a piece
 * that is over the window of its route, what that leaves goes over it and the rest over another. A window bounds what is sent while
 * there are other ways, and never forbids the only one.
 */
const congestion: Strategy = {
  name: 'congestion',
  needsShards: false,
  usesWindows: true,
  cut: cutByWindows,
  split: ({ minShard }, { amount, cause, largest = msat(0n) }) => {
    if (cause === 'no_route') return halve(amount, minShard, largest);
    const fits = cause === 'over_window' && largest >= minShard && largest * CRUMBS >= amount;
    return fits && amount - largest >= minShard && largest < amount ? [largest, msat(amount - largest)] : undefined;
  },
};

/**
 * By the cheapest flow over the known network: as many parts as it takes, however large each can be, planned together. What fails is planned
 * again with everything else that waits, by what was learnt in the meantime. Of equal shards with spare ones each is a unit of the flow.
 */
const flow: Strategy = { ...outlets, name: 'flow', usesFlows: true, split: splitWithoutRoute };

const named = (rows: readonly Strategy[]): Strategies => new Map(rows.map((strategy) => [strategy.name, strategy]));

/** Every strategy that a node knows by itself. */
export const strategies: Strategies = named([outlets, equal, halving, congestion, flow]);

/** Their names. */
export const strategyNames: readonly string[] = [...strategies.keys()];

/** What a payment is cut by that names none, as those of earlier versions. */
export const defaultStrategy = outlets.name;

/** Whether a payment by this strategy can have spare shards, which are all equal: those of others are as large as the strategy says. */
export const takesSpare = ({ name, usesFlows }: Strategy): boolean => name === defaultStrategy || usesFlows === true;

/** The names of those, as in "outlets or flow". */
export const spareStrategies = (known: Strategies): string =>
  [...known.values()]
    .filter(takesSpare)
    .map(({ name }) => name)
    .join(' or ');

/**
 * These and a program's own. Throws RangeError for a name that is taken, or none at all: names have up to 32 lower-case letters,
 * digits or hyphens.
 */
export const withStrategies = (own: readonly Strategy[], base: Strategies = strategies): Strategies => {
  const all = new Map(base);
  for (const strategy of own) {
    const { name } = strategy;
    if (!/^[a-z0-9-]{1,32}$/.test(name))
      throw new RangeError(`strategy ${name}: expected a name of up to 32 lower-case letters, digits or hyphens`);
    if (all.has(name)) throw new RangeError(`strategy ${name}: the name is taken`);
    all.set(name, strategy);
  }
  return all;
};

/** For a request that names a strategy which this node does not have. */
export const unknownStrategy = (known: Strategies): PaymentFailure => ({
  code: 'bad_request',
  field: 'strategy',
  expected: `one of ${[...known.keys()].join(', ')}`,
});

/** Most letters of what a strategy says or throws that go into a failure. */
const MOST_TEXT = 200;

const failed = ({ name }: Strategy, detail: string): PaymentFailure => ({
  code: 'strategy_failed',
  strategy: name,
  detail: detail.slice(0, MOST_TEXT),
});

/** Raised in the place of an answer that a strategy did not give; the message is a sentence about it that begins with "it". */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

const thrown = (error: unknown): string =>
  error instanceof NoAnswer ? error.message : `it threw ${error instanceof Error ? error.message : String(error)}`;

/** What is wrong with pieces that are to stand in the place of `amount`; undefined for nothing. */
const faultOf = (pieces: unknown, amount: Msat, most: number, least: Msat): string | undefined => {
  if (!Array.isArray(pieces)) return 'it gave no list of pieces';
  if (pieces.length === 0 || pieces.length > most) return `it gave ${pieces.length} pieces, where 1 to ${most} may be`;
  let sum = 0n;
  for (const piece of pieces) {
    if (typeof piece !== 'bigint') return 'it gave a piece that is not a bigint of msat';
    if (piece <= 0n) return `it gave a piece of ${piece} msat`;
    if (pieces.length > 1 && piece < least)
      return `it gave a piece of ${piece} msat, where none may be below ${least} msat`;
    sum += piece;
  }
  return sum === amount ? undefined : `its pieces come to ${sum} msat, not to ${amount} msat`;
};

/** The pieces to begin with, checked; or why there are none. undefined: the outlets cannot carry the amount. */
export const firstPieces = (
  strategy: Strategy,
  wish: CutWish,
  outlets: readonly Outlet[],
): readonly Msat[] | PaymentFailure | undefined => {
  try {
    const pieces = strategy.cut(wish, outlets);
    if (pieces === undefined) return undefined;
    if (typeof pieces === 'object' && pieces !== null && 'expected' in pieces) {
      const { field, expected } = pieces;
      if (typeof field !== 'string' || typeof expected !== 'string') return failed(strategy, 'its refusal is no text');
      return { code: 'bad_request', field: field.slice(0, MOST_TEXT), expected: expected.slice(0, MOST_TEXT) };
    }
    const fault = faultOf(pieces, wish.amount, wish.maxShards, wish.minShard);
    return fault === undefined ? pieces : failed(strategy, fault);
  } catch (error) {
    return failed(strategy, thrown(error));
  }
};

/** Two pieces in place of one, checked; or what is wrong with the strategy. undefined: it is not cut. */
export const splitPieces = (
  strategy: Strategy,
  wish: CutWish,
  piece: Piece,
): readonly [Msat, Msat] | PaymentFailure | undefined => {
  try {
    const pieces = strategy.split(wish, piece);
    if (pieces === undefined) return undefined;
    const fault = faultOf(pieces, piece.amount, 2, wish.minShard);
    if (fault !== undefined || pieces.length !== 2) return failed(strategy, fault ?? 'it did not give two pieces');
    return pieces;
  } catch (error) {
    return failed(strategy, thrown(error));
  }
};
