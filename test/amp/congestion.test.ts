/** Congestion windows: halved by a loss, one step wider with each round trip; and the strategy that keeps to them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { afterArrival, afterLoss, type Window } from '../../amp/congestion.ts';
import type { Outlet } from '../../amp/route.ts';
import { firstPieces, splitPieces, strategies } from '../../amp/strategies.ts';
import type { CutWish, Strategy } from '../../amp/strategy.ts';
import { type Msat, msat } from '../../wire/units.ts';
import { answer, busy, end, failed, outlet, roomy, started, take, via } from './byhand.ts';
import { ampRequest, type PaymentUnderTest } from './payer.ts';
import { secretOf } from './receiver.ts';

const sat = (n: number): Msat => msat(BigInt(n) * 1000n);

describe('a congestion window', () => {
  const lost = afterLoss(undefined, sat(1600), 100, 1000);

  test('begins with a loss, at half of what was under way', () => {
    expect(lost).toEqual({ size: sat(800), step: sat(100), roundTrip: 100, changedAt: 1000 });
  });
  test('is halved again by a loss a round trip later, and not by another loss of the same round trip', () => {
    expect(afterLoss(lost, sat(800), 100, 1050).size).toBe(sat(800));
    expect(afterLoss(lost, sat(800), 100, 1100).size).toBe(sat(400));
    expect(afterLoss(lost, sat(5000), 100, 1100).size).toBe(sat(400));
    expect(afterLoss(lost, msat(1n), 100, 1100).size).toBe(1n);
  });
  test('gets one step wider with each round trip, however many HTLCs arrive in it', () => {
    let window: Window = lost;
    for (let at = 1000; at <= 1800; at += 10) window = afterArrival(window, 100, at);
    expect(window.size).toBe(sat(1600));
  });
  test('follows the round trips that are measured', () => {
    expect(afterArrival(lost, 900, 1010).roundTrip).toBe(200);
  });
  test('changes again within a minute or so, however long an HTLC was kept, and also where the clock was set back', () => {
    const kept = afterLoss(undefined, sat(1600), 2 * 3_600_000, 10_000_000);
    expect(afterArrival(kept, 100, 10_060_000).size).toBe(sat(900));
    expect(afterArrival(kept, 100, 9_000_000).size).toBe(sat(900));
  });
});

const congestion = strategies.get('congestion') as Strategy;
const wish = (changes: Partial<CutWish> = {}): CutWish => ({
  ...{ amount: sat(1000), maxFee: msat(0n), shards: undefined, maxShards: 16, minShard: sat(1) },
  ...changes,
});
const windowed = (n: number, spendable: number, window: number): Outlet => ({
  ...outlet(n, sat(spendable)),
  window: sat(window),
});

describe('strategy congestion', () => {
  test.each([
    ['the whole amount where no loss was measured', [outlet(1, sat(2000))], [sat(1000)]],
    ['less over an outlet whose window is narrow', [windowed(1, 2000, 300), outlet(2, sat(700))], [sat(700), sat(300)]],
    ['over the only outlet whatever its window', [windowed(1, 2000, 1)], [sat(1000)]],
    ['nothing where the outlets do not carry it', [windowed(1, 999, 999)], undefined],
  ])('begins with %s', (_, outlets, expected) => {
    expect(congestion.cut(wish(), outlets)).toEqual(expected);
  });

  const over = (payer: PaymentUnderTest, n: number, window: bigint | undefined): void => {
    const { query } = payer;
    if (query === undefined) throw new Error('no route was asked for');
    payer.query = undefined;
    const room = window === undefined ? {} : { window: msat(window) };
    payer.step({ type: 'route', query: query.query, route: via(n, query.amount), ...room });
  };
  const amounts = (payer: PaymentUnderTest): readonly bigint[] =>
    payer.payment.kind === 'running' ? payer.payment.shards.map(({ amount }) => amount) : [];

  test('asks for routes that keep to the windows, which other strategies do not', () => {
    expect(started(ampRequest({ strategy: 'congestion' })).query?.usesWindows).toBe(true);
    expect(started(ampRequest()).query?.usesWindows).toBeUndefined();
  });

  test('sends what the window of a route leaves, and the rest over another', () => {
    const payer = started(ampRequest({ scheme: 'tree', strategy: 'congestion' }), roomy);
    over(payer, 1, 400_000n);
    expect(amounts(payer)).toEqual([400_000n, 600_000n]);
    over(payer, 1, 400_000n);
    over(payer, 2, undefined);
    expect(payer.offers.map(({ amount }) => amount)).toEqual([401_000n, 601_000n]);
  });

  test.each([
    ['there is no other route, whatever its window', 'congestion', 0n],
    ['its window leaves crumbs alone', 'congestion', 100_000n],
    ['another strategy does not look at windows', 'halving', 400_000n],
  ])('sends all of it over a route where %s', (_, strategy, window) => {
    const payer = started(ampRequest({ scheme: 'tree', strategy }), roomy);
    over(payer, 1, window);
    expect(amounts(payer)).toEqual([1_000_000n]);
    expect(payer.offers).toHaveLength(1);
  });

  test('leaves half of the HTLCs for pieces that find no route', () => {
    const payer = started(ampRequest({ scheme: 'tree', strategy: 'congestion', maxShards: 4 }), roomy);
    for (let n = 0; payer.query !== undefined; n++) over(payer, 1 + (n % 2), payer.query.amount / 2n);
    expect(amounts(payer)).toHaveLength(2);
  });

  test('sends a failed piece over another route, and cuts it once there is none', () => {
    const request = ampRequest({ scheme: 'tree', strategy: 'congestion' });
    const payer = started(request, roomy);
    over(payer, 1, undefined);
    const offer = take(payer);
    end(payer, offer, failed(request, offer, 1, 0, busy));
    expect(amounts(payer)).toEqual([1_000_000n]);
    answer(payer);
    expect(amounts(payer)).toEqual([500_000n, 500_000n]);
    for (const n of [1, 2]) over(payer, n, undefined);
    for (const one of [take(payer), take(payer)])
      end(payer, one, { kind: 'fulfilled', preimage: secretOf(1).preimage });
    expect(payer.result).toMatchObject({ event: 'payment_succeeded', amount: 1_000_000n });
  });
});

test('windows under random losses stay above zero, and what is cut by them comes to the amount and ends', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10_000_000 }),
      fc.array(fc.record({ isLost: fc.boolean(), wait: fc.nat(300), took: fc.nat(200) }), { maxLength: 60 }),
      fc.array(fc.integer({ min: 1, max: 5_000_000 }), { minLength: 1, maxLength: 4 }),
      (amount, ends, spendable) => {
        const bounds = wish({ amount: msat(BigInt(amount)), minShard: msat(1000n), maxShards: 64 });
        let window: Window | undefined;
        let now = 0;
        for (const { isLost, wait, took } of ends) {
          now += wait;
          if (isLost) window = afterLoss(window, bounds.amount, took, now);
          else if (window !== undefined) window = afterArrival(window, took, now);
          expect(window === undefined || window.size > 0n).toBe(true);
          expect(
            (window?.size ?? 0n) <= bounds.amount / 2n + 1n + (bounds.amount / 16n + 1n) * BigInt(ends.length),
          ).toBe(true);
        }
        const outlets = spendable.map((most, n) => ({
          ...outlet(n, BigInt(most)),
          ...(n === 0 && { window: window?.size }),
        }));
        const pieces = firstPieces(congestion, bounds, outlets);
        const carried = outlets.reduce((sum, one) => sum + one.spendable, 0n);
        if (pieces === undefined || 'code' in pieces) {
          expect(pieces).toBeUndefined();
          return;
        }
        expect(carried >= bounds.amount).toBe(true);
        const left: Msat[] = [...pieces];
        const done: Msat[] = [];
        for (let piece = left.shift(); piece !== undefined; piece = left.shift()) {
          const cause = { amount: piece, cause: 'over_window' as const, largest: window?.size, refusals: 0 };
          const halves = left.length + done.length < 32 ? splitPieces(congestion, bounds, cause) : undefined;
          if (halves === undefined) done.push(piece);
          else if ('code' in halves) throw new Error(halves.code);
          else left.push(...halves);
        }
        expect(done.reduce((sum, piece) => sum + piece, 0n)).toBe(bounds.amount);
      },
    ),
    { numRuns: 200 },
  );
});
