/** The record of a payment: why it failed is kept as a code and in words, and what versions before wrote is still read. */
import { describe, expect, test } from 'vitest';
import { resumedTerms } from '../../node/pay/invoicehints.ts';
import { decodePaymentRecord, encodePaymentRecord, type PaymentRecord } from '../../node/pay/paymentrecord.ts';
import { unhex } from '../../wire/bytes.ts';
import { msat, preimage } from '../../wire/units.ts';
import { nodeOf } from '../amp/payer.ts';
import { bytes32 } from '../amp/receiver.ts';

const begun: PaymentRecord = {
  ...{ id: 'payment 1', createdIndex: 1n, createdAt: 1_001, destination: nodeOf(1), paymentHash: bytes32(1) },
  ...{ amount: msat(1_000n), scheme: 'dynamic', label: undefined, bolt11: undefined, description: undefined },
  ...{ status: 'pending', result: undefined },
};
const nothing = { at: 2_000, delivered: msat(0n), sent: msat(0n), parts: 0, preimages: [] };
const failed = (code: NonNullable<PaymentRecord['result']>['code']): PaymentRecord => ({
  ...begun,
  ...{ status: 'failed', result: { ...nothing, why: 'the words', ...(code !== undefined && { code }) } },
});

describe('the record of a payment', () => {
  test.each([
    'no_route',
    'amount_too_large',
    'bad_request',
    'refused_by_destination',
    'too_many_attempts',
    'deadline',
    'invoice_expired',
    'cancelled',
    'partially_claimed',
    'preimage_known',
    'internal',
    'node_stopped',
    undefined,
  ] as const)('keeps the failure code %s beside the words', (code) => {
    expect(decodePaymentRecord(encodePaymentRecord(failed(code)))).toEqual(failed(code));
  });

  test.each([
    {},
    { strategy: 'halving' },
    { prefer: 'cheap' as const },
    { strategy: 'halving', prefer: 'reliable' as const },
  ])('keeps what its payer wished: %j', (wishes) => {
    const kept = decodePaymentRecord(encodePaymentRecord({ ...begun, ...wishes }));
    expect([kept.strategy, kept.prefer]).toEqual([wishes.strategy, wishes.prefer]);
    expect(resumedTerms(kept).prefer).toBe(wishes.prefer);
  });

  test('of a complete or a pending payment has no failure', () => {
    const end = { ...nothing, delivered: msat(1_000n), parts: 1, preimages: [preimage(bytes32(9))], why: undefined };
    const complete: PaymentRecord = { ...begun, status: 'complete', result: end };
    for (const record of [begun, complete]) expect(decodePaymentRecord(encodePaymentRecord(record))).toEqual(record);
  });

  test('with a failure code of a later version is read with its words', () => {
    const bytes = encodePaymentRecord(failed('no_route'));
    const at = bytes.length - 'the words'.length - 3;
    expect([bytes[at - 1], bytes[at]]).toEqual([2, 0]);
    const later = Uint8Array.from(bytes);
    later[at] = 250;
    expect(decodePaymentRecord(later)).toEqual(failed(undefined));
  });

  test('as a version before wrote it, without codes, is read', () => {
    const common = `00097061796d656e742031000000000000000100000000000003e902${'07'.repeat(32)}${'01'.repeat(32)}00000000000003e801000000`;
    const end = `0100000000000007d0${'00'.repeat(16)}00000000`;
    const words = '0100086e6f20726f757465';
    const old = decodePaymentRecord(unhex(`${common}02${end}${words}`));
    expect(old).toMatchObject({ status: 'failed', result: { at: 2_000, parts: 0, preimages: [], why: 'no route' } });
    expect(old.result).not.toHaveProperty('code');
  });
});
