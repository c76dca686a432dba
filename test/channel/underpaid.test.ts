/** Commitments without anchors that pay less than the chain asks: no new HTLCs, and on chain in time for those there are. */

import { describe, expect, test } from 'vitest';
import type { Context } from '../../channel/model/io.ts';
import { CLAIM_BUFFER, GRACE_PERIOD } from '../../channel/rules/deadlines.ts';
import { receivable, spendable } from '../../channel/rules/limits.ts';
import { SLOW_CONFIRMATION } from '../../channel/rules/underpaid.ts';
import { msat } from '../../wire/units.ts';
import {
  acceptRequest,
  anchorsRequest,
  context,
  coreOf,
  cut,
  eventsOf,
  give,
  hashOf,
  limits,
  offerOf,
  openRequest,
  type Pair,
  ready,
  type Side,
  secretOf,
  settle,
} from './pair.ts';

/** A channel that `a` funds at 1,000 sat/kw, with money on both sides. */
const shared = (request = openRequest): Pair =>
  ready({ ...request, push: msat(400_000_000n) }, { ...acceptRequest, limits });
const asks = (neededFeerate: number): Context => ({ ...context, feerate: neededFeerate, neededFeerate });

describe('new HTLCs over a channel without anchors', () => {
  const refusals = (side: Side) => eventsOf(side, 'offer_refused').map(({ why }) => why);
  const received = (side: Side) => eventsOf(side, 'received').map(({ underpaid }) => underpaid);

  test('flow while the commitment pays half of what the chain asks, and not below: neither side offers or takes any', () => {
    const pair = shared();
    give(pair, pair.a, offerOf(5_000_000n, 1), asks(2000));
    give(pair, pair.b, offerOf(5_000_000n, 2), asks(2000));
    settle(pair);
    expect([received(pair.a), received(pair.b)]).toEqual([[false], [false]]);

    for (const side of [pair.a, pair.b]) {
      give(pair, side, offerOf(5_000_000n, 3), asks(2001));
      expect(refusals(side)).toEqual([{ code: 'feerate_too_low', least: 1001 }]);
      expect(spendable(coreOf(side), asks(2001))).toBe(0n);
      expect(receivable(coreOf(side), asks(2001))).toBe(0n);
    }
    // A peer that offers one all the same is told to take it back.
    give(pair, pair.a, offerOf(5_000_000n, 4));
    give(pair, pair.a, { type: 'sign' });
    while (pair.a.inbox.length + pair.b.inbox.length > 0)
      for (const side of [pair.a, pair.b]) {
        const message = side.inbox.shift();
        if (message !== undefined) give(pair, side, { type: 'message', message }, asks(2001));
        give(pair, side, { type: 'sign' }, asks(2001));
      }
    expect(eventsOf(pair.b, 'received').at(-1)).toMatchObject({ paymentHash: hashOf(4), underpaid: true });
    expect([pair.a.state.phase, pair.b.state.phase]).toEqual(['open', 'open']);
  });

  test('flow again once the funder pays more', () => {
    const pair = shared();
    give(pair, pair.a, { type: 'update_fee' }, asks(20_000));
    settle(pair);
    give(pair, pair.b, offerOf(5_000_000n, 1), asks(20_000));
    give(pair, pair.a, offerOf(50_000_000n, 2), asks(20_000));
    expect([refusals(pair.a), refusals(pair.b)]).toEqual([[], []]);
  });

  test.each([
    ['where fees can be added', anchorsRequest, asks(20_000)],
    ['where the chain has no estimate', openRequest, { ...context, feerate: 20_000, neededFeerate: 0 }],
  ] as const)('flow whatever the commitment pays %s', (_, request, at) => {
    const pair = shared(request);
    give(pair, pair.a, offerOf(5_000_000n, 1), at);
    give(pair, pair.b, offerOf(5_000_000n, 2), at);
    expect([refusals(pair.a), refusals(pair.b)]).toEqual([[], []]);
  });
});

describe('a channel whose funder lets it pay too little goes on chain', () => {
  const steady = (steadyFeerate: number): Context => ({ ...asks(steadyFeerate), steadyFeerate });
  const block = (pair: Pair, side: Side, height: number, at: Context) =>
    give(pair, side, { type: 'block', height }, at);
  const failed = (side: Side) => eventsOf(side, 'failed').map(({ fault }) => fault.code);
  const far = { expiry: context.height + 400 };

  /** One HTLC of either side's, far from its expiry. */
  const busy = (amount = 50_000_000n, request = openRequest): Pair => {
    const pair = shared(request);
    give(pair, pair.a, { ...offerOf(amount, 1), ...far });
    give(pair, pair.b, { ...offerOf(amount, 2), ...far });
    settle(pair);
    return pair;
  };

  test('for an HTLC that it offered, half a day before it otherwise would', () => {
    const pair = busy();
    give(pair, pair.b, { type: 'fail', id: 0n, reason: new Uint8Array() });
    const last = far.expiry + GRACE_PERIOD - SLOW_CONFIRMATION;
    block(pair, pair.b, last - 1, steady(2001));
    expect(failed(pair.b)).toEqual([]);
    block(pair, pair.b, last, steady(2001));
    expect(eventsOf(pair.b, 'failed')).toMatchObject([
      { fault: { code: 'commitment_underpaid', feerate: 1000, estimate: 2001, id: 0n }, broadcast: true },
    ]);
  });

  test.each([
    ['may still learn the preimage of', undefined],
    ['knows the preimage of', secretOf(1)],
  ])('for an HTLC that it %s, half a day before it otherwise would', (_, preimage) => {
    const pair = shared();
    give(pair, pair.a, { ...offerOf(50_000_000n, 1), ...far });
    settle(pair);
    if (preimage !== undefined) give(pair, pair.b, { type: 'fulfill', id: 0n, preimage });
    const last = far.expiry - CLAIM_BUFFER - SLOW_CONFIRMATION;
    block(pair, pair.b, last - 1, steady(2001));
    expect(failed(pair.b)).toEqual([]);
    block(pair, pair.b, last, steady(2001));
    expect(failed(pair.b)).toEqual(['commitment_underpaid']);
  });

  test('where we are the funder and can afford no more, also with the peer offline', () => {
    const pair = busy();
    cut(pair);
    block(pair, pair.a, far.expiry - CLAIM_BUFFER - SLOW_CONFIRMATION, steady(2001));
    expect(failed(pair.a)).toEqual(['commitment_underpaid']);
  });

  const close = far.expiry - CLAIM_BUFFER - 1;
  test.each<readonly [string, () => Pair, Context]>([
    ['when the chain asked for that much only just now', busy, { ...asks(20_000), steadyFeerate: 2000 }],
    ['when it pays half of what the chain asks', busy, steady(2000)],
    ['when fees can be added', () => busy(undefined, anchorsRequest), steady(20_000)],
    ['for HTLCs that have no output', () => busy(900_000n), steady(20_000)],
    ['when it carries nothing', shared, steady(20_000)],
  ])('but not %s', (_, made, at) => {
    const pair = made();
    for (const side of [pair.a, pair.b]) block(pair, side, close, at);
    expect([failed(pair.a), failed(pair.b)]).toEqual([[], []]);
  });

  test('not for an HTLC that it fails back', () => {
    const pair = shared();
    give(pair, pair.a, { ...offerOf(50_000_000n, 1), ...far });
    settle(pair);
    cut(pair);
    give(pair, pair.b, { type: 'fail', id: 0n, reason: new Uint8Array() });
    block(pair, pair.b, close, steady(20_000));
    expect(failed(pair.b)).toEqual([]);
  });
});
