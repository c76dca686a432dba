/** Payments over channels that are full by turns: whatever these refuse and whatever comes back, none is stuck, and each ends as it was paid. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Outcome, PaymentEffect, PaymentInput, PaymentRequest } from '../../amp/io.ts';
import { isIn } from '../../amp/payment.ts';
import type { Outlet, Route } from '../../amp/route.ts';
import { zeros } from '../../wire/bytes.ts';
import { msat } from '../../wire/units.ts';
import { propertyRuns } from '../support/runs.ts';
import { busy, end, failed, outlet, unknown, via } from './byhand.ts';
import { ampRequest, deployedRequest, type Offer, ordinaryRequest, PaymentUnderTest } from './payer.ts';
import { secretOf } from './receiver.ts';

const { preimage } = secretOf(1);

/** A payment of which it is known whether it stands in the line of those that wait for room. */
class Waiting extends PaymentUnderTest {
  isInLine = false;

  override step(input: PaymentInput): readonly PaymentEffect[] {
    if (input.type === 'room' || input.type === 'restored') this.isInLine = false;
    const effects = super.step(input);
    if (effects.some((effect) => effect.do === 'wait_for_room')) this.isInLine = true;
    return effects;
  }

  /** Something is to come that has it go on: a result, a route, room, or the time at which its destination is ready. */
  get isExpecting(): boolean {
    const { payment, query, context } = this;
    if (payment.kind !== 'running') return true;
    const { room } = payment.progress;
    const { height, time } = payment.learnt.notBefore;
    // A question that was open when our channels refused is still answered.
    if (room.waits && !this.isInLine) return false;
    const isLater = context.height < height || context.now < time;
    return room.waits || query !== undefined || isLater || payment.shards.some(isIn('in_flight'));
  }
}

const outlets = fc.array(
  fc.record({
    n: fc.integer({ min: 1, max: 3 }),
    now: fc.constantFrom(0n, 400_000n, 2_000_000n, 3_000_000n),
    rest: fc.constantFrom(700_000n, 3_000_000n),
    slots: fc.constantFrom(0, 3, 8),
  }),
  { minLength: 2, maxLength: 4 },
);
const toOutlets = (some: readonly { n: number; now: bigint; rest: bigint; slots: number }[]): readonly Outlet[] =>
  some.map(({ n, now, rest, slots }) => {
    return { ...outlet(n, now), slots, atRest: { spendable: msat(rest), slots: 8 } };
  });

const results = ['full', 'offline', 'unavailable', 'lost', 'busy', 'unreadable', 'claimed', 'refused'] as const;
const outcomeOf = (request: PaymentRequest, offer: Offer, result: (typeof results)[number]): Outcome => {
  switch (result) {
    case 'claimed':
      return { kind: 'fulfilled', preimage };
    case 'unreadable':
      return { kind: 'failed', reason: zeros(292) };
    case 'busy':
    case 'refused':
      return failed(request, offer, Number(offer.scid), result === 'busy' ? 0 : 1, result === 'busy' ? busy : unknown);
    default:
      return { kind: 'refused', why: result };
  }
};

/** Routes that carry an amount together, each its part of it by weight. */
const routesOf = (amount: bigint, parts: readonly { n: number; weight: bigint }[]): readonly Route[] => {
  const all = parts.reduce((sum, { weight }) => sum + weight, 0n);
  const before = (i: number): bigint =>
    (amount * parts.slice(0, i).reduce((sum, { weight }) => sum + weight, 0n)) / (all === 0n ? 1n : all);
  return parts.map(({ n }, i) => via(n, before(i + 1) - before(i), 100n));
};

const move = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      route: fc.option(fc.integer({ min: 1, max: 3 }), { freq: 4 }),
      isFull: fc.boolean(),
      largest: fc.constantFrom(1_000n, 300_000n),
      parts: fc.array(fc.record({ n: fc.integer({ min: 1, max: 3 }), weight: fc.bigInt(0n, 9n) }), { maxLength: 5 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ offer: fc.nat(20), result: fc.constantFrom(...results) }) },
  { weight: 2, arbitrary: fc.record({ room: outlets }) },
  fc.record({ seconds: fc.integer({ min: 0, max: 3 }) }),
  fc.constant({ restart: true } as const),
);

const requests = fc
  .record({
    scheme: fc.constantFrom('mpp', 'deployed', 'fixed', 'dynamic', 'tree', 'threshold'),
    strategy: fc.constantFrom(undefined, 'equal', 'halving', 'congestion', 'flow', 'flow'),
    shards: fc.integer({ min: 1, max: 4 }),
    redundancy: fc.nat(3),
  })
  .map(({ scheme, redundancy, ...terms }): PaymentRequest => {
    const given = { ...terms, deadline: 1_000_100 };
    if (scheme === 'mpp') return ordinaryRequest(given);
    if (scheme === 'deployed') return deployedRequest(given);
    const hasSpare = scheme === 'threshold' && [undefined, 'flow'].includes(terms.strategy);
    return ampRequest({ ...given, scheme, ...(hasSpare && { redundancy, maxOverpayment: msat(3_000_000n) }) });
  });

test('no payment is stuck between channels that are full by turns, and each is complete if and only if something of it was claimed', () => {
  fc.assert(
    fc.property(requests, outlets, fc.array(move, { maxLength: 60 }), (request, first, moves) => {
      const payer = new Waiting().start(request, toOutlets(first));
      let sent = 0n;
      for (const one of moves) {
        expect(payer.isExpecting).toBe(true);
        const { query } = payer;
        const [left, isPaid] = [payer.offers.length, sent > 0n];
        if ('route' in one && query !== undefined) {
          const { isFull, largest, route, parts } = one;
          payer.query = undefined;
          if (query.flow !== undefined) {
            const { unit, most } = query.flow;
            const routes =
              unit === undefined
                ? routesOf(query.amount, parts)
                : parts.slice(0, most).map(({ n, weight }) => via(n, weight === 0n ? unit - 1n : unit, 100n));
            payer.step({ type: 'route', query: query.query, route: routes[0], routes, roundTrip: 1500, isFull });
            continue;
          }
          const found = route === null ? undefined : via(route, query.amount, 100n);
          const answer = { type: 'route', query: query.query, route: found } as const;
          payer.step(found === undefined ? { ...answer, isFull, largest: msat(largest) } : answer);
        } else if ('offer' in one && payer.offers.length > 0) {
          const [offer] = payer.offers.splice(one.offer % payer.offers.length, 1);
          if (offer === undefined) continue;
          if (one.result === 'claimed') sent += offer.amount;
          end(payer, offer, outcomeOf(request, offer, one.result));
        } else if ('room' in one && payer.isInLine) payer.step({ type: 'room', outlets: toOutlets(one.room) });
        else if ('seconds' in one) payer.tick(one.seconds);
        else if ('restart' in one && payer.payment.kind === 'running') payer.restart();
        if (isPaid) expect(payer.offers.length).toBeLessThanOrEqual(left);
      }
      payer.tick(1_000);
      for (const offer of payer.offers.splice(0)) end(payer, offer, { kind: 'timed_out' });
      const event = sent > 0n ? 'payment_succeeded' : 'payment_failed';
      expect(payer.result).toMatchObject({ event, amountSent: sent });
    }),
    { numRuns: propertyRuns(100) },
  );
});
