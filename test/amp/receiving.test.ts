/** The rules of receiving, one by one: what completes a set, what fails it whole, what fails one HTLC alone. */
import { describe, expect, test } from 'vitest';
import { listSets } from '../../amp/receiving.ts';
import { msat, type PaymentHash, paymentHash } from '../../wire/units.ts';
import {
  at,
  bytes32,
  type Htlc,
  keyOf,
  ReceiverUnderTest,
  resolutions,
  run,
  settled,
  WRONG,
  whys,
} from './receiver.ts';
import { amp, ampInvoice, withBlobs } from './sets.ts';

describe.each(['fixed', 'dynamic'] as const)('a set of scheme %s', (scheme) => {
  test(`a set of scheme ${scheme} is settled whole with its last share, and not before`, () => {
    const htlcs = amp({ scheme, parts: 3 });
    const receiver = run(htlcs.slice(0, 2));
    expect(resolutions(receiver, 3)).toEqual(['held', 'held', 'held']);
    receiver.arrive(at(htlcs, 2));
    expect(resolutions(receiver, 3)).toEqual(settled(3));
    expect(receiver.events.map(({ event }) => event)).toEqual(['set_updated', 'set_updated', 'set_settled']);
  });

  test(`a set of scheme ${scheme} pays its invoice in the same save that settles it`, () => {
    const receiver = run(amp({ scheme, parts: 2, amount: 500n, invoice: ampInvoice(1000n) }));
    expect(receiver.paid).toMatchObject([{ invoice: 'invoice 7', received: 1000n }]);
    expect(receiver.paid[0]?.preimages).toHaveLength(2);
  });

  test(`a set of scheme ${scheme} that is complete but below the amount asked is failed at once`, () => {
    const receiver = run(amp({ scheme, parts: 2, amount: 499n, invoice: ampInvoice(1000n) }));
    expect(resolutions(receiver, 2)).toEqual([WRONG, WRONG]);
    expect(whys(receiver)).toEqual(['below_amount_asked']);
    expect(receiver.paid).toEqual([]);
  });

  test.each([
    ['paid', 'no_open_invoice'],
    ['expired', 'no_open_invoice'],
    ['cancelled', 'no_open_invoice'],
  ] as const)(`a set of scheme ${scheme} for an invoice that is %s is failed whole`, (status, why) => {
    const invoice = ampInvoice(2000n);
    const htlcs = amp({ scheme, parts: 2, invoice });
    const receiver = run(htlcs.slice(0, 1));
    receiver.invoices.set(invoice.id, { ...invoice, status });
    receiver.arrive(at(htlcs, 1));
    expect(resolutions(receiver, 2)).toEqual([WRONG, WRONG]);
    expect(whys(receiver)).toEqual([why, why]);
  });

  test(`a set of scheme ${scheme} is failed at the moment its invoice can be paid no more, and others are not`, () => {
    const invoice = ampInvoice(3000n);
    const receiver = run(amp({ scheme, parts: 3, invoice }).slice(0, 2));
    receiver.arrive(at(amp({ scheme, parts: 3, firstKey: 10, seed: 2, invoice: ampInvoice(3000n, 8) }), 0));
    receiver.arrive(at(amp({ scheme, parts: 3, firstKey: 20, seed: 3 }), 0));
    receiver.tick(1);
    expect(resolutions(receiver, 2)).toEqual(['held', 'held']);
    receiver.invoices.set(invoice.id, { ...invoice, status: 'expired' });
    receiver.tick(1);
    expect(resolutions(receiver, 2)).toEqual([WRONG, WRONG]);
    expect(whys(receiver)).toEqual(['no_open_invoice']);
    expect([receiver.resolution(10), receiver.resolution(20)]).toEqual(['held', 'held']);
  });

  test(`a set of scheme ${scheme} is failed with mpp_timeout when it is older than the time allowed, and only then`, () => {
    const receiver = run(amp({ scheme, parts: 3 }).slice(0, 2));
    receiver.tick(60);
    expect(resolutions(receiver, 2)).toEqual(['held', 'held']);
    receiver.tick(1);
    expect(resolutions(receiver, 2)).toEqual(['mpp_timeout', 'mpp_timeout']);
  });

  test(`a set of scheme ${scheme} is failed when an HTLC of it comes within its expiry margin`, () => {
    const receiver = run(amp({ scheme, parts: 3, expiry: 532 }).slice(0, 2));
    receiver.tick(0, 10);
    expect(resolutions(receiver, 2)).toEqual(['held', 'held']);
    receiver.tick(0, 1);
    expect(resolutions(receiver, 2)).toEqual([WRONG, WRONG]);
  });

  test(`a set of scheme ${scheme} is failed whole when its last share comes while another is within its margin, without a block in between`, () => {
    const early = amp({ scheme, parts: 3, expiry: 532 });
    const late = amp({ scheme, parts: 3, expiry: 560 });
    const receiver = run([at(early, 0), at(late, 1)]);
    receiver.context = { ...receiver.context, height: receiver.context.height + 11 };
    receiver.arrive(at(late, 2));
    expect(resolutions(receiver, 3)).toEqual([WRONG, WRONG, WRONG]);
  });

  test(`a set of scheme ${scheme} is failed whole when a payment hash is no child of it`, () => {
    const htlcs = amp({ scheme, parts: 2 });
    const receiver = run([{ ...at(htlcs, 0), paymentHash: paymentHash(bytes32(9)) }, at(htlcs, 1)]);
    expect(resolutions(receiver, 2)).toEqual([WRONG, WRONG]);
    expect(whys(receiver)).toEqual(['wrong_hash']);
  });

  test(`a set of scheme ${scheme} is failed whole when a share is wrong`, () => {
    const htlcs = amp({ scheme, parts: 3 });
    const wrong = withBlobs(at(htlcs, 1), () => ({ share: bytes32(9) }));
    const receiver = run([at(htlcs, 0), wrong, at(htlcs, 2)]);
    expect(resolutions(receiver, 3)).toEqual([WRONG, WRONG, WRONG]);
    expect(whys(receiver)).toEqual([scheme === 'fixed' ? 'wrong_hash' : 'wrong_root']);
  });

  test(`a set of scheme ${scheme} is failed whole when two shares have different counts`, () => {
    const htlcs = amp({ scheme, parts: 3 });
    const other = withBlobs(at(htlcs, 1), () => ({ marker: 4 }));
    const receiver = run([at(htlcs, 2), other]);
    expect([receiver.resolution(1), receiver.resolution(2)]).toEqual([WRONG, WRONG]);
    expect(whys(receiver)).toEqual(['count_mismatch', 'count_mismatch']);
  });

  test(`a set of scheme ${scheme} counts a payment hash once and fails only the HTLC that repeats it`, () => {
    const htlcs = amp({ scheme, parts: 2 });
    const receiver = run([at(htlcs, 0), { ...at(htlcs, 0), key: keyOf(5) }, at(htlcs, 1)]);
    expect(receiver.resolution(5)).toBe(WRONG);
    expect(resolutions(receiver, 2)).toEqual(settled(2));
  });

  test(`a set of scheme ${scheme} takes no share after it was settled, whether still on record or not`, () => {
    const htlcs = amp({ scheme, parts: 2 });
    const receiver = run(htlcs);
    receiver.arrive({ ...at(htlcs, 1), key: keyOf(5) });
    receiver.resolve();
    expect(listSets(receiver.state)).toEqual([]);
    receiver.arrive({ ...at(htlcs, 1), key: keyOf(6) });
    expect([receiver.resolution(5), receiver.resolution(6)]).toEqual([WRONG, WRONG]);
    expect(whys(receiver)).toEqual(['already_settled', 'already_settled']);
  });

  test(`a set of scheme ${scheme} for an invoice that another set has paid is failed at its first share`, () => {
    const invoice = ampInvoice(2000n);
    const receiver = run(amp({ scheme, parts: 2, invoice }));
    receiver.arrive(at(amp({ scheme, parts: 2, seed: 2, firstKey: 10, invoice }), 0));
    expect(receiver.resolution(10)).toBe(WRONG);
    expect(whys(receiver)).toEqual(['no_open_invoice']);
  });

  test(`a set of scheme ${scheme} with more shares than the limit is failed`, () => {
    const receiver = run(amp({ scheme, parts: 3 }), (fresh) => {
      fresh.context = { ...fresh.context, limits: { ...fresh.context.limits, shares: 2 } };
    });
    expect(resolutions(receiver, 3)).toEqual([WRONG, WRONG, WRONG]);
    expect(whys(receiver)).toContain('too_many_shares');
  });

  test(`a set of scheme ${scheme} that loses an HTLC is failed`, () => {
    const receiver = run(amp({ scheme, parts: 3 }).slice(0, 2));
    receiver.step({ type: 'resolved', key: keyOf(0) });
    expect(receiver.resolution(1)).toBe(WRONG);
    expect(whys(receiver)).toEqual(['htlc_lost']);
  });

  test(`a set of scheme ${scheme} without an invoice is refused by a node that takes no spontaneous payments`, () => {
    const receiver = run(amp({ scheme, parts: 1 }), (fresh) => {
      fresh.context = { ...fresh.context, spontaneous: false };
    });
    expect(whys(receiver)).toEqual(['spontaneous_refused']);
  });
});

test('the last HTLC of scheme fixed may carry all shares that are left', () => {
  const htlcs = amp({ scheme: 'fixed', parts: 2, shares: 5 });
  expect(at(htlcs, 1).payload).toHaveProperty('blobs.length', 4);
  expect(resolutions(run(htlcs), 2)).toEqual(settled(2));
  expect(resolutions(run(htlcs.toReversed()), 2)).toEqual(settled(2));
});

test('a count of zero in scheme fixed is refused', () => {
  const receiver = run([withBlobs(at(amp({ scheme: 'fixed', parts: 1 }), 0), () => ({ marker: 0 }))]);
  expect(whys(receiver)).toEqual(['bad_marker']);
});

const one = at(amp({ scheme: 'dynamic', parts: 1 }), 0);
test.each<[string, Htlc, string]>([
  [
    'carries less than its onion says',
    { ...one, payload: { ...one.payload, amount: msat(one.amount + 1n) } },
    'final_incorrect_htlc_amount',
  ],
  [
    'expires before its onion says',
    { ...one, payload: { ...one.payload, expiry: one.expiry + 1 } },
    'final_incorrect_cltv_expiry',
  ],
  ['expires too soon to be claimed', { ...one, expiry: 521, payload: { ...one.payload, expiry: 521 } }, WRONG],
])('an HTLC that %s is failed alone', (_, htlc, failure) => {
  expect(run([htlc]).resolution(0)).toBe(failure);
  expect(run([{ ...one, expiry: 522, payload: { ...one.payload, expiry: 522 } }]).resolution(0)).toBe('fulfilled');
});

test.each(['with an invoice', 'without one'])(
  'an HTLC %s that expires unreasonably far ahead is failed, and never held',
  (what) => {
    const invoice = what === 'without one' ? undefined : ampInvoice(2000n);
    const [first, second] = amp({ scheme: 'dynamic', parts: 2, expiry: 500 + 2017, ...(invoice && { invoice }) });
    const receiver = run([at([first, second] as Htlc[], 0)]);
    expect(receiver.resolution(0)).toBe(WRONG);
    expect(whys(receiver)).toEqual(['expiry_too_far']);
    expect(listSets(receiver.state)).toEqual([]);
    const nearer = run(amp({ scheme: 'dynamic', parts: 2, expiry: 500 + 2016, ...(invoice && { invoice }) }));
    expect(resolutions(nearer, 2)).toEqual(settled(2));
  },
);

test.each([
  [539, WRONG],
  [540, 'fulfilled'],
])('where 40 blocks are asked for, an HTLC that expires at %d is %s', (expiry, resolution) => {
  const receiver = new ReceiverUnderTest();
  receiver.context = { ...receiver.context, minFinalCltv: 40 };
  receiver.arrive({ ...one, expiry, payload: { ...one.payload, expiry } });
  expect(receiver.resolution(0)).toBe(resolution);
});

test('the number of settled sets that are remembered is bounded', () => {
  const receiver = new ReceiverUnderTest();
  receiver.context = { ...receiver.context, limits: { ...receiver.context.limits, remembered: 32 } };
  for (let seed = 0; seed < 100; seed++) {
    for (const htlc of amp({ scheme: 'dynamic', parts: 1, seed, firstKey: seed })) receiver.arrive(htlc);
    receiver.resolve();
  }
  const kept = receiver.state.remembered.reduce((sum, { ids }) => sum + ids.size, 0);
  expect(kept).toBe(32);
  expect(receiver.store.size).toBe(32);
});

test('an invoice is paid by one set alone: others for it are failed when it settles', () => {
  const invoice = ampInvoice(2000n);
  const first = amp({ scheme: 'dynamic', parts: 2, seed: 1, invoice });
  const second = amp({ scheme: 'fixed', parts: 2, seed: 2, firstKey: 10, invoice });
  const receiver = run([at(second, 0), ...first, at(second, 1)]);
  expect(resolutions(receiver, 2)).toEqual(settled(2));
  expect([receiver.resolution(10), receiver.resolution(11)]).toEqual([WRONG, WRONG]);
  expect(receiver.paid).toHaveLength(1);
});

test('listsets shows the sets that are held', () => {
  const receiver = run(amp({ scheme: 'fixed', parts: 3, invoice: ampInvoice(3000n) }).slice(0, 2));
  const hashes: readonly PaymentHash[] = [...receiver.htlcs.values()].map((htlc) => htlc.paymentHash);
  expect(listSets(receiver.state)).toMatchObject([
    {
      ...{ scheme: 'fixed', phase: 'incomplete', shares: 2, expected: 3, total: 2000n, asked: 3000n },
      ...{ invoice: 'invoice 7', firstSeen: 1_000_000 },
      htlcs: hashes.map((hash) => ({ paymentHash: hash, amount: 1000n, preimage: undefined })),
    },
  ]);
});
