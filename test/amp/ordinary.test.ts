/** Ordinary payments in the receiving machine: BOLT 4, "Basic Multi-Part Payments", over payment_secret and total_msat. */
import { describe, expect, test } from 'vitest';
import type { InvoiceTerms } from '../../amp/io.ts';
import { msat } from '../../wire/units.ts';
import { bytes32, type Htlc, keyOf, peerOf, ReceiverUnderTest, secretOf } from './receiver.ts';

const WRONG = 'incorrect_or_unknown_payment_details';
const { preimage, paymentHash } = secretOf(1);
const invoice: InvoiceTerms = {
  id: 'ordinary',
  kind: 'ordinary',
  status: 'open',
  amount: msat(1000n),
  paymentSecret: bytes32(2),
  preimage,
  minFinalCltv: 18,
};
interface Wish {
  readonly id?: number;
  readonly amount?: bigint;
  readonly meant?: bigint;
  readonly total?: bigint | undefined;
  readonly secret?: Uint8Array | undefined;
  readonly invoice?: InvoiceTerms | undefined;
}
const htlc = (wish: Wish = {}): Htlc => {
  const { id = 0, amount = 1000n, meant = amount } = wish;
  const total = 'total' in wish ? wish.total : 1000n;
  return {
    key: keyOf(id),
    peer: peerOf(1),
    amount: msat(amount),
    expiry: 540,
    paymentHash,
    payload: {
      kind: 'ordinary',
      amount: msat(meant),
      expiry: 540,
      paymentSecret: 'secret' in wish ? wish.secret : invoice.paymentSecret,
      total: total === undefined ? undefined : msat(total),
    },
    invoice: 'invoice' in wish ? wish.invoice : invoice,
  };
};
const run = (...htlcs: readonly Htlc[]): ReceiverUnderTest => {
  const receiver = new ReceiverUnderTest();
  for (const one of htlcs) receiver.arrive(one);
  return receiver;
};

test('one HTLC with the secret and the amount is claimed and pays the invoice', () => {
  const receiver = run(htlc());
  expect(receiver.answers.get('c/0')).toEqual({ fulfilled: preimage });
  expect(receiver.paid).toMatchObject([{ invoice: 'ordinary', received: 1000n, preimages: [preimage] }]);
});

test('several HTLCs of the same hash are claimed together when they reach total_msat', () => {
  const receiver = run(htlc({ id: 0, amount: 400n }), htlc({ id: 1, amount: 400n }));
  expect(receiver.resolution(0)).toBe('held');
  receiver.arrive(htlc({ id: 2, amount: 250n }));
  expect([0, 1, 2].map((id) => receiver.resolution(id))).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
  expect(receiver.paid).toMatchObject([{ received: 1050n, preimages: [preimage] }]);
});

test('what a forwarder adds does not count towards total_msat: the payer meant more to come', () => {
  const receiver = run(htlc({ amount: 600n, meant: 500n }), htlc({ id: 1, amount: 450n, meant: 400n }));
  expect(receiver.resolution(0)).toBe('held');
});

test('parts that do not become enough are failed with mpp_timeout', () => {
  const receiver = run(htlc({ amount: 400n }));
  receiver.tick(61);
  expect(receiver.resolution(0)).toBe('mpp_timeout');
  expect(receiver.paid).toEqual([]);
});

test('a part that announces another total fails the whole set', () => {
  const receiver = run(htlc({ id: 0, amount: 400n }), htlc({ id: 1, amount: 400n, total: 1200n }));
  expect([receiver.resolution(0), receiver.resolution(1)]).toEqual([WRONG, WRONG]);
});

describe('an HTLC is failed alone and leaves a set in being as it is, when it', () => {
  test.each<[string, Wish]>([
    ['has no payment_data', { secret: undefined, total: undefined }],
    ['has a wrong secret', { secret: bytes32(3) }],
    ['names no invoice', { invoice: undefined }],
    ['names an AMP invoice', { invoice: { ...invoice, id: 'other', kind: 'eob_amp', preimage: undefined } }],
    ['announces less than was asked', { total: 999n }],
    ['announces more than twice what was asked', { total: 2001n }],
  ])('%s', (_, wish) => {
    const receiver = run(htlc({ id: 0, amount: 400n }), htlc({ id: 1, ...wish }));
    expect([receiver.resolution(0), receiver.resolution(1)]).toEqual(['held', WRONG]);
    receiver.arrive(htlc({ id: 2, amount: 600n }));
    expect([receiver.resolution(0), receiver.resolution(2)]).toEqual(['fulfilled', 'fulfilled']);
  });
});

test('exactly twice what was asked is taken', () => {
  expect(run(htlc({ amount: 2000n, total: 2000n })).resolution(0)).toBe('fulfilled');
});

test('what arrives is at most twice what was asked, whatever the onion says: the HTLC that passes it is failed alone', () => {
  expect(run(htlc({ amount: 2001n, meant: 1000n })).resolution(0)).toBe(WRONG);
  const receiver = run(
    htlc({ amount: 900n, meant: 500n }),
    htlc({ id: 1, amount: 1101n, meant: 500n }),
    htlc({ id: 2, amount: 1100n, meant: 500n }),
  );
  expect([0, 1, 2].map((id) => receiver.resolution(id))).toEqual(['fulfilled', WRONG, 'fulfilled']);
});

test('of an invoice without amount, twice what the payer announces is the most', () => {
  const open = { ...invoice, amount: undefined };
  expect(run(htlc({ amount: 2001n, meant: 1000n, invoice: open })).resolution(0)).toBe(WRONG);
  expect(run(htlc({ amount: 2000n, meant: 1000n, invoice: open })).resolution(0)).toBe('fulfilled');
});

test('an invoice without amount takes what the payer announces', () => {
  const open = { ...invoice, amount: undefined };
  const receiver = run(
    htlc({ amount: 5n, total: 7n, invoice: open }),
    htlc({ id: 1, amount: 2n, total: 7n, invoice: open }),
  );
  expect([receiver.resolution(0), receiver.resolution(1)]).toEqual(['fulfilled', 'fulfilled']);
});

test('a paid invoice is not paid again', () => {
  const receiver = run(htlc());
  receiver.arrive(htlc({ id: 1 }));
  receiver.resolve();
  receiver.arrive(htlc({ id: 2 }));
  expect([receiver.resolution(1), receiver.resolution(2)]).toEqual([WRONG, WRONG]);
  expect(receiver.paid).toHaveLength(1);
});
