/** Extra onion blobs of a payer's own: which hop reads them, what they leave room for, and what becomes of a payment that cannot send them. */
import { describe, expect, test } from 'vitest';
import { type Composer, type HopBlobs, toBlobs } from '../../amp/extras.ts';
import type { Outcome, PaymentRequest } from '../../amp/io.ts';
import { besideAmp, type OwnProtocol } from '../../amp/payload.ts';
import { tree } from '../../amp/tree.ts';
import { readHop } from '../../onion/eobprotocols.ts';
import { peel } from '../../onion/peel.ts';
import { concat, text, utf8 } from '../../wire/bytes.ts';
import { answer, answerAll, busy, end, failed, small, started, take, via } from './byhand.ts';
import { ampRequest, deployedRequest, nodeKey, type Offer, ordinaryRequest, PaymentUnderTest } from './payer.ts';

const words = (blobs: readonly Uint8Array[]): string => text(concat(...blobs)).replace(/\0+$/, '');
const note: OwnProtocol = {
  name: 'note',
  forward: (_frame, { blobs }) => ({ accept: words(blobs) }),
  final: besideAmp(tree, (_frame, { blobs }) => ({ accept: words(blobs) })),
};
const registry = new Map([[14, note]]);
const noted = (hop: HopBlobs['hop'], said: string): HopBlobs => ({ hop, protocol: 14, blobs: toBlobs(utf8(said)) });

/** What the forwarder at outlet `n`, and the destination behind it, read of an offer. */
const readBy = (n: number, { onion, paymentHash }: Offer) => {
  const first = readHop(registry, peel({ nodeKey: nodeKey(n), packet: onion, associatedData: paymentHash }));
  if (first.kind !== 'forward') throw new Error('expected an onion to forward');
  const last = readHop(registry, peel({ nodeKey: nodeKey(0), packet: first.next, associatedData: paymentHash }));
  if (last.kind !== 'final') throw new Error('expected an onion for the destination');
  return { first: first.note?.value, last: last.payload };
};
const toEach = [noted(1, 'to the first hop'), noted('last', 'to the destination')];
const composing = (composer: Composer): PaymentUnderTest => {
  const payer = new PaymentUnderTest();
  payer.context = { ...payer.context, composers: new Map([[14, composer]]) };
  return payer;
};

test('a forwarder and the destination of an AMP read what the payer has for each of them, beside the share', () => {
  const payer = started(ampRequest({ scheme: 'tree', blobs: toEach }));
  answer(payer, 1);
  const { first, last } = readBy(1, take(payer));
  expect(first).toBe('to the first hop');
  expect(last).toMatchObject({ form: 'eob', protocol: 14, meaning: { scheme: 'tree', note: 'to the destination' } });
  expect(last.form === 'eob' && last.meaning.blobs).toHaveLength(1);
  expect(payer.events.find(({ event }) => event === 'shard_offered')).toMatchObject({ blobs: [{ length: 65 }, {}] });
});

test.each([
  ['an ordinary payment', ordinaryRequest({ scheme: 'single' })],
  ["a payment by lnd's AMP", deployedRequest()],
])('a forwarder of %s reads a frame with the blobs of the payer, and the destination its TLV payload', (_, request) => {
  const payer = started({ ...request, blobs: [noted(1, 'hello')] });
  answer(payer, 1);
  expect(readBy(1, take(payer))).toMatchObject({ first: 'hello', last: { form: 'tlv' } });
});

test('a shard that failed has its blobs again on the next route, also after a restart', () => {
  const request = ampRequest({ scheme: 'tree', blobs: toEach });
  const payer = started(request);
  answer(payer, 1);
  const offer = take(payer);
  payer.restart();
  end(payer, offer, failed(request, offer, 1, 0, busy));
  answer(payer, 2);
  expect(readBy(2, take(payer))).toMatchObject({ first: 'to the first hop', last: { protocol: 14 } });
});

test('a route may have as many hops fewer as the blobs of the payer take frames', () => {
  const longest = (blobs?: readonly HopBlobs[]) => started(ampRequest({ scheme: 'tree', blobs })).query?.maxHops;
  expect(longest()).toBe(19);
  expect(longest([noted(1, 'x'.repeat(66)), noted(2, 'x')])).toBe(16);
  const payer = composing({ compose: () => [], mostBlobs: 4 }).start(ampRequest({ scheme: 'tree' }), small);
  expect(payer.query?.maxHops).toBe(15);
});

const bad = (field: string, expected: RegExp) => ({
  event: 'payment_failed',
  parts: 0,
  reason: { code: 'bad_request', field, expected: expect.stringMatching(expected) },
});

test.each<[string, Partial<PaymentRequest>, RegExp]>([
  ['for hop 0', { blobs: [noted(0, 'x')] }, /^a hop from 1 to 20/],
  ['of protocol 16', { blobs: [{ ...noted(1, 'x'), protocol: 16 }] }, /^a protocol number from 1 to 15/],
  ['of 64 bytes', { blobs: [{ ...noted(1, 'x'), blobs: [new Uint8Array(64)] }] }, /^1 to 1040 bytes for hop 1/],
  ['without a byte', { blobs: [noted(1, '')] }, /^1 to 1040 bytes for hop 1/],
  ['twice for one hop', { blobs: [noted(1, 'x'), noted(1, 'y')] }, /^each hop once/],
  ['that leave no room for a route', { blobs: [noted(1, 'x'.repeat(1040)), noted(3, 'x')] }, /leave room/],
])('a payment with blobs %s fails before anything is sent', (_, given, expected) => {
  const payer = started(ampRequest({ scheme: 'tree', ...(given as { blobs: readonly HopBlobs[] }) }));
  expect(payer.result).toMatchObject(bad('blob', expected));
});

test.each<[string, PaymentRequest, RegExp]>([
  ['for a hop behind the destination', ampRequest({ blobs: [noted(3, 'x')] }), /route, which has 2, not hop 3/],
  [
    'for one hop by number and as the last',
    ampRequest({ blobs: [noted(2, 'x'), noted('last', 'y')] }),
    /hop 2 has two/,
  ],
  ['of an AMP at the destination', ampRequest({ blobs: [{ ...noted(2, 'x'), protocol: 3 }] }), /none of an AMP, not 3/],
  ['for a destination that reads TLV', ordinaryRequest({ blobs: [noted('last', 'x')] }), /reads a TLV payload/],
  [
    'beside several shares',
    ampRequest({ scheme: 'fixed', shares: 2, blobs: [noted('last', 'x')] }),
    /one share in each/,
  ],
])('a payment with blobs %s fails once its route is found, with a sentence', (_, request, expected) => {
  const payer = started(request);
  answer(payer, 1);
  expect(payer.offers).toEqual([]);
  expect(payer.result).toMatchObject(bad('blob', expected));
});

test('a payment whose blobs are for a forwarder that reads TLV alone fails with a sentence', () => {
  const payer = started(ampRequest({ blobs: [noted(1, 'x')] }));
  const [first, ...rest] = via(1, 1_000_000n);
  payer.step({ type: 'route', query: 1, route: [{ ...first, tlvOnly: true }, ...rest] });
  expect(payer.result).toMatchObject(bad('blob', /hop 1 reads frames of 65 bytes/));
});

describe('a protocol that composes blobs', () => {
  test('gives each hop of each route its own, told of payment, shard and route', () => {
    const payer = composing({
      mostBlobs: 2,
      compose: ({ id, amount }, { index }, route) => [
        utf8(`${id} ${amount} shard ${index}`),
        utf8(`hop ${route.length}`),
      ],
    });
    payer.start(ampRequest({ scheme: 'tree', shards: 2 }), small);
    answerAll(payer);
    expect([1, 2].map((n) => readBy(n, take(payer)))).toMatchObject([
      { first: 'amp 1000000 shard 0', last: { meaning: { note: 'hop 2' } } },
      { first: 'amp 1000000 shard 1', last: { meaning: { note: 'hop 2' } } },
    ]);
  });

  test.each<[string, Composer['compose'], RegExp]>([
    [
      'throws',
      () => {
        throw new Error('boom');
      },
      /does not throw: boom/,
    ],
    ['gives more blobs than it said', () => [utf8('x'.repeat(66))], /at most 1 blobs/],
    ['gives more hops than the route has', () => [undefined, undefined, undefined], /at most 2 items/],
    ['gives words in the place of bytes', () => ['words' as unknown as Uint8Array], /bytes or undefined/],
    ['gives nothing at all', () => undefined as unknown as readonly [], /a list/],
  ])('and %s costs the payment alone, before anything is sent', (_, compose, expected) => {
    const payer = composing({ compose }).start(ampRequest({ scheme: 'tree' }), small);
    answer(payer, 1);
    expect(payer.offers).toEqual([]);
    expect(payer.result).toMatchObject(bad('protocol 14', expected));
  });

  test('and throws later waits for the shards that are under way', () => {
    let calls = 0;
    const payer = composing({ compose: () => (++calls > 4 ? JSON.parse('{') : [utf8('x')]) });
    const request = ampRequest({ scheme: 'tree', shards: 2 });
    payer.start(request, small);
    answerAll(payer);
    const [one, two] = [take(payer), take(payer)];
    end(payer, one, failed(request, one, 1, 0, busy));
    answer(payer, 1);
    expect(payer.result).toBeUndefined();
    end(payer, two, failed(request, two, 2, 0, busy) satisfies Outcome);
    expect(payer.result).toMatchObject(bad('protocol 14', /does not throw/));
  });
});
