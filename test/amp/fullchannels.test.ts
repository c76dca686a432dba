/** Payments that our own channels have no room for at the moment: they wait where room will come, and fail where none can. */
import { describe, expect, test } from 'vitest';
import type { PaymentRequest } from '../../amp/io.ts';
import type { Outlet } from '../../amp/route.ts';
import { msat } from '../../wire/units.ts';
import { answer, answerAll, end, outlet, started, take, via } from './byhand.ts';
import { ampRequest, deployedRequest, ordinaryRequest, type PaymentUnderTest } from './payer.ts';
import { secretOf } from './receiver.ts';

/** Outlet `n` as it is now, and as it would be with nothing in flight. */
const busy = (n: number, now: bigint, rest: bigint, slots = 10): Outlet => ({
  ...outlet(n, now),
  slots: now === 0n ? 0 : slots,
  atRest: { spendable: msat(rest), slots },
});
const full = [busy(1, 0n, 2_000_000n)];
const free = [busy(1, 2_000_000n, 2_000_000n)];

const room = (payer: PaymentUnderTest, outlets: readonly Outlet[]): void => void payer.step({ type: 'room', outlets });
/** No route, for want of room in our channels alone. */
const noRoom = (payer: PaymentUnderTest, largest?: bigint): void => {
  const query = payer.query?.query ?? -1;
  payer.query = undefined;
  const more = largest === undefined ? {} : { largest: msat(largest) };
  payer.step({ type: 'route', query, route: undefined, isFull: true, ...more });
};
const refuse = (payer: PaymentUnderTest, why: 'full' | 'offline' = 'full'): void =>
  end(payer, take(payer), { kind: 'refused', why });
const isWaiting = ({ payment, query, offers }: PaymentUnderTest): boolean =>
  payment.kind === 'running' && payment.progress.room.waits && query === undefined && offers.length === 0;

const requests: readonly PaymentRequest[] = [
  ordinaryRequest(),
  ordinaryRequest({ scheme: 'single' }),
  deployedRequest(),
  ...['fixed', 'dynamic', 'tree', 'threshold'].map((scheme) => ampRequest({ scheme })),
];

describe.each(requests.map((request) => [request.scheme, request] as const))('a payment of scheme %s', (_, request) => {
  test('waits while our channels are full, and is paid once they have room', () => {
    const payer = started(request, full);
    expect([isWaiting(payer), payer.eventNames()]).toEqual([true, ['payment_planned', 'payment_waiting']]);
    payer.tick();
    room(payer, full);
    expect(isWaiting(payer)).toBe(true);
    room(payer, free);
    answerAll(payer);
    expect(payer.offers.reduce((sum, { amount }) => sum + amount, 0n)).toBeGreaterThanOrEqual(request.amount);
  });

  test('goes on waiting after a restart', () => {
    const payer = started(request, full);
    payer.restart();
    expect(isWaiting(payer)).toBe(true);
    room(payer, free);
    answerAll(payer);
    expect(payer.offers).not.toEqual([]);
  });

  test('that a full channel refused is offered to it again', () => {
    const payer = started(request, [outlet(1, 2_000_000n)]);
    answer(payer, 1);
    refuse(payer);
    noRoom(payer);
    expect(isWaiting(payer)).toBe(true);
    room(payer, free);
    answer(payer, 1);
    expect(payer.offers).toHaveLength(1);
  });
});

test('an amount that our channels do not carry with nothing in flight fails at once', () => {
  const payer = started(ordinaryRequest(), [busy(1, 300_000n, 900_000n)]);
  expect(payer.result).toMatchObject({ reason: { code: 'amount_too_large', spendable: 300_000n } });
});

test('a payment fails once what was in flight is claimed, and no room for it will come any more', () => {
  const payer = started(ordinaryRequest(), full);
  room(payer, [outlet(1, 400_000n)]);
  expect(payer.result).toMatchObject({ reason: { code: 'amount_too_large', spendable: 400_000n } });
});

test('a payment waits for room no longer than it is to be tried', () => {
  const request = ordinaryRequest({ deadline: 1_000_010 });
  const payer = started(request, full);
  payer.tick(request.deadline - payer.context.now);
  expect(isWaiting(payer)).toBe(true);
  payer.tick();
  expect(payer.result).toMatchObject({ reason: { code: 'channels_full' } });
});

test('a payment that waits is cut anew by what the channels carry by then', () => {
  const payer = started(ordinaryRequest(), full);
  room(payer, [busy(1, 700_000n, 2_000_000n), busy(2, 600_000n, 2_000_000n)]);
  answerAll(payer);
  expect(payer.offers).toHaveLength(2);
});

test('a payment whose shards found no room in part is cut anew, too, while nothing of it is under way', () => {
  const payer = started(ordinaryRequest(), [busy(1, 700_000n, 2_000_000n), busy(2, 600_000n, 2_000_000n)]);
  answer(payer, 1);
  noRoom(payer);
  expect(isWaiting(payer)).toBe(true);
  room(payer, free);
  answerAll(payer);
  expect(payer.offers.map(({ amount }) => amount)).toEqual([1_001_000n]);
});

test('a shard whose siblings are under way waits as it is, before those of payments that hold nothing', () => {
  const payer = started(ordinaryRequest({ shards: 2 }), [outlet(1, 2_000_000n)]);
  answerAll(payer);
  const [first, second] = [take(payer), take(payer)];
  end(payer, second, { kind: 'refused', why: 'full' });
  const { query } = payer;
  payer.query = undefined;
  const effects = payer.step({ type: 'route', query: query?.query ?? -1, route: undefined, isFull: true });
  expect(effects).toContainEqual({ do: 'wait_for_room', hasInFlight: true });
  room(payer, free);
  answer(payer, 1);
  const third = take(payer);
  expect(third.amount).toBe(second.amount);
  for (const offer of [first, third]) end(payer, offer, { kind: 'fulfilled', preimage: secretOf(1).preimage });
  expect(payer.result).toMatchObject({ event: 'payment_succeeded', amount: 1_000_000n, parts: 2 });
});

test('a shard is not cut for the little that is left between the HTLCs of others, but for a quarter of it', () => {
  const payer = started(ordinaryRequest(), [outlet(1, 2_000_000n)]);
  noRoom(payer, 240_000n);
  expect(isWaiting(payer)).toBe(true);
  room(payer, free);
  noRoom(payer, 250_000n);
  expect(payer.eventNames()).toContain('shard_split');
});

test('a payment that is refused again and again by a channel that seems to have room waits between its tries', () => {
  const payer = started(ordinaryRequest({ scheme: 'single', maxShards: 1 }), [outlet(1, 2_000_000n)]);
  const tries = (): number => {
    let count = 0;
    for (; payer.query !== undefined && count < 100; count++) {
      answer(payer, 1);
      refuse(payer);
    }
    return count;
  };
  expect([tries(), isWaiting(payer)]).toEqual([4, true]);
  payer.restart();
  room(payer, free);
  expect([tries(), isWaiting(payer)]).toEqual([4, true]);
  payer.tick(ordinaryRequest().deadline);
  expect(payer.result).toMatchObject({ reason: { code: 'channels_full' } });
});

test('what channels refuse for want of room takes none of the attempts that a payment has', () => {
  const payer = started(ordinaryRequest({ scheme: 'single', maxShards: 1, deadline: 4_000_000 }), [
    outlet(1, 2_000_000n),
  ]);
  for (let i = 0; i < 100; i++) {
    answer(payer, 1);
    refuse(payer, i % 2 === 0 ? 'full' : 'offline');
    room(payer, free);
  }
  expect(payer.query).toBeDefined();
  for (let i = 0; i < 1000 && payer.query !== undefined; i++) {
    answer(payer, 1);
    refuse(payer);
    room(payer, free);
  }
  expect(payer.result).toMatchObject({ reason: { code: 'too_many_attempts' } });
});

test('a payment without a route that is not for want of room in our channels fails at once', () => {
  const payer = started(ordinaryRequest({ minShard: msat(600_000n) }), free);
  answer(payer);
  expect(payer.result).toMatchObject({ reason: { code: 'no_route' } });
});

test('the answer of a route is taken as it is where room is not what was missing', () => {
  const payer = started(ordinaryRequest(), full);
  room(payer, free);
  const { query } = payer;
  payer.query = undefined;
  payer.step({ type: 'route', query: query?.query ?? -1, route: via(1, 1_000_000n) });
  expect(payer.offers).toHaveLength(1);
});
