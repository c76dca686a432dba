/**
 * Paid is paid: one preimage makes a payment complete with what was sent, and not a shard of it goes out again, whatever
 * becomes of the others, in ordinary payments and in AMPs of each scheme, before and after a restart.
 */
import { describe, expect, test } from 'vitest';
import type { PaymentRequest } from '../../amp/io.ts';
import { restorePayment } from '../../amp/paymentstore.ts';
import { schemeNames } from '../../amp/schemes.ts';
import { answer, answerAll, busy, end, failed, small, started, take, unknown } from './byhand.ts';
import { ampRequest, ordinaryRequest, type PaymentUnderTest } from './payer.ts';
import { secretOf } from './receiver.ts';

const requests: readonly PaymentRequest[] = [ordinaryRequest(), ...schemeNames.map((scheme) => ampRequest({ scheme }))];
const { preimage } = secretOf(1);
/** Both shards of a payment of 1,000 sat under way. */
const underWay = (request: PaymentRequest) => {
  const payer = started(request, small, 0);
  answerAll(payer);
  return { payer, first: take(payer), second: take(payer) };
};
const claim = (payer: PaymentUnderTest, offer: ReturnType<typeof take>) =>
  end(payer, offer, { kind: 'fulfilled', preimage });
const half = { event: 'payment_succeeded', amount: 500_000n, amountSent: 501_000n, parts: 1, preimages: [preimage] };
const nothingMore = (payer: PaymentUnderTest) => {
  payer.tick(5);
  expect(payer.query).toBeUndefined();
  expect(payer.offers).toEqual([]);
};

describe.each(requests.map((request) => [request.scheme, request] as const))('a payment of scheme %s', (_, request) => {
  test('of which a part was claimed and another failed is complete with what was sent, and sends nothing more', () => {
    const { payer, first, second } = underWay(request);
    claim(payer, first);
    end(payer, second, failed(request, second, 2, 0, busy));
    expect(payer.result).toMatchObject(half);
    nothingMore(payer);
  });

  test('does not send a failed part again once another is claimed, though a way for it was just being found', () => {
    const { payer, first, second } = underWay(request);
    end(payer, second, failed(request, second, 2, 0, busy));
    const { query } = payer;
    expect(query).toBeDefined();
    claim(payer, first);
    expect(payer.result).toMatchObject(half);
    answer(payer, 1);
    nothingMore(payer);
  });

  test('does not send a failed part that waits for its time once another is claimed', () => {
    const { payer, first, second } = underWay(request);
    end(payer, second, failed(request, second, 2, 1, { name: 'temporary_node_failure' }));
    expect(payer.query).toBeUndefined();
    claim(payer, first);
    expect(payer.result).toMatchObject(half);
    nothingMore(payer);
  });

  test('is the same after restarts between claim and failure, and where the other part never left', () => {
    const { payer, first, second } = underWay(request);
    claim(payer, first);
    payer.restart();
    nothingMore(payer);
    expect(payer.result).toBeUndefined();
    end(payer, second, { kind: 'refused', why: 'lost' });
    expect(payer.result).toMatchObject(half);
    payer.restart();
    expect(payer.result).toMatchObject(half);
  });

  test('waits for a part that is still out when another is claimed, and counts it if it is claimed, too', () => {
    const { payer, first, second } = underWay(request);
    claim(payer, first);
    nothingMore(payer);
    claim(payer, second);
    expect(payer.result).toMatchObject({
      event: 'payment_succeeded',
      amount: 1_000_000n,
      amountSent: 1_002_000n,
      parts: 2,
    });
  });

  test('that was refused and then claimed in part is complete', () => {
    const { payer, first, second } = underWay(request);
    end(payer, second, failed(request, second, 2, 1, unknown));
    claim(payer, first);
    expect(payer.result).toMatchObject(half);
  });

  test('whose preimage turns out to be known is given up, not sent by another way', () => {
    const { payer, first, second } = underWay(request);
    end(payer, first, { kind: 'refused', why: 'preimage_known' });
    nothingMore(payer);
    end(payer, second, failed(request, second, 2, 0, busy));
    expect(payer.result).toMatchObject({ event: 'payment_failed', reason: { code: 'preimage_known' }, parts: 0 });
    nothingMore(payer);
  });
});

test('a result kept by a version that called a payment failed which was claimed in part is read as complete', () => {
  const payment = 'x';
  const totals = { amount: 5n, amountSent: 6n, parts: 1, preimages: [preimage] };
  const text = Uint8Array.of(0, payment.length, payment.charCodeAt(0));
  const u64 = (n: bigint) => [0, 0, 0, 0, 0, 0, 0, Number(n)];
  const record = Uint8Array.of(
    ...[1, ...text, ...u64(totals.amount), ...u64(totals.amountSent), 1, 1, ...preimage],
    ...[7, ...u64(totals.amount)],
  );
  expect(restorePayment(new Map([['result/0', record]]))).toEqual({
    kind: 'finished',
    result: { payment, event: 'payment_succeeded', ...totals },
  });
});
