/** The rules of sending, one by one: what is offered, tried again, cut, kept back, given up. */
import { describe, expect, test } from 'vitest';
import { joined } from '../../amp/shares.ts';
import type { Failure } from '../../onion/failuremessages.ts';
import { readFinal } from '../../onion/payload.ts';
import { equal, hex, zeros } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { msat } from '../../wire/units.ts';
import { answer, answerAll, blobsOf, busy, end, failed, scid, small, started, take, unknown } from './byhand.ts';
import { ampRequest, nodeOf, ordinaryRequest } from './payer.ts';
import { bytes32, secretOf } from './receiver.ts';

test('nothing is offered before every shard has a route', () => {
  const payer = started(ampRequest({ scheme: 'fixed' }), small);
  answer(payer, 1);
  expect(payer.offers).toHaveLength(0);
  answer(payer, 2);
  expect(payer.offers).toHaveLength(2);
});

test('scheme fixed tells the wanted number of shares even where fewer HTLCs make sense', () => {
  const payer = started(ampRequest({ scheme: 'fixed', shards: 5, minShard: msat(400_000n) }));
  answerAll(payer);
  expect(payer.offers).toHaveLength(2);
  const blobs = blobsOf(payer);
  expect(blobs.map(({ marker }) => marker)).toEqual([5, 5, 5, 5, 5]);
  const root = joined(blobs.map(({ share }) => share));
  expect(payer.payment).toMatchObject({ progress: { sender: { root } } });
});

test('scheme dynamic keeps its last share back, and then tells the count in it', () => {
  const payer = started(ampRequest(), small, 2000);
  answerAll(payer);
  expect(blobsOf(payer).map(({ marker }) => marker)).toEqual([0]);
  payer.tick(1);
  expect(payer.offers).toHaveLength(1);
  payer.tick(1);
  expect(blobsOf(payer).map(({ marker }) => marker)).toEqual([0, 2]);
  const [first, last] = blobsOf(payer);
  const root = joined([first?.share ?? zeros(32), last?.share ?? zeros(32)]);
  expect(hex(first?.setId ?? zeros(0))).toBe(hex(sha256(root)));
});

test('every HTLC of a multi-part payment carries metadata, secret and total of the whole, and so does one that is tried again', () => {
  const metadata = bytes32(9);
  const request = ordinaryRequest({ metadata });
  const payer = started(request, small);
  answerAll(payer);
  const first = take(payer);
  end(payer, first, failed(request, first, 1, 0, busy));
  answer(payer, 2);
  const said = payer.events.flatMap((event) => (event.event === 'shard_offered' ? [readFinal(event.frame)] : []));
  expect(said).toHaveLength(3);
  for (const read of said)
    expect(read).toMatchObject({
      accept: { paymentMetadata: metadata, paymentData: { paymentSecret: bytes32(2), totalMsat: 1_000_000n } },
    });
});

test('a single dynamic share is the last one and does not wait', () => {
  const payer = started(ampRequest(), undefined, 60_000);
  answerAll(payer);
  expect(blobsOf(payer)).toMatchObject([{ marker: 1 }]);
});

test('a failed shard tries another route with the same share and hash, under a new session key', () => {
  const request = ampRequest({ scheme: 'fixed' });
  const payer = started(request);
  answer(payer, 1);
  const first = take(payer);
  end(payer, first, failed(request, first, 1, 0, busy));
  expect(payer.query?.excluded).toEqual([{ scid: scid(11), from: nodeOf(1), atLeast: 1_000_000n }]);
  answer(payer, 2);
  const second = take(payer);
  expect(hex(second.paymentHash)).toBe(hex(first.paymentHash));
  expect(equal(second.onion, first.onion)).toBe(false);
  const [one, two] = blobsOf(payer);
  expect(one).toEqual(two);
});

test('a failure of the destination ends the payment once all shards are back', () => {
  const request = ampRequest({ scheme: 'fixed' });
  const payer = started(request, small);
  answerAll(payer);
  const [first, second] = [take(payer), take(payer)];
  end(payer, first, failed(request, first, 1, 1, unknown));
  expect(payer.result).toBeUndefined();
  expect(payer.eventNames()).toContain('payment_stopping');
  end(payer, second, failed(request, second, 2, 1, { name: 'mpp_timeout' }));
  expect(payer.result).toMatchObject({
    event: 'payment_failed',
    reason: { code: 'refused_by_destination', failure: 'incorrect_or_unknown_payment_details' },
    ...{ amount: 0n, amountSent: 0n, parts: 0, preimages: [] },
  });
});

test('a set that the payee gave up when the payer had no more time either ends for the deadline, an earlier one was refused', () => {
  const request = ampRequest({ scheme: 'fixed' });
  const reasons = [-1, 0, 1].map((late) => {
    const payer = started(request);
    answerAll(payer);
    const only = take(payer);
    payer.context = { ...payer.context, now: request.deadline + late };
    end(payer, only, failed(request, only, 1, 1, { name: 'mpp_timeout' }));
    return payer.result?.event === 'payment_failed' ? payer.result.reason.code : undefined;
  });
  expect(reasons).toEqual(['refused_by_destination', 'deadline', 'deadline']);
});

test('what the payee refuses for good is told as that, however late', () => {
  const request = ampRequest({ scheme: 'fixed' });
  const payer = started(request);
  answerAll(payer);
  const only = take(payer);
  payer.context = { ...payer.context, now: request.deadline + 1 };
  end(payer, only, failed(request, only, 1, 1, unknown));
  expect(payer.result).toMatchObject({ reason: { code: 'refused_by_destination' } });
});

test('a dynamic shard that finds no route is cut before the last share is under way: one half keeps its hash', () => {
  const request = ampRequest();
  const payer = started(request, small);
  answerAll(payer);
  const first = take(payer);
  end(payer, first, failed(request, first, 1, 0, busy));
  answer(payer);
  expect(payer.events.at(-1)).toMatchObject({ event: 'shard_split', shard: 0, into: 2, amounts: [250_000n, 250_000n] });
  answerAll(payer);
  const [kept, added] = [take(payer), take(payer)];
  expect(hex(kept.paymentHash)).toBe(hex(first.paymentHash));
  expect(hex(added.paymentHash)).not.toBe(hex(first.paymentHash));
  payer.tick();
  const blobs = blobsOf(payer);
  expect(blobs.map(({ marker }) => marker)).toEqual([0, 0, 0, 3]);
  const whole = blobs[0]?.share ?? zeros(32);
  expect(joined(blobs.slice(1, 3).map(({ share }) => share))).toEqual(whole);
});

test('once the last share is under way, a dynamic shard without a route ends the payment', () => {
  const request = ampRequest();
  const payer = started(request, small, 0);
  answerAll(payer);
  const first = take(payer);
  expect(payer.offers).toHaveLength(1);
  end(payer, first, failed(request, first, 1, 0, busy));
  answer(payer);
  expect(payer.events.at(-1)).toMatchObject({ event: 'payment_stopping', reason: { code: 'no_route' }, inFlight: 1 });
});

test('a shard without a route is cut while nothing is offered, by what would have a route', () => {
  const payer = started(ampRequest({ scheme: 'fixed' }));
  payer.step({ type: 'route', query: 1, route: undefined, largest: msat(300_000n) });
  answerAll(payer);
  expect(payer.offers.map(({ amount }) => amount)).toEqual([301_000n, 701_000n]);
  expect(blobsOf(payer).map(({ marker }) => marker)).toEqual([2, 2]);
});

test('a payment that has no route even for a small part ends at once, unless it may be cut into smaller ones', () => {
  const none = { type: 'route', query: 1, route: undefined, largest: msat(0n) } as const;
  const ends = (maxShards: number) => {
    const payer = started(ampRequest({ maxShards }));
    payer.step(none);
    return payer.result;
  };
  expect(ends(64)).toMatchObject({ event: 'payment_failed', reason: { code: 'no_route' } });
  expect(ends(65)).toBeUndefined();
});

test('a payment in one HTLC is never cut, and is impossible when no channel carries it', () => {
  for (const request of [ordinaryRequest({ scheme: 'single' }), ampRequest({ shards: 1, maxShards: 1 })])
    expect(started(request, small).result).toMatchObject({
      event: 'payment_failed',
      reason: { code: 'amount_too_large', spendable: 700_000n },
    });
});

test('all shards fulfilled is success, with the preimages as proof and the fees counted', () => {
  const payer = started(ampRequest({ scheme: 'fixed' }), small);
  answerAll(payer);
  for (const n of [1, 2]) end(payer, take(payer), { kind: 'fulfilled', preimage: secretOf(n).preimage });
  expect(payer.result).toMatchObject({
    ...{ event: 'payment_succeeded', amount: 1_000_000n, amountSent: 1_002_000n, parts: 2 },
    preimages: [secretOf(1).preimage, secretOf(2).preimage],
  });
});

test.each(['fixed', 'dynamic'] as const)('a withheld shard of scheme %s is never offered', (scheme) => {
  const request = ampRequest({ scheme, shards: 3, withhold: 1 });
  const payer = started(request);
  answerAll(payer);
  payer.tick(100);
  expect(payer.offers).toHaveLength(2);
  expect(payer.eventNames()).toContain('shard_withheld');
  expect(blobsOf(payer).map(({ marker }) => marker)).toEqual(scheme === 'fixed' ? [3, 3] : [0, 0]);
  for (const n of [1, 2]) {
    const offer = take(payer);
    end(payer, offer, failed(request, offer, n, 1, { name: 'mpp_timeout' }));
  }
  expect(payer.result).toMatchObject({ reason: { code: 'refused_by_destination', failure: 'mpp_timeout' } });
});

test('each shard is given its part of the fees that are left, the last one all of them', () => {
  const payer = started(ordinaryRequest({ shards: 4 }));
  const fair: unknown[] = [];
  for (; payer.query !== undefined; answer(payer, 1, 2_000n)) fair.push(payer.query.fairFee);
  expect(fair).toEqual([12_500n, 16_000n, 23_000n, 44_000n]);
});

test('after the deadline no attempt is begun', () => {
  const request = ampRequest({ scheme: 'fixed', deadline: 1_000_010 });
  const payer = started(request);
  answer(payer, 1);
  const offer = take(payer);
  payer.tick(11);
  expect(payer.result).toBeUndefined();
  end(payer, offer, failed(request, offer, 1, 0, busy));
  expect(payer.result).toMatchObject({ reason: { code: 'deadline' } });
});

test('no route that takes longer than the payment may is used', () => {
  const payer = started(ampRequest({ scheme: 'fixed', shards: 1, maxDelay: 49 }));
  expect(payer.query).toMatchObject({ finalExpiry: 540, maxExpiry: 549 });
  answer(payer, 1);
  expect(payer.offers).toEqual([]);
  const longer = started(ampRequest({ scheme: 'fixed', shards: 1, maxDelay: 50 }));
  longer.restart();
  expect(longer.query).toMatchObject({ maxExpiry: 550 });
  answer(longer, 1);
  expect(longer.offers).toHaveLength(1);
});

test('cancelled while in flight, a payment may still succeed', () => {
  const payer = started(ampRequest({ scheme: 'fixed' }));
  answer(payer, 1);
  payer.step({ type: 'cancel' });
  expect(payer.result).toBeUndefined();
  end(payer, take(payer), { kind: 'fulfilled', preimage: secretOf(1).preimage });
  expect(payer.result?.event).toBe('payment_succeeded');
});

test('attempts are bounded', () => {
  const payer = started(ampRequest({ scheme: 'fixed', maxShards: 1 }));
  for (let n = 0; payer.result === undefined; n++) {
    expect(n).toBeLessThan(100);
    answer(payer, 1);
    end(payer, take(payer), { kind: 'refused', why: 'lost' });
  }
  expect(payer.result).toMatchObject({ reason: { code: 'too_many_attempts', attempts: 24 } });
});

test('a result is told again after a restart, until it is acknowledged', () => {
  const payer = started(ampRequest(), []);
  payer.restart();
  expect(payer.eventNames()).toEqual(['payment_failed', 'payment_failed']);
  payer.step({ type: 'acknowledged' });
  expect(payer.payment.kind).toBe('forgotten');
  expect(payer.store.size).toBe(0);
});

describe('a destination that is not ready', () => {
  const at = (height: number): Failure => ({ ...unknown, height }) as Failure;
  const refused = (failure: Failure) => {
    const request = ampRequest({ scheme: 'fixed', shards: 1 });
    const payer = started(request);
    answer(payer, 1);
    const offer = take(payer);
    end(payer, offer, failed(request, offer, 1, 1, failure));
    return { payer, first: offer };
  };

  test('ahead of our chain, is paid once we have seen the same blocks, over the same channel', () => {
    const { payer, first } = refused(at(505));
    payer.tick();
    payer.restart();
    expect(payer.query).toBeUndefined();
    payer.context = { ...payer.context, height: 504 };
    payer.tick();
    expect(payer.query).toBeUndefined();
    payer.context = { ...payer.context, height: 505 };
    payer.tick();
    expect(payer.query).toMatchObject({ finalExpiry: 545, excluded: [], excludedNodes: [] });
    answer(payer, 1);
    expect(hex(take(payer).paymentHash)).toBe(hex(first.paymentHash));
  });

  test.each([
    ['at our own height', 500],
    ['farther ahead than can be', 645],
  ])('%s, means it when it refuses', (_, height) => {
    expect(refused(at(height)).payer.result).toMatchObject({ reason: { code: 'refused_by_destination' } });
  });

  test('too full for now, is tried again a second later, and not for longer than the payment may take', () => {
    const request = ampRequest({ scheme: 'fixed', shards: 1, deadline: 1_000_002 });
    const payer = started(request);
    payer.context = { ...payer.context, now: 1_000_000 };
    for (let attempt = 0; attempt < 3; attempt++) {
      answer(payer, 1);
      const offer = take(payer);
      end(payer, offer, failed(request, offer, 1, 1, { name: 'temporary_node_failure' }));
      expect(payer.query).toBeUndefined();
      payer.tick();
    }
    expect(payer.result).toMatchObject({ reason: { code: 'deadline' } });
  });
});
