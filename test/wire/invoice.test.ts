/** BOLT 11's examples in both directions, and what must be refused. */
import { describe, expect, test } from 'vitest';
import { hex, utf8 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { bitsOf, ourFeatures, payerFeatures } from '../../wire/features.ts';
import type { InvoiceFault } from '../../wire/invoice/errors.ts';
import type { Field } from '../../wire/invoice/fields.ts';
import {
  checkPayable,
  decodeInvoice,
  encodeFields,
  encodeInvoice,
  type Invoice,
  type InvoiceDraft,
} from '../../wire/invoice.ts';
import { scidText } from '../../wire/units.ts';
import { fault, invalid, sign, valid } from '../support/invoices.ts';

/** A field in the words of the vector file. */
const shown = (field: Field): Record<string, unknown> => {
  const { tag } = field;
  switch (tag) {
    case 'd':
      return { tag, text: field.value };
    case 'x':
    case 'c':
      return { tag, value: field.value };
    case 'f':
      return { tag, version: field.value.version, program_hex: hex(field.value.program) };
    case '9':
      return { tag, feature_bits: [...bitsOf(field.value)] };
    case 'r':
      return {
        tag,
        hops: field.value.map((hop) => ({
          ...hop,
          pubkey: hex(hop.pubkey),
          short_channel_id: scidText(hop.short_channel_id),
          fee_base_msat: Number(hop.fee_base_msat),
        })),
      };
    case 'unknown':
      return { code: field.code, data_length: field.value.length };
    default:
      return { tag, hex: hex(field.value) };
  }
};
const codes: Readonly<Record<string, number>> = { p: 1, s: 16, h: 23, n: 19, f: 9, '2': 10 };

/** A draft that says what a decoded invoice says, without the fields that were passed over. */
const draftOf = (invoice: Invoice): InvoiceDraft => {
  const has = (tag: Field['tag']): boolean => invoice.fields.some((field) => field.tag === tag);
  const { description, descriptionHash, paymentSecret = new Uint8Array(32) } = invoice;
  return {
    network: invoice.network,
    amount: invoice.amount,
    timestamp: invoice.timestamp,
    paymentHash: invoice.paymentHash,
    paymentSecret,
    ...(description === undefined
      ? { descriptionHash: descriptionHash ?? new Uint8Array(32) }
      : { description: description }),
    payee: has('n') ? invoice.payee : undefined,
    expiry: has('x') ? invoice.expiry : undefined,
    minFinalCltvExpiryDelta: has('c') ? invoice.minFinalCltvExpiryDelta : undefined,
    features: invoice.features,
    metadata: invoice.metadata,
    fallbacks: invoice.fallbacks,
    routes: invoice.routes,
  };
};

describe.each(valid)('BOLT 11: $name', ({ name, invoice: text, decoded }) => {
  const invoice = decodeInvoice(text);

  test(`the invoice of BOLT 11, ${name}, is read as the specification explains it`, () => {
    expect(invoice.amount).toBe(decoded.amount_msat === null ? undefined : BigInt(decoded.amount_msat));
    expect(invoice.timestamp).toBe(decoded.timestamp);
    expect(hex(invoice.payee)).toBe(decoded.payee);
    expect(hex(invoice.signature)).toBe(decoded.signature_rs);
    expect(invoice.network).toBe(decoded.currency === 'tb' ? 'testnet' : 'bitcoin');
    expect(invoice.fields.map(shown)).toEqual(
      decoded.tags.map((row) => {
        const { data_length, ...tag } = row;
        return 'ignored' in row ? { code: codes[row.tag], data_length } : tag;
      }),
    );
  });

  test(`the fields of the invoice of BOLT 11, ${name}, are written byte for byte`, () => {
    const texts: string[] = [];
    const digests: string[] = [];
    texts.push(
      encodeFields(invoice, invoice.fields, (digest) => {
        digests.push(hex(digest));
        return sign(digest);
      }),
    );
    expect(digests).toEqual([decoded.sighash]);
    // RFC 6979 with low S never makes the signature of the high-S example; its digest was compared all the same.
    if (!decoded.high_s) expect(texts).toEqual([text.toLowerCase()]);
  });

  test(`a draft of the invoice of BOLT 11, ${name}, is read back to the same`, () => {
    const again = decodeInvoice(encodeInvoice(draftOf(invoice), sign));
    const meaning = ({ fields, signature, payee, ...rest }: Invoice) => rest;
    expect(meaning(again)).toEqual(meaning(invoice));
    expect(again.fields.map(({ tag }) => tag).sort()).toEqual(
      invoice.fields.flatMap(({ tag }) => (tag === 'unknown' ? [] : [tag])).sort(),
    );
  });
});

test('invoices are written with their fields in the order of BOLT 11’s examples, byte for byte', () => {
  const ordered = valid.filter(({ decoded }) => {
    const order = decoded.tags.map(({ tag }) => tag).join('');
    return /^sp[dh]x?f*r*9$/.test(order) && !decoded.high_s;
  });
  expect(ordered.length).toBe(6);
  for (const { invoice } of ordered) expect(encodeInvoice(draftOf(decodeInvoice(invoice)), sign)).toBe(invoice);
});

test('the description hash of BOLT 11’s examples is that of their long description', () => {
  const { descriptionHash = new Uint8Array() } = decodeInvoice(valid[3]?.invoice ?? '');
  const description =
    'One piece of chocolate cake, one icecream cone, one pickle, one slice of swiss cheese, one slice of salami, one lollypop, one piece of cherry pie, one sausage, one cupcake, and one slice of watermelon';
  expect(hex(descriptionHash)).toBe(hex(sha256(utf8(description))));
});

const payer = { network: 'bitcoin', now: 1496314658, features: ourFeatures('9') } as const;

test('every valid example of BOLT 11 for the main chain can be paid', () => {
  const main = valid.filter(({ invoice }) => /^lnbc[^r]/i.test(invoice));
  expect(main.length).toBeGreaterThan(10);
  for (const { invoice } of main) {
    const read = decodeInvoice(invoice);
    const obstacles = checkPayable(read, {
      network: 'bitcoin',
      now: read.timestamp,
      features: payerFeatures(read.features),
    });
    expect(obstacles).toEqual([]);
  }
});

describe('BOLT 11, invalid examples', () => {
  const expected: Readonly<Record<string, InvoiceFault['code']>> = {
    'Bech32 checksum is invalid.': 'not_bech32',
    'Malformed bech32 string (no 1)': 'not_bech32',
    'Malformed bech32 string (mixed case)': 'not_bech32',
    'Signature is not recoverable.': 'bad_signature',
    'String is too short.': 'too_short',
    'Invalid multiplier': 'unknown_multiplier',
    'Invalid sub-millisatoshi precision.': 'sub_millisatoshi',
    "Non canonical signature (high-S) with 'n' field defined": 'bad_signature',
  };
  const unpayable: Readonly<Record<string, unknown>> = {
    'Same, but adding invalid unknown feature 100': {
      code: 'feature',
      problem: { code: 'unknown_even_bit', bit: 100 },
    },
    'Missing required `s` field.': { code: 'missing_payment_secret' },
  };

  test('every one has its expectation here', () => {
    expect(invalid.map(({ name }) => name).sort()).toEqual(
      [...Object.keys(expected), ...Object.keys(unpayable)].sort(),
    );
  });

  test.each(invalid.filter(({ name }) => name in expected))('$name cannot be read', ({ name, invoice }) => {
    expect(fault(() => decodeInvoice(invoice))?.code).toBe(expected[name]);
  });

  test.each(invalid.filter(({ name }) => name in unpayable))(
    'the invalid invoice of BOLT 11, $name, can be shown and not paid',
    ({ name, invoice }) => {
      expect(checkPayable(decodeInvoice(invoice), payer)).toEqual([unpayable[name]]);
    },
  );
});
