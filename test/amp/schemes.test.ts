/** The table of schemes: a program's own beside those that are there, and records that outlive a program which had others. */
import { expect, test } from 'vitest';
import { fixed } from '../../amp/fixeddynamic.ts';
import { ampProtocols } from '../../amp/payload.ts';
import type { Scheme } from '../../amp/scheme.ts';
import { schemeNames, schemes, withSchemes } from '../../amp/schemes.ts';
import { numberedName } from '../../amp/storecodecs.ts';
import { decode, encode } from '../../wire/codec.ts';
import { answerAll, blobsOf, roomy, started } from './byhand.ts';
import { ampRequest, PaymentUnderTest } from './payer.ts';
import { ReceiverUnderTest } from './receiver.ts';
import { amp } from './sets.ts';

const own: Scheme = { ...fixed, name: 'mine', protocol: 14 };
const mine = withSchemes([own]);

test("a program's own scheme pays and is paid, and both sides keep it by its name", () => {
  const payer = new PaymentUnderTest();
  payer.context = { ...payer.context, schemes: mine };
  payer.start(ampRequest({ scheme: 'mine', shards: 2 }), roomy);
  answerAll(payer);
  expect(blobsOf(payer).map(({ marker }) => marker)).toEqual([2, 2]);

  const receiver = new ReceiverUnderTest();
  receiver.context = { ...receiver.context, schemes: mine };
  for (const htlc of amp({ scheme: 'fixed', parts: 2 })) {
    const { payload } = htlc;
    receiver.arrive({ ...htlc, payload: payload.kind === 'eob' ? { ...payload, scheme: 'mine' } : payload });
    receiver.restart();
  }
  expect([receiver.resolution(0), receiver.resolution(1)]).toEqual(['fulfilled', 'fulfilled']);
  expect(ampProtocols(mine).get(14)?.name).toBe('amp mine');
});

test('a payment by a scheme that the program no longer has ends as a failure that names the field', () => {
  const payer = started(ampRequest({ scheme: 'fixed' }));
  payer.context = { ...payer.context, schemes: withSchemes([], new Map()) };
  payer.restart();
  expect(payer.result).toMatchObject({ event: 'payment_failed', reason: { code: 'bad_request', field: 'scheme' } });
});

test('a payment cannot be begun by a scheme that nobody knows', () => {
  const payer = started(ampRequest({ scheme: 'unheard-of' }));
  answerAll(payer);
  expect(payer.result).toMatchObject({
    reason: { code: 'bad_request', field: 'scheme', expected: `one of ${schemeNames.join(', ')}` },
  });
});

test.each<[string, Partial<Scheme>]>([
  ['a name that is taken', { name: 'fixed' }],
  ['the name of a payment without shares', { name: 'mpp' }],
  ['a name of more than 32 letters', { name: 'x'.repeat(33) }],
  ['a name with a blank', { name: 'my scheme' }],
  ['a protocol number that is taken', { protocol: 1 }],
  ['protocol 0', { protocol: 0 }],
  ['protocol 16', { protocol: 16 }],
  ['several shares in an HTLC whose index is the marker of its share', { markerIsIndex: true, furtherBlobs: true }],
])('a scheme with %s is not taken into the table', (_, change) => {
  expect(() => withSchemes([{ ...own, ...change }])).toThrow(RangeError);
  expect(schemes.has('mine')).toBe(false);
});

test('names that had a number on disk keep it, all others are written out, and an unknown number is an error', () => {
  const codec = numberedName({ fixed: 0, dynamic: 1 });
  for (const name of ['constructor', 'toString']) expect(decode(codec, encode(codec, name))).toBe(name);
  expect([...encode(codec, 'dynamic')]).toEqual([1]);
  expect(decode(codec, encode(codec, 'mine'))).toBe('mine');
  expect(() => decode(codec, Uint8Array.of(7))).toThrow('the number of a known name');
});
