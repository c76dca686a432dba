/** Rules of BOLT 11 that its examples do not show: amounts, fields that do not fit, what may be paid. */
import { describe, expect, test } from 'vitest';
import { decodeBech32, encodeBech32 } from '../../wire/bech32.ts';
import { hex, unhex } from '../../wire/bytes.ts';
import { signRecoverable } from '../../wire/crypto.ts';
import { bitmapOf, ourFeatures, payerFeatures } from '../../wire/features.ts';
import type { InvoiceFault } from '../../wire/invoice/errors.ts';
import { checkPayable, decodeInvoice, encodeFields, encodeInvoice, type InvoiceDraft } from '../../wire/invoice.ts';
import { msat, paymentHash, point, secretKey } from '../../wire/units.ts';
import { fault, sign, valid } from '../support/invoices.ts';

const base: InvoiceDraft = {
  network: 'regtest',
  amount: msat(1_500_000_000n),
  timestamp: 1_700_000_000,
  paymentHash: paymentHash(new Uint8Array(32).fill(1)),
  paymentSecret: new Uint8Array(32).fill(2),
  description: 'coffee',
  features: ourFeatures('9'),
};

describe('what may be paid', () => {
  const now = base.timestamp + 100;
  const check = (draft: Partial<InvoiceDraft>, at = now) =>
    checkPayable(decodeInvoice(encodeInvoice({ ...base, ...draft } as InvoiceDraft, sign)), {
      network: 'regtest',
      now: at,
      features: payerFeatures(draft.features ?? base.features ?? bitmapOf([])),
    });

  test('an invoice of our own node can be paid', () => {
    expect(check({})).toEqual([]);
  });

  test('an invoice for another chain cannot be paid', () => {
    expect(check({ network: 'signet' })).toEqual([{ code: 'other_network', invoice: 'signet', ours: 'regtest' }]);
  });

  test('an invoice expires when its last second has passed', () => {
    expect(check({}, base.timestamp + 3600)).toEqual([]);
    expect(check({}, base.timestamp + 3601)).toEqual([{ code: 'expired', at: base.timestamp + 3600 }]);
    expect(check({ expiry: 60 }, base.timestamp + 61)).toEqual([{ code: 'expired', at: base.timestamp + 60 }]);
  });

  test('an invoice with unknown even features cannot be paid, unknown odd ones are ignored', () => {
    expect(check({ features: bitmapOf([8, 14, 99, 171, 1001]) })).toEqual([]);
    expect(check({ features: bitmapOf([8, 14, 170]) })).toEqual([]);
    expect(check({ features: bitmapOf([8, 14, 48]) })).toEqual([]);
    // An AMP sends no metadata along.
    expect(check({ features: bitmapOf([8, 14, 48, 170]) })).toEqual([
      { code: 'feature', problem: { code: 'not_offered', feature: 'option_payment_metadata' } },
    ]);
    expect(check({ features: bitmapOf([8, 14, 30]) })).toEqual([]);
    expect(check({ features: bitmapOf([8, 14, 1000]) })).toEqual([
      { code: 'feature', problem: { code: 'unknown_even_bit', bit: 1000 } },
    ]);
  });

  test('all reasons why an invoice cannot be paid are returned at once', () => {
    const codes = check({ network: 'bitcoin', features: bitmapOf([200]) }, now + 10_000).map(({ code }) => code);
    expect(codes).toEqual(['other_network', 'expired', 'feature']);
  });
});

describe('amounts', () => {
  const rows: readonly (readonly [bigint, string])[] = [
    [1n, 'lnbcrt10p'],
    [10n, 'lnbcrt100p'],
    [100n, 'lnbcrt1n'],
    [1000n, 'lnbcrt10n'],
    [100_000n, 'lnbcrt1u'],
    [250_000_000n, 'lnbcrt2500u'],
    [100_000_000n, 'lnbcrt1m'],
    [100_000_000_000n, 'lnbcrt1'],
    [21_000_000n * 10n ** 11n, 'lnbcrt21000000'],
    [21_000_000n * 10n ** 11n - 1n, 'lnbcrt20999999999999999990p'],
  ];
  test.each(rows)('an amount of %d msat in an invoice is written %s', (amount, prefix) => {
    const text = encodeInvoice({ ...base, amount: msat(amount) }, sign);
    expect(text.slice(0, text.lastIndexOf('1'))).toBe(prefix);
    expect(decodeInvoice(text).amount).toBe(amount);
  });

  test('an invoice cannot ask for zero, nor for more than 21 million bitcoin', () => {
    for (const amount of [0n, 21_000_000n * 10n ** 11n + 1n])
      expect(fault(() => encodeInvoice({ ...base, amount: msat(amount) }, sign))?.code).toBe('bad_amount');
  });

  const refused: readonly (readonly [string, InvoiceFault['code']])[] = [
    ['lnbc0', 'bad_amount'],
    ['lnbc01m', 'bad_amount'],
    ['lnbc1.5m', 'bad_amount'],
    ['lnbcm', 'unknown_prefix'],
    ['lnbc1mm', 'bad_amount'],
    ['lnbc1k', 'unknown_multiplier'],
    ['lnbc1p', 'sub_millisatoshi'],
    ['lnbc21000001', 'bad_amount'],
    ['lnbc21000000000000000010p', 'bad_amount'],
    ['lnbc184467440737095516150p', 'bad_amount'],
    [`lnbc1${'0'.repeat(30)}`, 'bad_amount'],
    ['lnltc1m', 'unknown_prefix'],
    ['bc', 'unknown_prefix'],
    ['ln', 'unknown_prefix'],
  ];
  test.each(refused)('%s is refused: %s', (prefix, code) => {
    const bech32 = decodeBech32(valid[0]?.invoice ?? '');
    if (typeof bech32 === 'string') throw new Error(bech32);
    expect(fault(() => decodeInvoice(encodeBech32({ ...bech32, prefix })))?.code).toBe(code);
  });
});

describe('fields that do not fit', () => {
  const text = (description: string): InvoiceDraft => ({ ...base, description }) as InvoiceDraft;
  const rows: readonly (readonly [string, InvoiceDraft, InvoiceFault['code']])[] = [
    ['a description of 640 bytes', text('a'.repeat(640)), 'field_too_long'],
    ['a payment secret of 31 bytes', { ...base, paymentSecret: new Uint8Array(31) }, 'bad_field'],
    ['an expiry of half a second', { ...base, expiry: 0.5 }, 'bad_field'],
    ['a delta beyond 32 bits', { ...base, minFinalCltvExpiryDelta: 2 ** 32 }, 'bad_field'],
    ['a timestamp beyond 35 bits', { ...base, timestamp: 2 ** 35 }, 'bad_field'],
    ['a route without hops', { ...base, routes: [[]] }, 'bad_field'],
    ['a key hash of 19 bytes', { ...base, fallbacks: [{ version: 17, program: new Uint8Array(19) }] }, 'bad_field'],
    ['metadata of 640 bytes', { ...base, metadata: new Uint8Array(640) }, 'field_too_long'],
  ];
  test.each(rows)('%s is refused when writing', (_, draft, code) => {
    expect(fault(() => encodeInvoice(draft, sign))?.code).toBe(code);
  });

  test('a description of 639 bytes fits an invoice', () => {
    const invoice = decodeInvoice(encodeInvoice(text('a'.repeat(639)), sign));
    expect(invoice.description).toBe('a'.repeat(639));
  });

  /** Fields as words, so that what no writer would write can be written. */
  const signed = (...fields: readonly (readonly [code: number, words: readonly number[]])[]): string =>
    encodeFields(
      { network: 'regtest', amount: undefined, timestamp: 0 },
      fields.map(([code, words]) => ({ tag: 'unknown', code, value: Uint8Array.from(words) })),
      sign,
    );
  const zeroWords = (length: number): number[] => new Array<number>(length).fill(0);
  const p = [1, zeroWords(52)] as const;
  const d = [13, []] as const;
  const h = [23, zeroWords(52)] as const;
  const read: readonly (readonly [string, string, InvoiceFault])[] = [
    ['no payment hash', signed(d), { code: 'missing_field', field: 'p (payment_hash)' }],
    [
      'a payment hash of wrong length only',
      signed([1, zeroWords(51)], d),
      { code: 'missing_field', field: 'p (payment_hash)' },
    ],
    ['no description', signed(p), { code: 'missing_field', field: 'd (description) or h (description hash)' }],
    ['two kinds of description', signed(p, d, h), { code: 'both_descriptions' }],
    ['an expiry with a zero word in front', signed(p, d, [6, [0, 1]]), { code: 'not_minimal', field: 'x (expiry)' }],
    ['features with a zero word in front', signed(p, d, [5, [0, 1]]), { code: 'not_minimal', field: '9 (features)' }],
    [
      'an expiry beyond all time',
      signed(p, d, [6, [1, ...zeroWords(10)]]),
      { code: 'bad_field', field: 'x (expiry)', reason: 'expected an integer up to 9007199254740991' },
    ],
    [
      'a description that is no UTF-8',
      signed(p, [13, [31, 31]]),
      { code: 'bad_field', field: 'd (description)', reason: 'expected UTF-8' },
    ],
    [
      'a route cut short',
      signed(p, d, [3, zeroWords(80)]),
      {
        code: 'bad_field',
        field: 'r (route)',
        reason: 'pubkey: expected point: expected 33 bytes beginning with 02 or 03',
      },
    ],
    ['a named payee who did not sign', signed(p, d, [19, [0, 8, ...zeroWords(51)]]), { code: 'bad_signature' }],
  ];
  test.each(read)('%s is refused when reading', (_, invoice, expected) => {
    expect(fault(() => decodeInvoice(invoice))).toEqual(expected);
  });

  test('of several fields of the same kind in an invoice the first counts', () => {
    const invoice = decodeInvoice(signed([1, zeroWords(51)], p, [1, [1, ...zeroWords(51)]], d, [6, [5]], [6, [9]]));
    expect(hex(invoice.paymentHash)).toBe('00'.repeat(32));
    expect(invoice.expiry).toBe(5);
  });
});

test('an invoice is read with a URI scheme before it, in upper case and with white space around', () => {
  const text = encodeInvoice(base, sign);
  const invoice = decodeInvoice(text);
  for (const form of [`lightning:${text}`, `LIGHTNING:${text.toUpperCase()}`, ` ${text}\n`])
    expect(decodeInvoice(form)).toEqual(invoice);
});

test('a text too long for an invoice is refused unread', () => {
  expect(fault(() => decodeInvoice(`lnbc1${'q'.repeat(100_000)}`))?.code).toBe('text_too_long');
});

test('the payee field of an invoice must match its signature', () => {
  const payee = point(unhex('03e7156ae33b0a208d0744199163177e909e80176e55d97a2f221ede0f934dd9ad'));
  expect(decodeInvoice(encodeInvoice({ ...base, payee }, sign)).payee).toEqual(payee);
  const other = secretKey(new Uint8Array(32).fill(5));
  const forged = encodeInvoice({ ...base, payee }, (digest) => signRecoverable(digest, other));
  expect(fault(() => decodeInvoice(forged))).toEqual({ code: 'bad_signature' });
});
