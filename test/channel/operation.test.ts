/** A channel in use: HTLCs from offer to end, many at once, both ways at once; fees; every refusal of our own. */
import { describe, expect, test } from 'vitest';
import type { Context, Input, OfferRefusal } from '../../channel/model/io.ts';
import { PAST_PREFIX } from '../../channel/model/persist.ts';
import { wantsToSign, whenIdle } from '../../channel/phases/transition.ts';
import { isOverexposed } from '../../channel/rules/limits.ts';
import { msat, sat } from '../../wire/units.ts';
import {
  acceptRequest,
  context,
  coreOf,
  cut,
  deliver,
  eventsOf,
  give,
  hashOf,
  kept,
  limits,
  offerOf,
  openRequest,
  ready,
  restart,
  roomyRequest,
  type Side,
  secretOf,
  settle,
  unconfirmed,
} from './pair.ts';
import { summary } from './summary.ts';

const balances = (side: Side) => [summary(side.state)?.toUs, summary(side.state)?.toThem];

test('an HTLC is offered, received, fulfilled, acknowledged, and gone', () => {
  const pair = ready();
  give(pair, pair.a, offerOf(5_000_000n, 1));
  settle(pair);
  const [received] = eventsOf(pair.b, 'received');
  expect(received).toMatchObject({ id: 0n, amount: 5_000_000n, expiry: context.height + 41 });
  expect(received?.onion).toHaveLength(1366);
  expect(balances(pair.a)).toEqual([995_000_000n, 0n]);

  give(pair, pair.b, { type: 'fulfill', id: 0n, preimage: secretOf(1) });
  settle(pair);
  const [resolved] = eventsOf(pair.a, 'resolved');
  expect(resolved).toMatchObject({ id: 0n, result: { kind: 'fulfilled', preimage: secretOf(1) } });
  expect(eventsOf(pair.a, 'resolved')).toHaveLength(1);
  expect(eventsOf(pair.b, 'settled')).toEqual([{ event: 'settled', id: 0n }]);
  expect(balances(pair.a)).toEqual([995_000_000n, 5_000_000n]);
  expect(balances(pair.b)).toEqual([5_000_000n, 995_000_000n]);

  expect([...kept(pair.b).keys()].filter((key) => key.startsWith('htlc/'))).toEqual([]);
  expect([...pair.b.disk.keys()].filter((key) => key.startsWith(PAST_PREFIX))).toEqual([`${PAST_PREFIX}in/0`]);
  give(pair, pair.a, { type: 'acknowledge', id: 0n });
  give(pair, pair.a, offerOf(5_000_000n, 2));
  settle(pair);
  expect([...kept(pair.a).keys()].filter((key) => key.startsWith('htlc/'))).toEqual(['htlc/out/1']);
});

test('a preimage is reported before it is committed, a failure only once its removal is irrevocable', () => {
  const pair = ready();
  give(pair, pair.a, offerOf(5_000_000n, 1));
  give(pair, pair.a, offerOf(6_000_000n, 2));
  settle(pair);
  give(pair, pair.b, { type: 'fulfill', id: 0n, preimage: secretOf(1) });
  give(pair, pair.b, { type: 'fail', id: 1n, reason: Uint8Array.of(7) });
  deliver(pair, pair.a);
  deliver(pair, pair.a);
  expect(eventsOf(pair.a, 'resolved').map(({ id }) => id)).toEqual([0n]);
  settle(pair);
  expect(eventsOf(pair.a, 'resolved').map(({ id, result }) => [id, result.kind])).toEqual([
    [0n, 'fulfilled'],
    [1n, 'failed'],
  ]);
});

test('a malformed onion comes back with its code and hash', () => {
  const pair = ready();
  give(pair, pair.a, offerOf(5_000_000n, 1));
  settle(pair);
  const sha256OfOnion = new Uint8Array(32).fill(4);
  give(pair, pair.b, { type: 'fail_malformed', id: 0n, sha256OfOnion, failureCode: 0xc005 });
  settle(pair);
  expect(eventsOf(pair.a, 'resolved').map(({ result }) => result)).toEqual([
    { kind: 'malformed', failureCode: 0xc005, sha256OfOnion },
  ]);
});

test('many updates share one signature, both ways at once', () => {
  const pair = ready({ ...openRequest, push: msat(400_000_000n) });
  for (let n = 0; n < 20; n++) {
    give(pair, pair.a, offerOf(2_000_000n + BigInt(n), n));
    give(pair, pair.b, offerOf(3_000_000n + BigInt(n), 100 + n));
  }
  expect(pair.b.inbox).toHaveLength(20);
  give(pair, pair.a, { type: 'sign' });
  give(pair, pair.b, { type: 'sign' });
  settle(pair);
  expect(eventsOf(pair.b, 'received')).toHaveLength(20);
  expect(eventsOf(pair.a, 'received')).toHaveLength(20);
  expect(coreOf(pair.a).head.local).toBeLessThanOrEqual(3);
  for (let n = 0; n < 20; n++) {
    give(pair, pair.b, { type: 'fulfill', id: BigInt(n), preimage: secretOf(n) });
    give(pair, pair.a, { type: 'fail', id: BigInt(n), reason: new Uint8Array(256) });
  }
  settle(pair);
  expect(eventsOf(pair.a, 'settled')).toHaveLength(20);
  expect(eventsOf(pair.b, 'settled')).toHaveLength(20);
  const paid = 20n * 2_000_000n + 190n;
  expect(balances(pair.a)).toEqual([600_000_000n - paid, 400_000_000n + paid]);
});

test('a second signature waits for the revocation of the first', () => {
  const pair = ready();
  give(pair, pair.a, offerOf(1_000_000n, 1));
  give(pair, pair.a, { type: 'sign' });
  give(pair, pair.a, offerOf(1_000_000n, 2));
  expect(wantsToSign(pair.a.state)).toBe(false);
  const before = pair.b.inbox.length;
  give(pair, pair.a, { type: 'sign' });
  expect(pair.b.inbox).toHaveLength(before);
  settle(pair);
  expect(eventsOf(pair.b, 'received')).toHaveLength(2);
});

test('nothing is signed twice and nothing without a change', () => {
  const pair = ready();
  give(pair, pair.a, { type: 'sign' });
  expect(pair.b.inbox).toEqual([]);
  expect(wantsToSign(pair.a.state)).toBe(false);
});

test('the keys of the next commitments are derived once when idle, and change no result', () => {
  const [eager, lazy] = [ready(), ready()];
  for (const side of [eager.a, eager.b]) {
    expect(whenIdle(side.state)).toEqual({ type: 'prepare' });
    give(eager, side, { type: 'prepare' });
    expect(whenIdle(side.state)).toBeUndefined();
  }
  for (const pair of [eager, lazy]) {
    give(pair, pair.a, offerOf(2_000_000n, 1));
    expect(whenIdle(pair.a.state)).toEqual({ type: 'sign' });
    settle(pair);
  }
  expect(eager.a.disk).toEqual(lazy.a.disk);
  expect(eager.b.disk).toEqual(lazy.b.disk);
});

test('HTLCs with the same payment hash are different HTLCs', () => {
  const pair = ready();
  for (let i = 0; i < 3; i++) give(pair, pair.a, offerOf(2_000_000n, 1));
  settle(pair);
  expect(eventsOf(pair.b, 'received').map(({ id }) => id)).toEqual([0n, 1n, 2n]);
  give(pair, pair.b, { type: 'fulfill', id: 1n, preimage: secretOf(1) });
  settle(pair);
  expect(eventsOf(pair.a, 'resolved').map(({ id }) => id)).toEqual([1n]);
});

test('an answer for an HTLC that is unknown, not yet certain, or already answered changes nothing', () => {
  const pair = ready();
  give(pair, pair.a, offerOf(2_000_000n, 1));
  deliver(pair, pair.b);
  const answers: readonly Input[] = [
    { type: 'fulfill', id: 0n, preimage: secretOf(1) },
    { type: 'fail', id: 9n, reason: new Uint8Array() },
  ];
  for (const answer of answers) {
    const before = pair.b.state;
    give(pair, pair.b, answer);
    expect(pair.b.state).toBe(before);
  }
  settle(pair);
  give(pair, pair.b, { type: 'fulfill', id: 0n, preimage: secretOf(2) });
  expect(pair.a.inbox).toEqual([]);
  give(pair, pair.b, { type: 'fail', id: 0n, reason: new Uint8Array() });
  give(pair, pair.b, { type: 'fulfill', id: 0n, preimage: secretOf(1) });
  expect(pair.a.inbox.map(({ name }) => name)).toEqual(['update_fail_htlc']);
});

describe('we do not offer', () => {
  interface Row {
    readonly claim: string;
    readonly why: OfferRefusal['code'];
    readonly change: Partial<Extract<Input, { type: 'offer' }>>;
    readonly at?: Context;
  }
  const rows: readonly Row[] = [
    { claim: 'nothing', why: 'below_minimum', change: { amount: msat(0n) } },
    { claim: "less than the peer's minimum", why: 'below_minimum', change: { amount: msat(99n) } },
    { claim: 'an expiry that has passed', why: 'expiry_out_of_range', change: { expiry: context.height } },
    { claim: 'an expiry far ahead', why: 'expiry_out_of_range', change: { expiry: context.height + 2017 } },
    {
      claim: 'an expiry in seconds',
      why: 'expiry_out_of_range',
      change: { expiry: 500_000_000 },
      at: { ...context, height: 499_999_990 },
    },
    { claim: 'the whole channel', why: 'insufficient_balance', change: { amount: msat(990_000_000n) } },
    { claim: 'more than may be in flight', why: 'too_much_in_flight', change: { amount: msat(995_000_001n) } },
    { claim: 'more dust than we risk', why: 'dust_exposure', change: { amount: msat(3_600_000n) } },
  ];
  /** HTLCs of less than 3,669 sat have no output at this feerate. */
  const dear = { ...openRequest, feerate: 5000 };
  const strict = {
    ...acceptRequest,
    limits: { ...acceptRequest.limits, htlcMinimum: msat(100n), maxHtlcValueInFlight: msat(995_000_000n) },
  };
  test.each(rows)('$claim', ({ why, change, at }) => {
    const pair = ready(dear, {
      ...strict,
      limits: { ...strict.limits, maxAcceptedHtlcs: 483 },
    });
    if (why === 'dust_exposure') for (let n = 0; n < 138; n++) give(pair, pair.a, offerOf(3_600_000n, n));
    const before = pair.b.inbox.length;
    give(pair, pair.a, { ...offerOf(1_000_000n, 99), ...change }, at);
    expect(eventsOf(pair.a, 'offer_refused').map((event) => event.why.code)).toEqual([why]);
    expect(pair.b.inbox).toHaveLength(before);
  });

  test('a received HTLC beyond the dust exposure limit is to be failed back', () => {
    const pair = ready(dear, roomyRequest);
    for (let n = 0; n < 138; n++) give(pair, pair.a, offerOf(3_600_000n, n));
    settle(pair);
    expect(eventsOf(pair.b, 'received').some(({ overexposed }) => overexposed)).toBe(false);
    // The funder's own limit holds it back, so its word is put in its mouth.
    const id = coreOf(pair.b).channelId;
    const message = {
      name: 'update_add_htlc',
      channel_id: id,
      id: 138n,
      amount_msat: msat(3_600_000n),
      payment_hash: hashOf(138),
      cltv_expiry: 560,
      onion_routing_packet: new Uint8Array(1366),
    } as const;
    give(pair, pair.b, { type: 'message', message });
    const htlc = coreOf(pair.b).incoming.get(138n);
    expect(htlc !== undefined && isOverexposed(coreOf(pair.b), htlc, context)).toBe(true);
  });

  test('more HTLCs than the peer takes, until one is gone', () => {
    const pair = ready();
    for (let n = 0; n < 31; n++) give(pair, pair.a, offerOf(1_000n, n));
    expect(eventsOf(pair.a, 'offer_refused').map(({ why }) => why)).toEqual([{ code: 'too_many_htlcs', limit: 30 }]);
    settle(pair);
    give(pair, pair.b, { type: 'fail', id: 3n, reason: new Uint8Array() });
    settle(pair);
    give(pair, pair.a, offerOf(1_000n, 40));
    settle(pair);
    expect(eventsOf(pair.b, 'received')).toHaveLength(31);
  });

  test('anything before channel_ready, or while the peer is away', () => {
    const pair = unconfirmed();
    give(pair, pair.a, offerOf(1_000n, 1));
    expect(eventsOf(pair.a, 'offer_refused').map(({ why }) => why.code)).toEqual(['not_ready']);

    const other = ready();
    cut(other);
    give(other, other.a, offerOf(1_000n, 1));
    expect(eventsOf(other.a, 'offer_refused').map(({ why }) => why.code)).toEqual(['disconnected']);
  });

  test('what the funder could not pay the fee for', () => {
    const pair = ready({ ...openRequest, push: msat(985_000_000n), feerate: 4000 });
    for (let n = 0; n < 4; n++) give(pair, pair.b, offerOf(100_000_000n, n));
    const refusals = eventsOf(pair.b, 'offer_refused').map(({ why }) => why.code);
    expect(refusals).toEqual(['peer_cannot_pay_fee']);
  });
});

test('what is spendable is exactly what an offer may carry', () => {
  for (const [push, feerate] of [
    [0n, 1000],
    [500_000_000n, 500],
    [980_000_000n, 1000],
  ] as const) {
    const pair = ready({ ...openRequest, push: msat(push), feerate }, { ...acceptRequest, limits });
    for (const side of [pair.a, pair.b]) {
      const spendable = summary(side.state, context)?.spendable ?? msat(0n);
      if (spendable === 0n) continue;
      give(pair, side, offerOf(spendable + 1n, 1));
      expect(eventsOf(side, 'offer_refused')).toHaveLength(1);
      give(pair, side, offerOf(spendable, 2));
      expect(eventsOf(side, 'offer_refused')).toHaveLength(1);
      settle(pair);
    }
    expect(eventsOf(pair.b, 'received').length + eventsOf(pair.a, 'received').length).toBeGreaterThan(0);
  }
});

describe('the feerate', () => {
  test('is changed by the funder and committed like any update', () => {
    const pair = ready();
    give(pair, pair.a, offerOf(5_000_000n, 1));
    give(pair, pair.a, { type: 'update_fee', feerate: 2500 });
    give(pair, pair.a, { type: 'update_fee', feerate: 3000 });
    settle(pair);
    expect([summary(pair.a.state)?.feerate, summary(pair.b.state)?.feerate]).toEqual([3000, 3000]);
    expect(coreOf(pair.a).fees).toEqual([]);
    expect(coreOf(pair.b).fees).toEqual([]);
    expect(pair.b.disk.has('fees')).toBe(false);
  });

  test('is not changed by the fundee, nor beyond what the funder has', () => {
    const pair = ready();
    give(pair, pair.b, { type: 'update_fee', feerate: 2500 });
    expect(pair.a.inbox).toEqual([]);
    give(pair, pair.a, { type: 'update_fee', feerate: 2_000_000 });
    expect(pair.b.inbox).toEqual([]);
  });
});

test('after a restart an HTLC is reported again until it is answered, and a resolution until it is acknowledged', () => {
  const pair = ready();
  give(pair, pair.a, offerOf(5_000_000n, 1));
  settle(pair);
  cut(pair);
  restart(pair, pair.b);
  expect(eventsOf(pair.b, 'received')).toHaveLength(2);
  expect(eventsOf(pair.b, 'ready')).toHaveLength(2);

  const next = ready();
  give(next, next.a, offerOf(5_000_000n, 1));
  settle(next);
  give(next, next.b, { type: 'fulfill', id: 0n, preimage: secretOf(1) });
  settle(next);
  for (const side of [next.a, next.b]) restart(next, side);
  expect(eventsOf(next.a, 'resolved')).toHaveLength(2);
  expect(eventsOf(next.b, 'received')).toHaveLength(1);
});

test('what a step writes does not grow with the age of the channel', () => {
  const pair = ready(openRequest, { ...acceptRequest, limits: { ...limits, dustLimit: sat(354n) } });
  const sizes: number[] = [];
  for (let n = 0; n < 40; n++) {
    const before = new Map(pair.b.disk);
    give(pair, pair.a, offerOf(2_000_000n, n));
    settle(pair);
    give(pair, pair.b, { type: 'fulfill', id: BigInt(n), preimage: secretOf(n) });
    settle(pair);
    give(pair, pair.a, { type: 'acknowledge', id: BigInt(n) });
    const fresh = [...pair.b.disk].filter(([key, value]) => before.get(key) !== value);
    sizes.push(fresh.reduce((sum, [, value]) => sum + value.length, 0));
  }
  expect(Math.max(...sizes.slice(30)) - Math.min(...sizes.slice(5, 15))).toBeLessThan(200);
  expect(hashOf(1)).toHaveLength(32);
});
