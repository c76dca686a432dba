/** What was checked when it was offered is checked again when it is signed: nothing is signed late, or as dust, or on no funding. */
import { describe, expect, test } from 'vitest';
import { wantsToSign } from '../../channel/phases/transition.ts';
import { SIGNING_MARGIN } from '../../channel/rules/deadlines.ts';
import { spendable } from '../../channel/rules/limits.ts';
import { msat, sat } from '../../wire/units.ts';
import { acceptRequest, context, coreOf, deliver, eventsOf, give, offerOf, type Pair, ready, settle } from './pair.ts';
import { answered, at, block, cutWhy, failure, names, pushed, refusals, unanswered } from './silence.ts';

/** A channel that takes many small HTLCs: 138 of 3,700 sat have outputs at 1,000 sat/kw, and none at 5,000. */
const roomy = (): Pair => {
  const wide = { ...acceptRequest.limits, maxAcceptedHtlcs: 483 };
  return ready(
    { ...pushed, amount: sat(10_000_000n), push: msat(5_000_000_000n), limits: wide },
    {
      ...acceptRequest,
      limits: wide,
    },
  );
};
const many = Array.from({ length: 138 }, (_, n) => offerOf(3_700_000n, n + 1));

describe('an offer that the peer keeps us from signing', () => {
  const offer = { ...offerOf(50_000_000n, 1), expiry: context.height + 40 };

  test('is refused when its expiry comes near, and the connection ends with it', () => {
    const pair = unanswered();
    give(pair, pair.a, offer);
    expect(wantsToSign(pair.a.state)).toBe(false);
    block(pair, pair.a, offer.expiry - SIGNING_MARGIN - 1);
    expect(refusals(pair.a)).toEqual([]);
    block(pair, pair.a, offer.expiry - SIGNING_MARGIN);
    expect(refusals(pair.a)).toEqual(['disconnected']);
    expect(cutWhy(pair.a)).toMatch(/^offer_withdrawn/);
    expect(coreOf(pair.a).outgoing.size).toBe(0);
    expect(failure(pair.a)).toBeUndefined();
  });

  test.each([-SIGNING_MARGIN, 0, 58])(
    'is not signed %d blocks after its expiry, though no block came between',
    (late) => {
      const pair = unanswered();
      give(pair, pair.a, offer);
      answered(pair);
      const then = at(offer.expiry + late);
      const message = pair.a.inbox.shift();
      if (message === undefined) throw new Error('no answer');
      give(pair, pair.a, { type: 'message', message }, then);
      expect(wantsToSign(pair.a.state)).toBe(true);
      pair.b.inbox = [];
      give(pair, pair.a, { type: 'sign' }, then);
      expect(names(pair.b)).toEqual(['warning']);
      expect(refusals(pair.a)).toEqual(['disconnected']);
    },
  );

  test('is signed while there is time, and not lost', () => {
    const pair = unanswered();
    give(pair, pair.a, offer);
    settle(pair);
    expect(eventsOf(pair.b, 'received')).toHaveLength(1);
    expect(refusals(pair.a)).toEqual([]);
  });

  test('is not signed when a reorg has taken the funding out of the chain meanwhile', () => {
    const pair = unanswered();
    give(pair, pair.a, offer);
    give(pair, pair.a, { type: 'funding_unconfirmed' });
    answered(pair);
    deliver(pair, pair.a);
    give(pair, pair.a, { type: 'sign' });
    expect(cutWhy(pair.a)).toBe('offer_withdrawn: id 0, why not_ready');
    expect(refusals(pair.a)).toEqual(['disconnected']);
  });

  test('is not signed when a raise of the feerate made it one of too many without an output', () => {
    const pair = roomy();
    const { a, b } = pair;
    give(pair, b, offerOf(5_000_000n, 0));
    give(pair, b, { type: 'sign' });
    for (const one of many) give(pair, b, one);
    expect(refusals(b)).toEqual([]);
    // The funder has heard of none of them when it raises.
    give(pair, a, { type: 'update_fee', feerate: 5000 });
    give(pair, a, { type: 'sign' });
    deliver(pair, b);
    deliver(pair, b);
    while (deliver(pair, a)) {}
    while (deliver(pair, b)) {}
    give(pair, b, { type: 'sign' });
    expect(cutWhy(b)).toMatch(/^offer_withdrawn: id \d+, why dust_exposure$/);
    expect(refusals(b)).toHaveLength(many.length);
  });

  test('is refused at once if it comes with too little time to begin with', () => {
    const pair = ready(pushed);
    give(pair, pair.a, { ...offer, expiry: context.height + 3 });
    give(pair, pair.a, { ...offer, expiry: context.height + 4 });
    expect(refusals(pair.a)).toEqual(['expiry_out_of_range']);
  });
});

test('no HTLC is offered that an uncommitted update_fee of the peer would trim', () => {
  const pair = roomy();
  const { a, b } = pair;
  give(pair, a, { type: 'update_fee', feerate: 5000 });
  deliver(pair, b);
  for (const one of many) give(pair, b, one);
  expect(refusals(b)).toContain('dust_exposure');
  expect(spendable(coreOf(b), context)).toBeGreaterThan(0n);
  give(pair, b, { type: 'sign' });
  while (deliver(pair, a)) {}
  give(pair, a, { type: 'sign' });
  while (deliver(pair, b)) {}
  expect(cutWhy(b)).toBeUndefined();
});

test('an update_fee that the peer commits later is checked again against the estimate at that time', () => {
  const pair = ready(pushed);
  give(pair, pair.a, { type: 'update_fee', feerate: 5000 });
  deliver(pair, pair.b);
  give(pair, pair.a, { type: 'sign' });
  const message = pair.b.inbox.shift();
  if (message === undefined) throw new Error('not signed');
  give(pair, pair.b, { type: 'message', message }, { ...context, maxFeerate: 4000 });
  expect(cutWhy(pair.b)).toMatch(/^feerate_out_of_range/);
});
