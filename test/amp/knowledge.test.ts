/** What attempts teach about the channels of others, how long that counts, and what contradicts it. */
import { describe, expect, test } from 'vitest';
import {
  COUNTS_FOR,
  HALF_LIFE,
  lessonsOf,
  nothingKnown,
  stillCounts,
  weightOf,
  withLesson,
} from '../../amp/knowledge.ts';
import type { Route } from '../../amp/route.ts';
import type { Failure } from '../../onion/failuremessages.ts';
import { zeros } from '../../wire/bytes.ts';
import { msat } from '../../wire/units.ts';
import { scid } from './byhand.ts';
import { nodeOf } from './payer.ts';

/** Over channels 1 to 4, which carry 400, 300, 200 and 100. */
const [first, ...others] = [1, 2, 3, 4].map((n) => ({
  ...{ node: nodeOf(n), scid: scid(n), amount: msat(500n - 100n * BigInt(n)), expiry: 500, tlvOnly: true },
}));
if (first === undefined) throw new Error('a route has a hop');
const route: Route = [first, ...others];
const update = { channel_update: zeros(0) };
const failedAt = (hop: number | undefined, detail?: Failure) =>
  lessonsOf(route, { hop, failure: detail?.name ?? 'unreadable', detail }).map(({ scid: n, amount, carried }) =>
    carried ? `${n} carried ${amount}` : `${n} failed ${amount}`,
  );

describe('an attempt', () => {
  test.each<[string, readonly string[], readonly string[]]>([
    [
      'that was claimed teaches what every channel of others carried',
      lessonsOf(route, undefined).map(({ scid: n, amount, carried }) => `${n} ${carried} ${amount}`),
      ['2 true 300', '3 true 200', '4 true 100'],
    ],
    [
      'that a forwarder had no balance for teaches what its next channel did not carry, and what those before did',
      failedAt(1, { name: 'temporary_channel_failure', ...update }),
      ['2 carried 300', '3 failed 200'],
    ],
    [
      'for a channel that is not to be had teaches that it carries nothing',
      failedAt(0, { name: 'unknown_next_peer' }),
      ['2 failed 0'],
    ],
    [
      'at a node that fails teaches that its channels carry nothing',
      failedAt(1, { name: 'temporary_node_failure' }),
      ['2 failed 0', '3 failed 0'],
    ],
    [
      'that the destination refused teaches what was carried, as a probe does',
      failedAt(3, { name: 'incorrect_or_unknown_payment_details', htlc_msat: msat(1n), height: 1 }),
      ['2 carried 300', '3 carried 200', '4 carried 100'],
    ],
    [
      'that paid too little fee teaches nothing against the channel',
      failedAt(1, { name: 'fee_insufficient', htlc_msat: msat(1n), ...update }),
      ['2 carried 300'],
    ],
    ['that nobody can be blamed for teaches nothing', failedAt(undefined), []],
    ['that never left teaches nothing', failedAt(-1), []],
    ['of which the failure names no hop of the route teaches nothing', failedAt(9), []],
  ])('%s', (_, found, expected) => {
    expect(found).toEqual(expected);
  });
});

const failed = (amount: bigint, now: number, before = nothingKnown) =>
  withLesson(before, { amount: msat(amount), carried: false }, now);
const carried = (amount: bigint, now: number, before = nothingKnown) =>
  withLesson(before, { amount: msat(amount), carried: true }, now);

describe('what is known of a direction', () => {
  test('counts half as much with every hour, and after six not at all', () => {
    const tried = { amount: msat(1n), at: 1000 };
    expect([0, 1, 2].map((hours) => weightOf(tried, 1000 + hours * HALF_LIFE))).toEqual([1, 1 / 2, 1 / 4]);
    expect(weightOf(tried, 1000 + COUNTS_FOR)).toBe(0);
    expect(weightOf(tried, 900)).toBe(1);
    expect(stillCounts(failed(1n, 1000), 999 + COUNTS_FOR)).toBe(true);
    expect(stillCounts(failed(1n, 1000), 1000 + COUNTS_FOR)).toBe(false);
  });

  test('counts for nothing where it is from a time to come, since the clock was wrong then', () => {
    expect(weightOf({ amount: msat(1n), at: 10_000 }, 9_000)).toBe(0);
    expect(stillCounts(failed(1n, 10_000), 9_000)).toBe(false);
  });

  test('keeps the least that failed and the most that was carried, and forgets what contradicts the latest', () => {
    expect(failed(500n, 20, failed(300n, 10))).toMatchObject({ failed: { amount: 300n, at: 20 } });
    expect(failed(200n, 20, failed(300n, 10))).toMatchObject({ failed: { amount: 200n, at: 20 } });
    expect(carried(200n, 20, carried(300n, 10))).toMatchObject({ carried: { amount: 300n, at: 20 } });
    expect(carried(300n, 20, failed(300n, 10))).toEqual({ carried: { amount: 300n, at: 20 }, failed: undefined });
    expect(carried(299n, 20, failed(300n, 10)).failed).toEqual({ amount: 300n, at: 10 });
    expect(failed(300n, 20, carried(300n, 10))).toEqual({ carried: undefined, failed: { amount: 300n, at: 20 } });
    expect(failed(301n, 20, carried(300n, 10)).carried).toEqual({ amount: 300n, at: 10 });
  });

  test('of more than an hour ago gives way to what was learnt now', () => {
    expect(failed(500n, 10 + 2 * HALF_LIFE, failed(300n, 10))).toMatchObject({ failed: { amount: 500n } });
    expect(carried(200n, 10 + 2 * HALF_LIFE, carried(300n, 10))).toMatchObject({ carried: { amount: 200n } });
  });
});
