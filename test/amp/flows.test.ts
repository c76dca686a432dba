/** Strategy flow: what waits is planned together, cut as the routes are that the node finds, and planned anew with what fails. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PaymentRequest } from '../../amp/io.ts';
import { msat } from '../../wire/units.ts';
import { propertyRuns } from '../support/runs.ts';
import { answer, busy, end, failed, outlet, roomy, small, started, take, via } from './byhand.ts';
import { ampRequest, deployedRequest, ordinaryRequest, type PaymentUnderTest } from './payer.ts';
import { secretOf } from './receiver.ts';

const flowing = { strategy: 'flow' } as const;
const open = (payer: PaymentUnderTest): readonly bigint[] =>
  payer.payment.kind === 'running'
    ? payer.payment.shards.filter(({ state }) => state.kind !== 'dropped').map(({ amount }) => amount)
    : [];
/** Answers with routes of these amounts, over outlet 1 and 2 in turn. */
const answerFlow = (payer: PaymentUnderTest, ...amounts: readonly bigint[]): void => {
  const { query } = payer;
  if (query === undefined) throw new Error('no route was asked for');
  payer.query = undefined;
  const routes = amounts.map((amount, n) => via(1 + (n % 2), amount));
  payer.step({ type: 'route', query: query.query, route: routes[0], routes, roundTrip: payer.roundTrip });
};
const reason = ({ result }: PaymentUnderTest) => (result?.event === 'payment_failed' ? result.reason : undefined);

const requests: readonly (readonly [string, PaymentRequest])[] = [
  ['fixed', ampRequest({ ...flowing, scheme: 'fixed' })],
  ['dynamic', ampRequest({ ...flowing, scheme: 'dynamic' })],
  ['tree', ampRequest({ ...flowing, scheme: 'tree' })],
  ['threshold', ampRequest({ ...flowing, scheme: 'threshold' })],
  ['deployed', deployedRequest(flowing)],
  ['mpp', ordinaryRequest(flowing)],
];

describe.each(requests)('by scheme %s a payment', (scheme, request) => {
  test('asks once for routes of all of it, and is cut as they are', () => {
    const payer = started(request, small);
    expect(payer.query).toMatchObject({ amount: 1_000_000n, flow: { most: 16, least: 1000n } });
    answerFlow(payer, 500_000n, 300_000n, 200_000n);
    expect(open(payer)).toEqual([500_000n, 300_000n, 200_000n]);
    expect(payer.events).toContainEqual({
      ...{ payment: request.id, event: 'payment_recut' },
      ...{ shards: [0, 1, 2], amounts: [500_000n, 300_000n, 200_000n] },
    });
    // The last share of `dynamic` is kept back for those that fail.
    expect(payer.offers.length).toBe(scheme === 'dynamic' ? 2 : 3);
  });

  test('goes whole where one route carries all of it', () => {
    const payer = started(request, small);
    answerFlow(payer, 1_000_000n);
    expect(payer.offers.map(({ amount }) => amount)).toEqual([1_001_000n]);
  });

  test('is planned again after a restart before anything was offered', () => {
    const payer = started(request, small);
    payer.restart();
    answerFlow(payer, 600_000n, 400_000n);
    expect(open(payer)).toEqual([600_000n, 400_000n]);
  });
});

describe.each(requests.filter(([scheme]) => ['deployed', 'mpp'].includes(scheme)))('by scheme %s', (_, request) => {
  const twoFailed = (): PaymentUnderTest => {
    const payer = started(request, roomy);
    answerFlow(payer, 400_000n, 300_000n, 200_000n, 100_000n);
    const [, second, third] = [take(payer), take(payer), take(payer)];
    end(payer, second, failed(request, second, 2, 0, busy));
    expect(payer.query).toMatchObject({ amount: 300_000n, flow: { most: 13 } });
    // Before the node answers, another one fails: what it answers is for another amount than waits by then.
    end(payer, third, failed(request, third, 1, 0, busy));
    answerFlow(payer, 300_000n);
    expect(payer.query).toMatchObject({ amount: 500_000n, flow: { most: 14 } });
    return payer;
  };

  test('what fails is planned together, in fewer parts', () => {
    const payer = twoFailed();
    answerFlow(payer, 500_000n);
    expect(open(payer)).toEqual([400_000n, 500_000n, 100_000n]);
    for (const offer of [...payer.offers]) end(payer, offer, { kind: 'fulfilled', preimage: secretOf(1).preimage });
    payer.offers.length = 0;
  });

  test('or in more, which take the places of those that were given up', () => {
    const payer = twoFailed();
    answerFlow(payer, 500_000n);
    const offers = payer.offers.splice(0);
    const last = offers.at(-1);
    end(payer, last, failed(request, last ?? take(payer), 1, 0, busy));
    answerFlow(payer, 300_000n, 100_000n, 100_000n);
    expect(open(payer)).toEqual([400_000n, 300_000n, 100_000n, 100_000n, 100_000n]);
    expect(payer.payment).toMatchObject({ shards: { length: 5 } });
  });
});

test('every part is claimed of a payment that was planned anew', () => {
  const request = deployedRequest(flowing);
  const payer = started(request, roomy);
  answerFlow(payer, 500_000n, 300_000n, 200_000n);
  const [first, second, third] = [take(payer), take(payer), take(payer)];
  end(payer, third, failed(request, third, 1, 0, busy));
  end(payer, second, failed(request, second, 2, 0, busy));
  answerFlow(payer, 200_000n);
  answerFlow(payer, 500_000n);
  for (const offer of [first, take(payer)]) end(payer, offer, { kind: 'fulfilled', preimage: secretOf(1).preimage });
  expect(payer.result).toMatchObject({ event: 'payment_succeeded', amount: 1_000_000n, parts: 2 });
});

test('a share that failed is split as often as its routes are, and the payment keeps its secret', () => {
  const request = ampRequest({ ...flowing, scheme: 'tree' });
  const payer = started(request, roomy);
  answerFlow(payer, 600_000n, 400_000n);
  const first = take(payer);
  end(payer, first, failed(request, first, 1, 0, busy));
  expect(payer.query).toMatchObject({ amount: 600_000n, flow: { most: 15 } });
  answerFlow(payer, 300_000n, 200_000n, 100_000n);
  expect(open(payer)).toEqual([300_000n, 400_000n, 200_000n, 100_000n]);
  expect(payer.eventNames().filter((name) => name === 'shard_split').length).toBe(2);
  payer.restart();
  expect(payer.offers.length).toBe(4);
});

test('a share that cannot be split takes another route whole', () => {
  const request = ampRequest({ ...flowing, scheme: 'threshold' });
  const payer = started(request, roomy);
  answerFlow(payer, 600_000n, 400_000n);
  const first = take(payer);
  end(payer, first, failed(request, first, 1, 0, busy));
  expect(payer.query?.amount).toBe(600_000n);
  expect(payer.query?.flow).toBeUndefined();
  answer(payer, 2);
  expect(open(payer)).toEqual([600_000n, 400_000n]);
});

describe('without routes for what failed', () => {
  const request = ordinaryRequest(flowing);
  const oneFailed = (): PaymentUnderTest => {
    const payer = started(request, roomy);
    answerFlow(payer, 600_000n, 400_000n);
    const first = take(payer);
    end(payer, first, failed(request, first, 1, 0, busy));
    answerFlow(payer);
    expect(payer.result).toBeUndefined();
    expect(payer.query).toBeUndefined();
    return payer;
  };

  test('a payment waits until the rest of it could be back, and plans both together', () => {
    const payer = oneFailed();
    const second = take(payer);
    end(payer, second, failed(request, second, 2, 0, busy));
    expect(payer.query).toBeUndefined();
    payer.tick(2);
    expect(payer.query).toMatchObject({ amount: 1_000_000n, flow: { most: 16 } });
    answerFlow(payer, 1_000_000n);
    expect(open(payer)).toEqual([1_000_000n]);
  });

  test('it fails where the rest does not come back in time, once that is resolved', () => {
    const payer = oneFailed();
    payer.tick(2);
    answerFlow(payer);
    expect(payer.payment).toMatchObject({ progress: { phase: 'stopping', reason: { code: 'no_route' } } });
    const second = take(payer);
    end(payer, second, failed(request, second, 2, 0, busy));
    expect(reason(payer)).toEqual({ code: 'no_route', amount: 600_000n });
  });

  test('it waits for our channels where only those are full', () => {
    const payer = started(request, roomy);
    const { query } = payer;
    payer.step({ type: 'route', query: query?.query ?? 0, route: undefined, routes: [], isFull: true });
    expect(payer.eventNames()).toContain('payment_waiting');
  });
});

test.each<[string, readonly bigint[]]>([
  ['none', []],
  ['more of them than may be', Array.from({ length: 20 }, () => 50_000n)],
  ['one below the smallest', [999_500n, 500n]],
])('a payment with nothing under way ends where its routes are %s', (_, amounts) => {
  const payer = started(ordinaryRequest(flowing), roomy);
  answerFlow(payer, ...amounts);
  expect(reason(payer)).toEqual({ code: 'no_route', amount: 1_000_000n });
});

test('routes that cost more than the payment may are as good as none', () => {
  const payer = started(ordinaryRequest({ ...flowing, maxFee: msat(1_500n) }), roomy);
  answerFlow(payer, 600_000n, 400_000n);
  expect(reason(payer)).toMatchObject({ code: 'no_route' });
});

describe('with spare shards', () => {
  const spare = (changes: object = {}) =>
    ampRequest({
      ...flowing,
      ...{ scheme: 'threshold', shards: 2, redundancy: 2, maxOverpayment: msat(1_000_000n), ...changes },
    });
  const four = [outlet(1, 3_000_000n), outlet(2, 3_000_000n)];
  const half = 500_000n;
  const markers = (payer: PaymentUnderTest) =>
    payer.events.flatMap((event) => (event.event === 'shard_offered' ? [event.index] : []));

  test('all shards are planned together, in units of which each gets a route', () => {
    const payer = started(spare(), four);
    expect(payer.query).toMatchObject({ amount: 4n * half, flow: { most: 4, least: 1000n, unit: half } });
    answerFlow(payer, half, half, half, half);
    expect(open(payer)).toEqual([half, half, half, half]);
    expect(markers(payer)).toEqual([1, 2, 3, 4]);
    expect(payer.eventNames()).not.toContain('payment_recut');
  });

  test('none is offered before the others that wait have been asked for; those without a route are left out as far as they are spare', () => {
    const payer = started(spare(), four);
    answerFlow(payer, half, half, half);
    expect(payer.offers).toHaveLength(0);
    // One shard is left: it is asked for by itself.
    expect(payer.query).toMatchObject({ amount: half });
    expect(payer.query?.flow).toBeUndefined();
    answer(payer);
    expect(payer.offers).toHaveLength(3);
    for (const offer of payer.offers.splice(0))
      end(payer, offer, { kind: 'fulfilled', preimage: secretOf(1).preimage });
    expect(payer.result).toMatchObject({ event: 'payment_succeeded', amount: 3n * half, parts: 3 });
  });

  test('two without a route are left out at once, a third ends the payment', () => {
    const payer = started(spare({ redundancy: 2, shards: 3, amount: msat(1_500_000n) }), four);
    answerFlow(payer, half, half);
    expect(payer.query).toMatchObject({ amount: 3n * half, flow: { most: 3, unit: half } });
    answerFlow(payer);
    expect(payer.query).toMatchObject({ amount: half });
    answer(payer);
    expect(reason(payer)).toEqual({ code: 'no_route', amount: half });
    expect(payer.offers).toHaveLength(0);
  });

  test('where only our channels are full for what is needed, it waits for those', () => {
    const payer = started(spare({ redundancy: 1 }), four);
    const refuse = (): void =>
      void payer.step({ type: 'route', query: payer.query?.query ?? 0, route: undefined, routes: [], isFull: true });
    refuse();
    expect(payer.query).toMatchObject({ amount: 2n * half, flow: { most: 2 } });
    refuse();
    expect(payer.eventNames()).toContain('payment_waiting');
    expect(payer.result).toBeUndefined();
  });

  test('routes of another amount than a shard has are none', () => {
    const payer = started(spare({ redundancy: 1 }), four);
    answerFlow(payer, half, half - 1n, half);
    expect(payer.query).toMatchObject({ amount: half });
    expect(open(payer)).toEqual([half, half, half]);
  });

  test('shards that failed are planned together, each with the share that it has', () => {
    const request = spare();
    const payer = started(request, four);
    answerFlow(payer, half, half, half, half);
    const [, second, third, fourth] = [take(payer), take(payer), take(payer), take(payer)];
    end(payer, second, failed(request, second, 2, 0, busy));
    end(payer, third, failed(request, third, 1, 0, busy));
    // The second is asked for by itself; until that is answered the third has joined it, and so has the fourth.
    end(payer, fourth, failed(request, fourth, 2, 0, busy));
    answer(payer, 1);
    expect(payer.query).toMatchObject({ amount: 2n * half, flow: { most: 2, unit: half } });
    payer.restart();
    answerFlow(payer, half, half);
    expect(markers(payer)).toEqual([1, 2, 3, 4, 2, 3, 4]);
    expect(open(payer)).toEqual([half, half, half, half]);
  });

  test('a strategy that does without flows is refused, and named are those that are not', () => {
    const payer = started(spare({ strategy: 'congestion' }), four);
    expect(reason(payer)).toEqual({
      ...{ code: 'bad_request', field: 'strategy' },
      expected: 'outlets or flow: shards of which any so many will do are all equal',
    });
  });

  test('whatever routes there are, every part is one unit with a share of its own, and any so many as are needed make up the amount', () => {
    let complete = 0;
    fc.assert(
      fc.property(
        fc.bigInt(10_000n, 900_000n),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.nat(10), { minLength: 12, maxLength: 12 }),
        (amount, needed, redundancy, answers) => {
          const most = { maxShards: needed + redundancy, maxOverpayment: msat(6n * amount + 100n) };
          const roomier = [outlet(1, 20_000_000n), outlet(2, 20_000_000n)];
          const payer = started(spare({ amount: msat(amount), shards: needed, redundancy, ...most }), roomier);
          const unit = (amount + BigInt(needed) - 1n) / BigInt(needed);
          for (const routes of answers) {
            const { query } = payer;
            if (query === undefined) break;
            expect(query.amount % unit).toBe(0n);
            if (query.flow === undefined) answer(payer, routes > 2 ? 1 : undefined);
            else answerFlow(payer, ...new Array<bigint>(Math.min(routes, query.flow.most)).fill(unit));
          }
          const indices = markers(payer);
          const { length: sent } = payer.offers;
          expect(new Set(indices).size).toBe(sent);
          expect(payer.offers.map((offer) => offer.amount)).toEqual(new Array(sent).fill(unit + 1000n));
          expect(unit * BigInt(needed) - amount).toBeLessThan(BigInt(needed));
          // All that are needed or nothing.
          expect(sent === 0 || (sent >= needed && sent <= needed + redundancy)).toBe(true);
          if (sent === needed + redundancy) complete++;
        },
      ),
      { numRuns: propertyRuns(100) },
    );
    expect(complete).toBeGreaterThan(0);
  });
});
