/** What a payer asks of the node's route finder, which answers it takes, and what failures teach it for the next question. */

import { expect, test } from 'vitest';
import type { PaymentRequest } from '../../amp/io.ts';
import { buildOnion, openFailure } from '../../amp/onions.ts';
import type { Route } from '../../amp/route.ts';
import type { Failure } from '../../onion/failuremessages.ts';
import { zeros } from '../../wire/bytes.ts';
import { msat, point } from '../../wire/units.ts';
import { answer, busy, end, failed, scid, small, started, take, via } from './byhand.ts';
import { ampRequest, nodeOf, ordinaryRequest } from './payer.ts';
import { bytes32, secretOf } from './receiver.ts';

test('a query tells what the payment itself takes, and what fees are left', () => {
  const payer = started(ampRequest({ scheme: 'fixed' }), small);
  answer(payer, 1, 3000n);
  expect(payer.query).toMatchObject({ amount: 500_000n, maxFee: 47_000n, finalExpiry: 540, maxHops: 19 });
  expect(payer.query?.reserved).toEqual([
    { scid: scid(1), from: undefined, amount: 503_000n, count: 1, offered: false },
    { scid: scid(11), from: nodeOf(1), amount: 500_000n, count: 1, offered: false },
  ]);
});

const [near, far] = via(1, 1_000_000n, 0n);
test.each<[string, Route]>([
  ['costs more than is left for fees', via(1, 1_000_000n, 50_001n)],
  ['brings another amount', via(1, 999_999n)],
  ['goes to another node', [near]],
  ['expires later on its way', [near, ...(far === undefined ? [] : [{ ...far, expiry: near.expiry + 1 }])]],
])('a route that %s is as good as none', (_, route) => {
  const payer = started(ordinaryRequest({ scheme: 'single' }));
  payer.step({ type: 'route', query: 1, route });
  expect(payer.result).toMatchObject({ event: 'payment_failed', reason: { code: 'no_route' } });
});

test('an answer to an older query is ignored', () => {
  const payer = started(ampRequest());
  payer.step({ type: 'route', query: 7, route: via(1, 1_000_000n) });
  expect(payer.offers).toHaveLength(0);
  expect(payer.payment).toMatchObject({ progress: { asking: 0 } });
});

test.each<[string, number, Failure | undefined, object]>([
  [
    'a busy channel, for that amount',
    0,
    busy,
    { excluded: [{ scid: scid(11), from: nodeOf(1), atLeast: 1_000_000n }] },
  ],
  [
    'a channel that is gone, for any amount',
    0,
    { name: 'unknown_next_peer' },
    { excluded: [{ scid: scid(11), from: nodeOf(1), atLeast: 0n }] },
  ],
  ['a node in trouble', 0, { name: 'temporary_node_failure' }, { excluded: [], excludedNodes: [nodeOf(1)] }],
  [
    'a forwarder that cannot read its frame',
    0,
    { name: 'invalid_realm' },
    { excluded: [], excludedNodes: [nodeOf(1)] },
  ],
  [
    'the channel before a destination that got too little',
    1,
    { name: 'final_incorrect_htlc_amount', incoming_htlc_amt: msat(1n) },
    { excluded: [{ scid: scid(11), from: nodeOf(1), atLeast: 0n }] },
  ],
  [
    'every foreign channel, when nobody can be named',
    0,
    undefined,
    { excluded: [{ scid: scid(11), from: nodeOf(1), atLeast: 1_000_000n }] },
  ],
])('the next route avoids %s', (_, hop, failure, expected) => {
  const request = ampRequest({ scheme: 'fixed' });
  const payer = started(request);
  answer(payer, 1);
  const offer = take(payer);
  end(
    payer,
    offer,
    failure === undefined ? { kind: 'failed', reason: bytes32(1) } : failed(request, offer, 1, hop, failure),
  );
  expect(payer.query).toMatchObject(expected);
});

test('an outlet that is unavailable is avoided', () => {
  const payer = started(ampRequest({ scheme: 'fixed' }));
  answer(payer, 1);
  end(payer, take(payer), { kind: 'refused', why: 'unavailable' });
  expect(payer.query?.excluded).toEqual([{ scid: scid(1), from: undefined, atLeast: 0n }]);
});

test.each(['full', 'offline'] as const)('an outlet that is %s is not avoided, since that passes', (why) => {
  const payer = started(ampRequest({ scheme: 'fixed' }));
  answer(payer, 1);
  end(payer, take(payer), { kind: 'refused', why });
  expect(payer.query?.excluded).toEqual([]);
});

test('an outlet that went on chain with the HTLC is not tried again, and the failure is our own', () => {
  const payer = started(ampRequest({ scheme: 'fixed' }));
  answer(payer, 1);
  end(payer, take(payer), { kind: 'timed_out' });
  expect(payer.query?.excluded).toEqual([{ scid: scid(1), from: undefined, atLeast: 0n }]);
  expect(payer.events.findLast(({ event }) => event === 'shard_failed')).toMatchObject({
    hop: -1,
    failure: 'permanent_channel_failure',
  });
});

test.each<[string, PaymentRequest]>([
  ['amount', ampRequest({ amount: msat(0n) })],
  ['destination', ampRequest({ destination: point(Uint8Array.of(2, ...Array(32).fill(255))) })],
  ['maxShards', ampRequest({ maxShards: 256 })],
  ['shards', ampRequest({ shards: 17 })],
  ['shards', ordinaryRequest({ scheme: 'single', shards: 2 })],
  ['withhold', ampRequest({ withhold: -1 })],
  ['entropy', ampRequest({ entropy: zeros(31) })],
  ['paymentId', ampRequest({ paymentId: zeros(12) })],
  ['paymentSecret', ordinaryRequest({ paymentSecret: zeros(11) })],
])('a request with a bad %s fails and names it', (field, request) => {
  expect(started(request).result).toMatchObject({ reason: { code: 'bad_request', field } });
});

test('an onion for the longest route there is room for can be built, and its failure opened', () => {
  const request = ampRequest({ scheme: 'fixed' });
  const hop = { ...via(1, 1n)[0], tlvOnly: true };
  const route: Route = [hop, ...Array.from({ length: 18 }, () => hop)];
  const built = buildOnion(request, route, secretOf(1).paymentHash, { protocol: 1, blobs: [zeros(65)] }, 3);
  expect(built.packet).toHaveLength(1366);
  expect(built.frame).toHaveLength(65);
  expect(openFailure(request, route, 3, bytes32(1))).toEqual({ kind: 'unattributable' });
});
