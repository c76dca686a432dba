/** Strategy flow: what waits is planned together, cut as the routes are that the node finds, and planned anew with what fails. */
import { describe, expect, test } from 'vitest';
import type { PaymentRequest } from '../../amp/io.ts';
import { msat } from '../../wire/units.ts';
import { answer, busy, end, failed, roomy, small, started, take, via } from './byhand.ts';
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
