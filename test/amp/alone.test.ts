/** What fails one HTLC alone, while the set it names stands and is claimed with the shares that are right. */
import { describe, expect, test } from 'vitest';
import { msat } from '../../wire/units.ts';
import { at, bytes32, type Htlc, keyOf, resolutions, run, settled, WRONG, whys } from './receiver.ts';
import { amp, ampInvoice, blobOf, withBlobs } from './sets.ts';

describe.each(['fixed', 'dynamic'] as const)('a set of scheme %s', (scheme) => {
  test.each([
    ['another payment_id', amp({ scheme, parts: 2, firstKey: 10, invoice: ampInvoice(undefined) })],
    [
      'a payment_id that names no invoice',
      amp({ scheme, parts: 2, firstKey: 10, invoice: ampInvoice(undefined) }).map((htlc) => ({
        ...htlc,
        invoice: undefined,
      })),
    ],
    ['another protocol', amp({ scheme: scheme === 'fixed' ? 'dynamic' : 'fixed', parts: 2, firstKey: 10 })],
  ])('stands when a share under its set_id has %s, which fails alone', (_, others) => {
    const htlcs = amp({ scheme, parts: 2 });
    const { setId } = blobOf(at(htlcs, 0));
    const receiver = run([at(htlcs, 0), withBlobs(at(others, 1), () => ({ setId }))]);
    expect([receiver.resolution(0), receiver.resolution(11)]).toEqual(['held', WRONG]);
    expect(whys(receiver)).toEqual(['set_mismatch']);
    receiver.arrive(at(htlcs, 1));
    expect(resolutions(receiver, 2)).toEqual(settled(2));
  });

  test('brings at most twice what its invoice asks: the HTLC that passes it fails alone', () => {
    const invoice = ampInvoice(1000n);
    const htlcs = amp({ scheme, parts: 3, amount: 1000n, invoice });
    const receiver = run(htlcs);
    expect(resolutions(receiver, 3)).toEqual(['held', 'held', WRONG]);
    expect(whys(receiver)).toEqual(['above_twice_amount_asked']);
    receiver.arrive({
      ...at(htlcs, 2),
      key: keyOf(5),
      amount: msat(1n),
      payload: { ...at(htlcs, 2).payload, amount: msat(1n) },
    });
    expect(receiver.resolution(5)).toBe(WRONG);
  });

  test('of exactly twice what its invoice asks is claimed', () => {
    const receiver = run(amp({ scheme, parts: 2, amount: 1000n, invoice: ampInvoice(1000n) }));
    expect(resolutions(receiver, 2)).toEqual(settled(2));
  });

  test('of one HTLC that is worth more than twice what its invoice asks is not taken', () => {
    const receiver = run(amp({ scheme, parts: 1, amount: 2001n, invoice: ampInvoice(1000n) }));
    expect(receiver.resolution(0)).toBe(WRONG);
    expect(receiver.paid).toEqual([]);
  });

  test('stands when an HTLC for it arrives within the expiry margin, which fails alone', () => {
    const htlcs = amp({ scheme, parts: 2 });
    const late = { ...at(htlcs, 1), expiry: 521, payload: { ...at(htlcs, 1).payload, expiry: 521 } };
    const receiver = run([at(htlcs, 0), { ...late, key: keyOf(5) }]);
    expect([receiver.resolution(0), receiver.resolution(5)]).toEqual(['held', WRONG]);
    receiver.arrive(at(htlcs, 1));
    expect(resolutions(receiver, 2)).toEqual(settled(2));
  });
});

test('blobs of two sets in one HTLC are refused, and neither set is touched', () => {
  const [first, second] = amp({ scheme: 'fixed', parts: 2, shares: 3 });
  const htlcs = [first as Htlc, second as Htlc];
  const { setId } = blobOf(at(htlcs, 0));
  let n = 0;
  const mixed = { ...withBlobs(at(htlcs, 1), () => ({ setId: n++ === 0 ? setId : bytes32(n) })), key: keyOf(5) };
  const receiver = run([at(htlcs, 0), mixed]);
  expect(whys(receiver)).toEqual(['mixed_blobs']);
  expect([receiver.resolution(0), receiver.resolution(5)]).toEqual(['held', WRONG]);
  receiver.arrive(at(htlcs, 1));
  expect(resolutions(receiver, 2)).toEqual(settled(2));
});

test.each(['fixed', 'dynamic'] as const)(
  'an HTLC of scheme %s with several blobs may have the hash of any child, and any blob the count',
  (scheme) => {
    const whole = amp({ scheme, parts: 3 });
    const blobs = [2, 0].map((i) => blobOf(at(whole, i)));
    // Two shares in one HTLC, the one with the count first, and the hash of a child that is not the first.
    const both: Htlc = { ...at(whole, 2), payload: { ...at(whole, 2).payload, blobs } as Htlc['payload'] };
    const receiver = run([both, at(whole, 1)]);
    expect([receiver.resolution(2), receiver.resolution(1)]).toEqual(settled(2));
  },
);
