/** Congestion windows of outlets and channels, as payments measure them, and the routes that keep to them. */
import { describe, expect, test } from 'vitest';
import { FORGOTTEN_AFTER } from '../../amp/congestion.ts';
import type { PaymentEvent } from '../../amp/events.ts';
import type { Reserved, Route } from '../../amp/route.ts';
import { Windows } from '../../node/pay/congestion.ts';
import { routeFound } from '../../node/pay/paymenteffects.ts';
import { RoundTrips } from '../../node/pay/roundtrips.ts';
import { hex, zeros } from '../../wire/bytes.ts';
import { msat, scidOf } from '../../wire/units.ts';
import { outlet, scid } from '../amp/byhand.ts';
import { nodeOf } from '../amp/payer.ts';
import { secretOf } from '../amp/receiver.ts';
import { idOf, NOW } from '../support/graph.ts';
import { network } from '../support/network.ts';

const us = hex(nodeOf(9));
/** Over outlet 1 to node 1, and over channel `n` to node 2. */
const over = (n: number, amount: bigint): Route => [
  { node: nodeOf(1), scid: scid(1), amount: msat(amount), expiry: 500, tlvOnly: true },
  { node: nodeOf(2), scid: scid(n), amount: msat(amount), expiry: 490, tlvOnly: true },
];
const opened = () => {
  const time = { now: 1_000_000 };
  const windows = new Windows(() => time.now);
  let attempts = 0;
  /** Offers an HTLC over a route; gives the ways in which it may end after so many milliseconds. */
  const offered = (route: Route) => {
    const attempt = attempts++;
    const common = { payment: 'p', shard: 0, attempt, paymentHash: secretOf(1).paymentHash, route };
    windows.take({ ...common, event: 'shard_offered', index: 0, frame: zeros(65), blobs: [] });
    const end = (event: PaymentEvent, took: number): void => {
      time.now += took;
      windows.take(event);
    };
    const failed = (hop: number | undefined, name: 'temporary_channel_failure' | 'unknown_next_peer') => {
      const detail = name === 'unknown_next_peer' ? ({ name } as const) : ({ name, channel_update: zeros(0) } as const);
      return { ...common, event: 'shard_failed' as const, hop, failure: name, detail };
    };
    return {
      lost: (took = 100) => end(failed(0, 'temporary_channel_failure'), took),
      failed: (hop: number | undefined, took = 100) => end(failed(hop, 'unknown_next_peer'), took),
      claimed: (took = 100) => end({ ...common, event: 'shard_fulfilled', preimage: secretOf(1).preimage }, took),
    };
  };
  const room = (route: Route, reserved: readonly Reserved[] = []) => windows.beside(us, reserved).room(route);
  return { time, windows, offered, room };
};

describe('windows', () => {
  test('are those of the outlet and of the channel that lost an HTLC, at half of what was under way', () => {
    const { windows, offered, room } = opened();
    expect(room(over(7, 1n))).toBeUndefined();
    offered(over(7, 1600n)).lost();
    expect(room(over(7, 800n))).toBe(800n);
    // The outlet's.
    expect(room(over(8, 800n))).toBe(800n);
    expect(windows.on([outlet(1, 5000n), outlet(2, 5000n)]).map(({ window }) => window)).toEqual([800n, undefined]);
  });

  test('get wider with what arrives, and no narrower by a failure that is no loss', () => {
    const { offered, room } = opened();
    offered(over(7, 1600n)).lost();
    offered(over(7, 500n)).claimed();
    offered(over(7, 500n)).failed(1);
    expect(room(over(7, 800n))).toBe(1000n);
    offered(over(7, 500n)).failed(0);
    offered(over(7, 500n)).failed(undefined);
    expect(room(over(7, 800n))).toBe(1000n);
  });

  test('leave less while HTLCs of any payment are under way, and while more are planned', () => {
    const { offered, room } = opened();
    offered(over(7, 1600n)).lost();
    const flight = offered(over(7, 300n));
    expect(room(over(7, 100n))).toBe(500n);
    const reserved = { scid: scid(7), from: nodeOf(1), amount: msat(200n), count: 1 };
    expect(room(over(7, 100n), [{ ...reserved, offered: false }])).toBe(300n);
    expect(room(over(7, 100n), [{ ...reserved, offered: true }])).toBe(500n);
    expect(room(over(7, 100n), [{ ...reserved, amount: msat(900n), offered: false }])).toBe(0n);
    flight.failed(undefined);
    expect(room(over(7, 100n))).toBe(800n);
  });

  test('are forgotten some hours after they changed', () => {
    const { time, offered, room } = opened();
    offered(over(7, 1600n)).lost();
    time.now += FORGOTTEN_AFTER - 1;
    expect(room(over(7, 800n))).toBe(800n);
    time.now += 1;
    expect(room(over(7, 800n))).toBeUndefined();
  });

  test('are a thousand at most, the oldest forgotten first', () => {
    const { offered, windows } = opened();
    const routes = Array.from(
      { length: 1_000 },
      (_, n): Route => [{ ...over(7, 1600n)[0], scid: scid(n + 2) }, over(5_000, 1600n)[1] as Route[0]],
    );
    offered(over(7, 1600n)).lost();
    for (const route of routes) offered(route).lost();
    const left = windows.on([outlet(1, 5000n), outlet(1_001, 5000n)]).map(({ window }) => window !== undefined);
    expect(left).toEqual([false, true]);
  });
});

describe('a payment whose strategy uses windows', () => {
  const graph = network([
    ['me', 'b', 1],
    ['me', 'c', 2],
    ['b', 'd', 3],
    ['c', 'd', 4, { feeBase: 10n }],
  ]);
  const outlets = [
    { ...outlet(1, 900_000n), scid: scidOf(1, 0, 0), peer: idOf('b') },
    { ...outlet(2, 900_000n), scid: scidOf(2, 0, 0), peer: idOf('c') },
  ];
  const query = {
    ...({ do: 'find_route', query: 1, shard: 0, destination: idOf('d'), amount: msat(100_000n) } as const),
    ...{ maxFee: msat(5_000n), finalExpiry: 500, maxExpiry: 2000, maxHops: 20 },
    ...{ excludedNodes: [], excluded: [], reserved: [] },
  };
  const cheap: Route = [
    { node: idOf('c'), scid: scidOf(2, 0, 0), amount: msat(100_000n), expiry: 540, tlvOnly: true },
    { node: idOf('d'), scid: scidOf(4, 0, 0), amount: msat(100_000n), expiry: 500, tlvOnly: true },
  ];
  const found = (windows: Windows, given: object, ways = outlets) => {
    const parts = {
      channels: () => ({ outlets: () => ways }) as never,
      routes: { graph, source: idOf('me'), now: () => NOW, tlvOnly: () => true },
      clock: { now: () => 0, after: () => () => undefined },
      windows,
    };
    const answer = routeFound(
      parts,
      { hints: [] },
      new RoundTrips(),
      { searched: () => undefined },
      { ...query, ...given },
    );
    if (answer.type !== 'route') throw new Error('expected a route');
    return { outlet: answer.route?.[0].scid, window: answer.window };
  };

  test('takes a dearer route where the window of the cheapest is too narrow, and other payments do not', () => {
    const { windows, offered } = opened();
    offered(cheap).lost();
    expect(found(windows, {})).toEqual({ outlet: scidOf(2, 0, 0), window: undefined });
    expect(found(windows, { usesWindows: true })).toEqual({ outlet: scidOf(1, 0, 0), window: undefined });
    expect(found(windows, { usesWindows: true, amount: msat(49_000n) }).outlet).toBe(scidOf(2, 0, 0));
  });

  test('takes the only route there is, and learns what its window leaves', () => {
    const { windows, offered } = opened();
    offered(cheap).lost();
    const { outlet: way, window } = found(windows, { usesWindows: true }, outlets.slice(1));
    expect(way).toBe(scidOf(2, 0, 0));
    // The outlet carries the fee, too.
    expect(window).toBeLessThanOrEqual(50_000n);
    expect(window).toBeGreaterThan(49_000n);
  });
});
