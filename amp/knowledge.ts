/**
 * What attempts teach about the channels of others, beyond the payment that made them: which direction of a channel did not carry how
 * much, and what one carried, each with its time. A failure counts half as much with every hour, as lnd's mission control has it,
 * and six hours later not at all. It makes a channel less likely and never forbids one: its balance may have changed by now.
 *
 * Only what a node says of itself and of its own channels is taken, since nobody else can be made to look bad by that: a failure of
 * which the origin is unknown, and one of the destination, teach nothing about who failed.
 */

import type { FailureName } from '../onion/failuremessages.ts';
import { type Msat, msat, type Point, type ShortChannelId } from '../wire/units.ts';
import type { ShardFailure } from './events.ts';
import type { Route } from './route.ts';

/** Seconds in which what a failure counts halves. */
export const HALF_LIFE = 3600;
/** Seconds after which it no longer counts. */
export const COUNTS_FOR = 6 * HALF_LIFE;

/** What an attempt taught about one direction of a channel: that it carried an amount, or that it did not. */
export interface Lesson {
  readonly scid: ShortChannelId;
  readonly from: Point;
  readonly to: Point;
  /** Where it was not carried: 0 if nothing would be. */
  readonly amount: Msat;
  readonly carried: boolean;
}

/** An amount and when it was tried, in Unix seconds. */
export interface Tried {
  readonly amount: Msat;
  readonly at: number;
}

/** What is known of one direction of a channel. */
export interface DirectionKnowledge {
  /** The most that it carried. */
  readonly carried: Tried | undefined;
  /** The least that it did not carry. */
  readonly failed: Tried | undefined;
}

export const nothingKnown: DirectionKnowledge = { carried: undefined, failed: undefined };

/** What a failure says of the channel behind the node that sent it: short of this amount, or not to be used. */
const ofChannel: ReadonlySet<string> = new Set<FailureName>([
  'unknown_next_peer',
  'channel_disabled',
  'permanent_channel_failure',
  'required_channel_feature_missing',
]);
/** A failure that is about the whole node. */
const ofNode: ReadonlySet<string> = new Set<FailureName>([
  'temporary_node_failure',
  'permanent_node_failure',
  'required_node_feature_missing',
]);

/**
 * What an attempt over `route` taught once it was over; `failure` undefined: it was claimed. About channels of others alone: the
 * balances of our own are known.
 */
export const lessonsOf = (route: Route, failure: ShardFailure | undefined): readonly Lesson[] => {
  const last = route.length - 1;
  const hop = failure === undefined ? last : failure.hop;
  if (hop === undefined || hop < 0 || hop > last) return [];
  const lesson = (n: number, carried: boolean, all = false): readonly Lesson[] => {
    const [before, at] = [route[n - 1], route[n]];
    if (before === undefined || at === undefined) return [];
    return [{ scid: at.scid, from: before.node, to: at.node, amount: all ? msat(0n) : at.amount, carried }];
  };
  const name = failure?.detail?.name ?? '';
  const carried = route.flatMap((_, n) => (n <= hop ? lesson(n, true) : []));
  if (hop === last) return carried;
  if (name === 'temporary_channel_failure') return [...carried, ...lesson(hop + 1, false)];
  if (ofChannel.has(name)) return [...carried, ...lesson(hop + 1, false, true)];
  if (ofNode.has(name)) return [...carried.slice(0, -1), ...lesson(hop, false, true), ...lesson(hop + 1, false, true)];
  return carried;
};

/** Seconds by which a clock may go back without harm; what was tried later than that counts for nothing, for it would count for long. */
const MOST_AHEAD = 600;

/** How much what was tried at a time still counts, from 1 to 0. `now` in Unix seconds. */
export const weightOf = ({ at }: Tried, now: number): number => {
  const age = Math.max(0, now - at);
  return age >= COUNTS_FOR || at > now + MOST_AHEAD ? 0 : 2 ** (-age / HALF_LIFE);
};

/** Whether anything of it still counts. */
export const stillCounts = ({ carried, failed }: DirectionKnowledge, now: number): boolean =>
  [carried, failed].some((tried) => tried !== undefined && weightOf(tried, now) > 0);

const countsHalf = (tried: Tried | undefined, now: number): tried is Tried =>
  tried !== undefined && weightOf(tried, now) > 1 / 2;

/** What is known of a direction with one more lesson, at `now` in Unix seconds. What contradicts it is forgotten. */
export const withLesson = (
  { carried, failed }: DirectionKnowledge,
  { amount, ...lesson }: Pick<Lesson, 'amount' | 'carried'>,
  now: number,
): DirectionKnowledge => {
  if (lesson.carried) {
    const most = countsHalf(carried, now) && carried.amount > amount ? carried.amount : amount;
    return { carried: { amount: most, at: now }, failed: failed && failed.amount > amount ? failed : undefined };
  }
  const least = countsHalf(failed, now) && failed.amount < amount ? failed.amount : amount;
  return { carried: carried && carried.amount < amount ? carried : undefined, failed: { amount: least, at: now } };
};
