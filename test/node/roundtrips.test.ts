/** How long a share is kept back: what was measured, smoothed as RFC 6298 does, and nothing where nothing is to be expected. */
import { describe, expect, test } from 'vitest';
import type { Route } from '../../amp/route.ts';
import { RoundTrips } from '../../node/pay/roundtrips.ts';
import { msat, paymentHash, preimage, shortChannelId } from '../../wire/units.ts';
import { via } from '../amp/byhand.ts';

const route = via(1, 1000n);
const direct: Route = [route[0]];
const longer: Route = [...route, ...via(7, 1000n)];
const secret = new Uint8Array(32);

/** An HTLC offered at `at` of which `outcome` is said at `back`. */
const shard = (
  trips: RoundTrips,
  {
    over = route,
    at = 0,
    back,
    hop,
    attempt = 0,
  }: { over?: Route; at?: number; back: number; hop: number; attempt?: number },
): void => {
  const common = { payment: 'p', shard: 0, attempt, paymentHash: paymentHash(secret), route: over };
  trips.take({ ...common, event: 'shard_offered', index: 0, frame: secret, blobs: [] }, at);
  trips.take({ ...common, event: 'shard_failed', hop, failure: 'temporary_channel_failure', detail: undefined }, back);
};

test('where nothing was measured a second is waited, and nothing for the destination alone', () => {
  const trips = new RoundTrips();
  expect(trips.of(route, 0)).toBe(1000);
  expect(trips.of(direct, 0)).toBe(0);
});

test('the first measurement counts three times, and steady ones come to their mean, but 50 ms at least', () => {
  const trips = new RoundTrips();
  shard(trips, { back: 100, hop: 0 });
  expect(trips.of(route, 0)).toBe(300);
  for (let i = 0; i < 60; i++) shard(trips, { back: 100, hop: 0 });
  expect(trips.of(route, 0)).toBe(101);
  for (let i = 0; i < 60; i++) shard(trips, { back: 3, hop: 0 });
  expect(trips.of(route, 0)).toBe(50);
});

test('one that is late widens the wait, which never exceeds five seconds', () => {
  const trips = new RoundTrips();
  for (let i = 0; i < 60; i++) shard(trips, { back: 100, hop: 0 });
  shard(trips, { back: 500, hop: 0 });
  expect(trips.of(route, 0)).toBe(551);
  shard(trips, { back: 1_000_000, hop: 0 });
  expect(trips.of(route, 0)).toBe(5000);
});

describe('each outlet and number of hops is measured by itself, and what is not known', () => {
  test('follows from the same outlet and more hops', () => {
    const trips = new RoundTrips();
    shard(trips, { over: longer, back: 400, hop: 2 });
    shard(trips, { over: via(2, 1000n), back: 40, hop: 0 });
    expect(trips.of(route, 0)).toBe(1200);
    expect(trips.of(via(2, 1000n), 0)).toBe(120);
  });

  test('follows from other outlets where this one was never measured', () => {
    const trips = new RoundTrips();
    shard(trips, { back: 40, hop: 0 });
    expect(trips.of(via(3, 1000n), 0)).toBe(120);
    expect(trips.of(longer, 0)).toBe(1000);
  });
});

describe('a route whose destination has just answered an HTLC, as it does a probe', () => {
  const trips = new RoundTrips();
  shard(trips, { at: 1000, back: 1500, hop: 1 });

  test('is waited for no longer, for ten seconds and as much', () => {
    expect(trips.of(route, 11_499)).toBe(0);
    expect(trips.of(via(1, 999n), 11_499)).toBe(0);
  });

  test('is waited for again later, or for more', () => {
    expect(trips.of(route, 11_500)).toBe(1000);
    expect(trips.of(via(1, 1001n), 1500)).toBe(1000);
  });

  test('says nothing of how long others take, since it may have waited for its set', () => {
    expect(trips.of(via(2, 1000n), 1500)).toBe(1000);
  });
});

test('of claimed shards only the last that left tells how long it takes', () => {
  const trips = new RoundTrips();
  const common = { payment: 'p', paymentHash: paymentHash(secret), route };
  for (const attempt of [0, 1])
    trips.take(
      { ...common, shard: attempt, attempt, event: 'shard_offered', index: 0, frame: secret, blobs: [] },
      attempt * 700,
    );
  trips.take({ ...common, event: 'shard_fulfilled', shard: 0, attempt: 0, preimage: preimage(secret) }, 800);
  expect(trips.of(via(2, 1000n), 800)).toBe(1000);
  trips.take({ ...common, event: 'shard_fulfilled', shard: 1, attempt: 1, preimage: preimage(secret) }, 800);
  expect(trips.of(via(2, 1000n), 800)).toBe(300);
  // The route itself has just carried as much.
  expect(trips.of(route, 800)).toBe(0);
});

test('measurements of a thousand outlets are remembered, and of more not those of longest ago', () => {
  const trips = new RoundTrips();
  const over = (n: number): Route => [
    { ...route[0], scid: shortChannelId(BigInt(n)) },
    { ...route[0], amount: msat(1n) },
  ];
  shard(trips, { over: over(0), back: 40, hop: 0 });
  for (let n = 1; n <= 1000; n++) shard(trips, { over: over(n), back: 400, hop: 0 });
  expect(trips.of(over(0), 0)).toBeGreaterThan(120);
});

test('payments are kept in mind while they are under way, and no more than a thousand of them', () => {
  const trips = new RoundTrips();
  const offered = (payment: string): void => {
    const common = { payment, shard: 0, attempt: 0, paymentHash: paymentHash(secret), route };
    trips.take({ ...common, event: 'shard_offered', index: 0, frame: secret, blobs: [] }, 0);
  };
  for (let i = 0; i < 1010; i++) offered(`${i}`);
  expect(trips.payments).toBe(1000);
  trips.forget('1009');
  expect(trips.payments).toBe(999);
});
