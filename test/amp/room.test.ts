/**
 * Room for incomplete sets, against whoever fills it: what is worth next to nothing is not held, payments of invoices have room of
 * their own, and elsewhere the least valuable gives way, so that keeping others out costs more than they send.
 */

import { describe, expect, test } from 'vitest';
import type { InvoiceTerms } from '../../amp/io.ts';
import { defaultLimits, LEAST_SHARE } from '../../amp/limits.ts';
import { listSets } from '../../amp/receiving.ts';
import { msat, type Point } from '../../wire/units.ts';
import { bytes32, type Htlc, keyOf, peerOf, ReceiverUnderTest, secretOf } from './receiver.ts';
import { amp, ampInvoice } from './sets.ts';

const WRONG = 'incorrect_or_unknown_payment_details';
const limited = (limits: Partial<ReceiverUnderTest['context']['limits']> = {}): ReceiverUnderTest => {
  const receiver = new ReceiverUnderTest();
  receiver.context = { ...receiver.context, limits: { ...defaultLimits, ...limits } };
  return receiver;
};
const at = (htlcs: readonly Htlc[], i: number): Htlc => htlcs[i] ?? expect.fail(`no HTLC ${i}`);
/** The first of two shares of a set of its own. */
const begun = (n: number, peer: Point, amount: bigint = LEAST_SHARE, invoice?: InvoiceTerms): Htlc => ({
  ...at(amp({ scheme: 'dynamic', parts: 2, seed: n, firstKey: n, amount, ...(invoice && { invoice }) }), 0),
  peer,
});
const whys = (receiver: ReceiverUnderTest): readonly string[] =>
  receiver.events.flatMap((event) => ('why' in event ? [event.why] : []));

const crowded = (): ReceiverUnderTest => Object.assign(limited(), { checked: false });

/** Payments in two parts through a peer: an ordinary one, AMPs of both schemes for invoices, and spontaneous ones. */
const paid = (receiver: ReceiverUnderTest, peer: Point, n: number): readonly string[] => {
  const first = 10_000 * n;
  const sets = (['fixed', 'dynamic'] as const).flatMap((scheme: string, i) => {
    const common = { scheme, parts: 2, amount: 500_000n };
    const invoice = ampInvoice(1_000_000n, 10 * n + i);
    return [
      amp({ ...common, seed: first + i, firstKey: first + 10 * i, invoice }),
      amp({ ...common, seed: first + 100 + i, firstKey: first + 100 + 10 * i }),
    ];
  });
  const { preimage, paymentHash } = secretOf(n);
  const invoice: InvoiceTerms = {
    ...{ id: `ordinary ${n}`, kind: 'ordinary', status: 'open', amount: msat(1_000_000n), minFinalCltv: 18 },
    ...{ paymentSecret: bytes32(2), preimage },
  };
  const part = { amount: msat(500_000n), expiry: 540 };
  const ordinary = [first + 200, first + 201].map(
    (id): Htlc => ({
      ...{ ...part, key: keyOf(id), peer, paymentHash, invoice },
      payload: { ...part, kind: 'ordinary', total: msat(1_000_000n), paymentSecret: invoice.paymentSecret },
    }),
  );
  return [ordinary, ...sets].flatMap((htlcs) => {
    for (const htlc of htlcs) receiver.arrive({ ...htlc, peer });
    return htlcs.map(({ key }) => receiver.resolution(Number(key.id)));
  });
};
const allPaid = Array(10).fill('fulfilled');

describe('spontaneous shares that never become a whole', () => {
  test.each([
    ['1 msat, and so are not held at all', 1n, 0],
    ['as much as must be, and so give way', LEAST_SHARE, 200],
    ['not more than those of others, though nearly', 499_999n, 200],
  ] as const)(
    'spontaneous shares that never become a whole set block no payment through their peer where 200 are worth %s',
    (_, amount, held) => {
      const receiver = crowded();
      for (let n = 0; n < 200; n++) receiver.arrive(begun(n, peerOf(1), amount));
      expect(listSets(receiver.state)).toHaveLength(held);
      expect(paid(receiver, peerOf(1), 2)).toEqual(allPaid);
    },
  );

  test.each([
    [1n, 0],
    [LEAST_SHARE, 1000],
  ])(
    'spontaneous shares that never become a whole set block no payment where 1,000 over five peers are worth %d msat each',
    (amount, held) => {
      const receiver = crowded();
      for (let n = 0; n < 1000; n++) receiver.arrive(begun(n, peerOf(1 + (n % 5)), amount));
      expect(listSets(receiver.state)).toHaveLength(held);
      expect(paid(receiver, peerOf(6), 2)).toEqual(allPaid);
      expect(paid(receiver, peerOf(3), 3)).toEqual(allPaid);
    },
  );

  test('spontaneous shares worth more than others’ keep out spontaneous payments through their peer, and no invoice', () => {
    const receiver = crowded();
    for (let n = 0; n < 200; n++) receiver.arrive(begun(n, peerOf(1), 500_001n));
    const resolutions = paid(receiver, peerOf(1), 2);
    expect(resolutions.filter((resolution) => resolution === 'fulfilled')).toHaveLength(6);
    expect(paid(receiver, peerOf(2), 3)).toEqual(allPaid);
  });
});

describe('a full room', () => {
  test('a node with no room for sets fails its least valuable one, the oldest of several, for one worth as much, with a temporary failure', () => {
    const receiver = limited({ sets: 3 });
    for (const [n, amount] of [500_000n, 400_000n, 400_000n].entries()) {
      receiver.arrive(begun(n, peerOf(n), amount));
      receiver.tick(1);
    }
    receiver.arrive(begun(3, peerOf(3), 400_000n));
    expect([0, 1, 2, 3].map((n) => receiver.resolution(n))).toEqual(['held', 'temporary_node_failure', 'held', 'held']);
    expect(whys(receiver)).toEqual(['gave_way']);
  });

  test('a node with no room for sets fails none for one that is worth less', () => {
    const receiver = limited({ sets: 2 });
    for (const n of [0, 1]) receiver.arrive(begun(n, peerOf(n), 500_000n));
    receiver.arrive(begun(2, peerOf(2), 499_999n));
    expect([0, 1, 2].map((n) => receiver.resolution(n))).toEqual(['held', 'held', 'temporary_node_failure']);
    expect(whys(receiver)).toEqual(['too_many_sets']);
  });

  test('room for a set of a peer that has used up its share is made among the sets of that peer', () => {
    const receiver = limited({ setsPerPeer: 1 });
    receiver.arrive(begun(0, peerOf(2), 360_000n));
    receiver.arrive(begun(1, peerOf(1), 400_000n));
    receiver.arrive(begun(2, peerOf(1), 399_999n));
    receiver.arrive(begun(3, peerOf(1), 400_000n));
    expect([0, 1, 2, 3].map((n) => receiver.resolution(n))).toEqual([
      ...['held', 'temporary_node_failure', 'temporary_node_failure', 'held'],
    ]);
    expect(whys(receiver)).toEqual(['too_many_sets_of_peer', 'gave_way']);
  });

  test('room for a set of an invoice that has used up its share is made among the sets of that invoice', () => {
    const receiver = limited({ setsPerInvoice: 2, sets: 3 });
    const [mine, other] = [ampInvoice(9_000n, 1), ampInvoice(9_000n, 2)];
    for (const n of [0, 1]) receiver.arrive(begun(n, peerOf(1), 4000n, mine));
    receiver.arrive(begun(2, peerOf(1), 3999n, mine));
    receiver.arrive(begun(3, peerOf(1), 1n, other));
    expect([0, 1, 2, 3].map((n) => receiver.resolution(n))).toEqual(['held', 'held', 'temporary_node_failure', 'held']);
    expect(whys(receiver)).toEqual(['too_many_sets_of_invoice']);
  });

  test('a node with no room for sets takes a payment that is complete at once, however small', () => {
    const receiver = limited({ sets: 1 });
    receiver.arrive(begun(0, peerOf(1), 500_000n));
    receiver.arrive(at(amp({ scheme: 'fixed', parts: 1, seed: 9, firstKey: 90, amount: 1n }), 0));
    expect([receiver.resolution(0), receiver.resolution(90)]).toEqual(['held', 'fulfilled']);
  });
});

describe('an HTLC below the least share', () => {
  const small = (htlcs: readonly Htlc[], i: number): Htlc => {
    const htlc = at(htlcs, i);
    const amount = msat(LEAST_SHARE - 1n);
    return { ...htlc, amount, payload: { ...htlc.payload, amount } };
  };

  test.each(['fixed', 'dynamic'] as const)(
    'an HTLC below the least share is failed alone, first or last, and leaves its set of scheme %s',
    (scheme) => {
      const htlcs = amp({ scheme, parts: 2, amount: LEAST_SHARE });
      const receiver = limited();
      receiver.arrive({ ...small(htlcs, 1), key: keyOf(10) });
      receiver.arrive(at(htlcs, 0));
      receiver.arrive({ ...small(htlcs, 1), key: keyOf(11) });
      expect([0, 10, 11].map((n) => receiver.resolution(n))).toEqual(['held', WRONG, WRONG]);
      receiver.arrive(at(htlcs, 1));
      expect([0, 1].map((n) => receiver.resolution(n))).toEqual(['fulfilled', 'fulfilled']);
      expect(whys(receiver)).toEqual(['share_below_minimum', 'share_below_minimum']);
    },
  );

  test.each(['fixed', 'dynamic'] as const)(
    'an HTLC below the least share is taken in scheme %s where an invoice asks for it',
    (scheme) => {
      const receiver = limited();
      for (const htlc of amp({ scheme, parts: 2, amount: 1n, invoice: ampInvoice(2n) })) receiver.arrive(htlc);
      expect([0, 1].map((n) => receiver.resolution(n))).toEqual(['fulfilled', 'fulfilled']);
    },
  );
});
