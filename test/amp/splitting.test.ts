/** Shards that fail and are split, spare shards, and shards that carry several shares. */
import { describe, expect, test } from 'vitest';
import type { AmpRequest } from '../../amp/io.ts';
import { joined } from '../../amp/shares.ts';
import { hex, zeros } from '../../wire/bytes.ts';
import { msat } from '../../wire/units.ts';
import {
  answer,
  answerAll,
  blobsOf,
  busy,
  end,
  failed,
  outlet,
  roomy,
  small,
  started,
  take,
  unknown,
} from './byhand.ts';
import { ampRequest } from './payer.ts';
import { bytes32, secretOf } from './receiver.ts';
import { amp, schemeNamed } from './sets.ts';

const four = [1, 2, 3, 4].map((n) => outlet(n, 2_000_000n));
const preimage = secretOf(1).preimage;

describe('scheme tree', () => {
  test('offers all shards at once, each with its place in the tree, and keeps none back', () => {
    const payer = started(ampRequest({ scheme: 'tree', shards: 3 }), small, 60_000);
    answerAll(payer);
    const blobs = blobsOf(payer);
    expect(blobs.map(({ marker }) => marker)).toEqual([0, 1, 2]);
    expect(payer.payment).toMatchObject({ progress: { sender: { root: joined(blobs.map(({ share }) => share)) } } });
  });

  test('splits a shard that finds no route while all others are under way, and one of its halves again', () => {
    const request = ampRequest({ scheme: 'tree' });
    const payer = started(request, small);
    answerAll(payer);
    const first = take(payer);
    end(payer, first, failed(request, first, 1, 0, busy));
    answer(payer);
    answerAll(payer);
    take(payer);
    const [kept, added] = [take(payer), take(payer)];
    expect(hex(kept.paymentHash)).toBe(hex(first.paymentHash));
    expect(hex(added.paymentHash)).not.toBe(hex(first.paymentHash));
    end(payer, added, failed(request, added, 1, 0, busy));
    answer(payer);
    answerAll(payer);
    // 0 failed and became 0 and 2; then 2 became 2 and 6. Shares of what is under way: 1, 0, 2 and 6.
    const markers = blobsOf(payer).map(({ marker }) => marker);
    expect(markers).toEqual([0, 1, 0, 2, 2, 6]);
    const [, one, zero, , two, six] = blobsOf(payer).map(({ share }) => share);
    const under = joined([one, zero, two, six].map((share) => share ?? zeros(32)));
    expect(payer.payment).toMatchObject({ progress: { sender: { root: under } } });
  });

  test('a share is split eight times at most, and each half is told by its place', () => {
    const tree = schemeNamed('tree');
    const entropy = bytes32(5);
    let [shard, sender] = tree.nextShard(tree.begin(entropy, 1), entropy, true);
    const places = [shard.index];
    for (let i = 0; i < 8; i++) {
      const halves = tree.split(sender, entropy, shard);
      if (halves === undefined) throw new Error('expected a split');
      const [kept, added, next] = halves;
      expect(joined([...kept.shares, ...added.shares].map(({ share }) => share))).toEqual(shard.shares[0]?.share);
      places.push(added.index);
      [shard, sender] = [added, next];
    }
    expect(places).toEqual([0, 1, 3, 7, 15, 31, 63, 127, 255]);
    expect(tree.split(sender, entropy, shard)).toBeUndefined();
  });

  test.each([1, 2, 3, 5, 8, 100, 255])('of %i shares no two are in one place, and all of them give BP', (parts) => {
    const tree = schemeNamed('tree');
    const entropy = bytes32(6);
    let sender = tree.begin(entropy, parts);
    const shares = Array.from({ length: parts }, () => {
      const [shard, next] = tree.nextShard(sender, entropy, false);
      sender = next;
      return shard.shares[0];
    });
    expect(new Set(shares.map((share) => share?.marker)).size).toBe(parts);
    expect(joined(shares.map((share) => share?.share ?? zeros(32)))).toEqual(sender.root);
    expect(() => tree.nextShard(sender, entropy, false)).toThrow(RangeError);
  });
});

describe('scheme dynamic', () => {
  test('asks to be woken when no failure is to be expected any more, and offers its last share then', () => {
    const payer = started(ampRequest(), small, 70);
    answerAll(payer);
    expect(payer.offers).toHaveLength(1);
    expect(payer.wakeAt).toBe(payer.context.millis + 70);
    payer.context = { ...payer.context, millis: payer.context.millis + 69 };
    payer.step({ type: 'tick' });
    expect(payer.offers).toHaveLength(1);
    payer.context = { ...payer.context, millis: payer.context.millis + 1 };
    payer.step({ type: 'tick' });
    expect(payer.offers).toHaveLength(2);
  });

  test.each<[string, Partial<AmpRequest>]>([
    ['since they are as small as can be', { minShard: msat(300_000n) }],
    ['since there may be no more of them', { maxShards: 2 }],
  ])('keeps nothing back where no shard could be split, %s', (_, changes) => {
    const payer = started(ampRequest(changes), small, 60_000);
    answerAll(payer);
    expect(payer.offers).toHaveLength(2);
  });

  test('keeps nothing back where no shard can fail on its way, since the destination is next', () => {
    const payer = started(ampRequest({ shards: 3 }), small, 0);
    answerAll(payer);
    expect(payer.offers).toHaveLength(3);
  });

  test('waits as long as it would have after a restart', () => {
    const payer = started(ampRequest(), small, 5000);
    answerAll(payer);
    payer.restart();
    answerAll(payer);
    payer.tick(4);
    expect(payer.offers).toHaveLength(1);
    payer.tick(1);
    expect(payer.offers).toHaveLength(2);
  });
});

describe('spare shards of scheme threshold', () => {
  const spare = (changes: object) =>
    ampRequest({ scheme: 'threshold', shards: 2, redundancy: 2, maxOverpayment: msat(1_000_000n), ...changes });

  test('are equal to those that are needed, and go out with them', () => {
    const payer = started(spare({}), four);
    answerAll(payer);
    expect(payer.offers).toHaveLength(4);
    expect(blobsOf(payer).map(({ marker }) => marker)).toEqual([1, 2, 3, 4]);
    const sums = payer.events.flatMap((e) => (e.event === 'shard_offered' ? [e.route.at(-1)?.amount] : []));
    expect(sums).toEqual([500_000n, 500_000n, 500_000n, 500_000n]);
  });

  test('are not sent unless asked for: then the shards come to the amount', () => {
    const payer = started(ampRequest({ scheme: 'threshold', shards: 3 }), four);
    answerAll(payer);
    expect(payer.payment).toMatchObject({ shards: [{ amount: 333_334n }, { amount: 333_333n }, { amount: 333_333n }] });
  });

  test('are smaller where that keeps them within the overpayment that the caller allows', () => {
    const payer = started(spare({ maxOverpayment: msat(500_000n) }), four);
    answerAll(payer);
    expect(payer.offers).toHaveLength(6);
  });

  test('are as large as a shard must be, where fewer than are wanted make up the amount', () => {
    const payer = started(spare({ shards: 4, minShard: msat(400_000n) }), four);
    answerAll(payer);
    expect(payer.payment).toMatchObject({ shards: Array.from({ length: 4 }, () => ({ amount: 500_000n })) });
  });

  test('that would come to more than the caller allows are an error that says how much it takes', () => {
    const payer = started(spare({ maxOverpayment: msat(1000n), minShard: msat(100_000n) }), four);
    expect(payer.result).toMatchObject({
      reason: { code: 'bad_request', field: 'maxoverpayment', expected: '200000 msat or more for 2 spare shards' },
    });
  });

  test('that find no route are left out, and the payment is made without them', () => {
    const payer = started(spare({}), roomy);
    answer(payer);
    answer(payer, 1);
    answer(payer, 2);
    answer(payer);
    expect(payer.offers).toHaveLength(2);
    for (const offer of [take(payer), take(payer)]) end(payer, offer, { kind: 'fulfilled', preimage });
    expect(payer.result).toMatchObject({ event: 'payment_succeeded', amount: 1_000_000n, parts: 2 });
  });

  test('are no longer spare once too many find no route: then the payment is given up', () => {
    const payer = started(spare({}), roomy);
    for (let n = 0; n < 3; n++) answer(payer);
    expect(payer.result).toMatchObject({ event: 'payment_failed', reason: { code: 'no_route' } });
  });

  test('that the destination fails once it has enough leave the payment complete', () => {
    const request = spare({});
    const payer = started(request, four);
    answerAll(payer);
    const offers = [take(payer), take(payer), take(payer), take(payer)];
    for (const [i, offer] of offers.entries())
      end(payer, offer, i < 2 ? failed(request, offer, 1 + (i % 2), 1, unknown) : { kind: 'fulfilled', preimage });
    expect(payer.result).toMatchObject({ event: 'payment_succeeded', amount: 1_000_000n, parts: 2 });
  });

  test.each([
    ['another scheme', { scheme: 'tree' }],
    ['more shards than a payment may have', { redundancy: 16 }],
    ['less than none', { redundancy: -1 }],
  ])('are refused with %s', (_, change) => {
    expect(started(spare(change), four).result).toMatchObject({ reason: { code: 'bad_request', field: 'redundancy' } });
  });
});

describe('shares beyond the number of HTLCs', () => {
  test.each([
    ['fixed', [5, 5, 5, 5, 5]],
    ['dynamic', [0, 0, 0, 0, 5]],
  ])('are carried by the last HTLC of scheme %s in further blobs', (scheme, markers) => {
    const payer = started(ampRequest({ scheme, shards: 2, shares: 5 }), small, 0);
    answerAll(payer);
    expect(payer.offers).toHaveLength(2);
    expect(blobsOf(payer).map(({ marker }) => marker)).toEqual(markers);
    const carried = payer.events.flatMap((e) => (e.event === 'shard_offered' ? [e.blobs.length] : []));
    expect(carried).toEqual([1, 4]);
  });

  test('become fewer in the last HTLC as other shards are split', () => {
    const request = ampRequest({ scheme: 'dynamic', shares: 4 });
    const payer = started(request, small);
    answerAll(payer);
    const first = take(payer);
    end(payer, first, failed(request, first, 1, 0, busy));
    answer(payer);
    answerAll(payer);
    payer.tick();
    const carried = payer.events.flatMap((e) => (e.event === 'shard_offered' ? [e.blobs.length] : []));
    expect(carried).toEqual([1, 1, 1, 2]);
    expect(blobsOf(payer).at(-1)?.marker).toBe(4);
  });

  test.each(['tree', 'threshold'])('are refused with scheme %s, whose HTLCs carry one each', (scheme) => {
    expect(started(ampRequest({ scheme, shares: 5 })).result).toMatchObject({
      reason: { code: 'bad_request', field: 'shares' },
    });
  });
});

test.each(['fixed', 'dynamic', 'tree', 'threshold'])(
  'one share of scheme %s is the base preimage itself: a spontaneous payment in one HTLC',
  (scheme) => {
    const payer = started(ampRequest({ scheme }), undefined, 60_000);
    answerAll(payer);
    const [blob] = blobsOf(payer);
    expect(payer.payment).toMatchObject({ progress: { sender: { root: blob?.share } } });
    expect(amp({ scheme, parts: 1 })).toHaveLength(1);
  },
);
