/** Invoices at random: read back as written, understood by another implementation, and never a crash on garbage. */
import bolt11 from 'bolt11';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeBech32 } from '../../wire/bech32.ts';
import { hex } from '../../wire/bytes.ts';
import { pointOf, signRecoverable } from '../../wire/crypto.ts';
import { bitmapOf } from '../../wire/features.ts';
import { InvoiceError } from '../../wire/invoice/errors.ts';
import type { RouteHop } from '../../wire/invoice/fields.ts';
import { decodeInvoice, encodeInvoice, type InvoiceDraft } from '../../wire/invoice.ts';
import { msat, paymentHash, secretKey, shortChannelId } from '../../wire/units.ts';
import { anyCharacter } from '../support/characters.ts';

const secret = secretKey(new Uint8Array(32).fill(0x42));
const sign = (digest: Uint8Array) => signRecoverable(digest, secret);
const run = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const uint = (bits: number) => fc.nat({ max: 2 ** bits - 1 });
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const few = <T>(item: fc.Arbitrary<T>) => fc.array(item, { maxLength: 3 });

const hop: fc.Arbitrary<RouteHop> = fc.record({
  pubkey: run(31).map((bytes) => pointOf(secretKey(Uint8Array.of(1, ...bytes)))),
  short_channel_id: fc.bigInt(0n, 2n ** 64n - 1n).map(shortChannelId),
  fee_base_msat: u32.map((n) => msat(BigInt(n))),
  fee_proportional_millionths: u32,
  cltv_expiry_delta: uint(16),
});
const fallback = fc.oneof(
  fc.record({ version: fc.constantFrom(0, 17, 18), program: run(20) }),
  fc.record({ version: fc.integer({ min: 0, max: 16 }), program: run(32) }),
);
const draft = fc
  .record({
    network: fc.constantFrom('bitcoin' as const, 'testnet' as const, 'regtest' as const),
    amount: fc.option(fc.bigInt(1n, 2n ** 50n).map(msat), { nil: undefined }),
    timestamp: fc.integer({ min: 1, max: 2 ** 32 }),
    paymentHash: run(32).map(paymentHash),
    paymentSecret: run(32),
    expiry: fc.option(u32, { nil: undefined }),
    minFinalCltvExpiryDelta: fc.option(uint(16), { nil: undefined }),
    features: few(fc.nat({ max: 200 })).map((more) => bitmapOf([8, 14, ...more])),
    metadata: fc.option(fc.uint8Array({ maxLength: 100 }), { nil: undefined }),
    fallbacks: few(fallback),
    routes: few(fc.array(hop, { minLength: 1, maxLength: 3 })),
    payee: fc.constantFrom(undefined, pointOf(secret)),
  })
  .chain((fields) =>
    fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 40 }).map((description): InvoiceDraft => ({ ...fields, description })),
      run(32).map((descriptionHash): InvoiceDraft => ({ ...fields, descriptionHash })),
    ),
  );

test('an invoice that is written is read back', () => {
  fc.assert(
    fc.property(draft, (written) => {
      const read = decodeInvoice(encodeInvoice(written, sign));
      const { expiry = 3600, minFinalCltvExpiryDelta = 18, payee = pointOf(secret) } = written;
      expect(read).toMatchObject({ ...written, expiry, minFinalCltvExpiryDelta, payee });
    }),
  );
});

describe('the npm package bolt11', () => {
  /** What both know, in its words. It keeps the last fallback and the last route only, so no draft has two. */
  const common = fc.record({ draft, hops: fc.array(hop, { minLength: 1, maxLength: 2 }) });

  test('the npm package bolt11 reads the invoices that we write', () => {
    fc.assert(
      fc.property(common, ({ draft: base, hops }) => {
        const written = { ...base, routes: [hops], fallbacks: [{ version: 17, program: new Uint8Array(20).fill(3) }] };
        const regtest = { bech32: 'bcrt', pubKeyHash: 0x6f, scriptHash: 0xc4, validWitnessVersions: [0, 1] };
        const read = bolt11.decode(encodeInvoice(written, sign), base.network === 'regtest' ? regtest : undefined);
        const tags = read.tagsObject;
        expect(read.payeeNodeKey).toBe(hex(pointOf(secret)));
        expect(read.timestamp).toBe(written.timestamp);
        expect(read.millisatoshis ?? undefined).toBe(written.amount?.toString());
        expect(tags.payment_hash).toBe(hex(written.paymentHash));
        expect(tags.payment_secret).toBe(hex(written.paymentSecret));
        expect(tags.expire_time ?? 3600).toBe(written.expiry ?? 3600);
        expect(tags.min_final_cltv_expiry).toBe(written.minFinalCltvExpiryDelta);
        if ('description' in written) expect(tags.description).toBe(written.description);
        else expect(tags.purpose_commit_hash).toBe(hex(written.descriptionHash));
        expect(tags.fallback_address).toMatchObject({ code: 17, addressHash: '03'.repeat(20) });
        expect(tags.routing_info).toEqual(
          hops.map((one) => ({
            pubkey: hex(one.pubkey),
            short_channel_id: one.short_channel_id.toString(16).padStart(16, '0'),
            fee_base_msat: Number(one.fee_base_msat),
            fee_proportional_millionths: one.fee_proportional_millionths,
            cltv_expiry_delta: one.cltv_expiry_delta,
          })),
        );
      }),
      { numRuns: 20 },
    );
  });

  test('the npm package bolt11 writes invoices that we read', () => {
    fc.assert(
      fc.property(common, ({ draft: base, hops }) => {
        const unsigned = bolt11.encode({
          network: { bech32: 'bc', pubKeyHash: 0, scriptHash: 5, validWitnessVersions: [0, 1] },
          millisatoshis: base.amount?.toString() ?? null,
          timestamp: base.timestamp,
          tags: [
            { tagName: 'payment_hash', data: hex(base.paymentHash) },
            { tagName: 'payment_secret', data: hex(base.paymentSecret) },
            { tagName: 'description', data: 'tea' },
            { tagName: 'expire_time', data: 86_400 },
            { tagName: 'min_final_cltv_expiry', data: 40 },
            {
              tagName: 'routing_info',
              data: hops.map((one) => ({
                pubkey: hex(one.pubkey),
                short_channel_id: one.short_channel_id.toString(16).padStart(16, '0'),
                fee_base_msat: Number(one.fee_base_msat),
                fee_proportional_millionths: one.fee_proportional_millionths,
                cltv_expiry_delta: one.cltv_expiry_delta,
              })),
            },
            {
              tagName: 'feature_bits',
              data: { word_length: 3, var_onion_optin: { required: true }, payment_secret: { required: true } },
            },
          ],
        });
        const { paymentRequest = '' } = bolt11.sign(unsigned, hex(secret));
        expect(decodeInvoice(paymentRequest)).toMatchObject({
          network: 'bitcoin',
          amount: base.amount,
          timestamp: base.timestamp,
          paymentHash: base.paymentHash,
          paymentSecret: base.paymentSecret,
          description: 'tea',
          expiry: 86_400,
          minFinalCltvExpiryDelta: 40,
          routes: [hops],
          features: bitmapOf([8, 14]),
          payee: pointOf(secret),
        });
      }),
      { numRuns: 20 },
    );
  });
});

describe('garbage', () => {
  const refusedOrRead = (text: string): void => {
    try {
      decodeInvoice(text);
    } catch (error) {
      expect(error).toBeInstanceOf(InvoiceError);
    }
  };

  test('random data with a valid checksum throw InvoiceError or are an invoice, and throw nothing else', () => {
    const words = fc.array(uint(5), { maxLength: 400 }).map((list) => Uint8Array.from(list));
    fc.assert(
      fc.property(words, (list) => refusedOrRead(encodeBech32({ prefix: 'lnbcrt1m', words: list }))),
      { numRuns: 300 },
    );
  });

  test('a text of any characters throws InvoiceError when read as an invoice', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter }), (text) => {
        expect(() => decodeInvoice(text)).toThrow(InvoiceError);
        expect(() => decodeInvoice(`lnbc1${text}`)).toThrow(InvoiceError);
      }),
    );
  });

  test('one mistyped character in an invoice is always found', () => {
    const text = encodeInvoice(
      {
        network: 'regtest',
        timestamp: 1_700_000_000,
        paymentHash: paymentHash(new Uint8Array(32)),
        paymentSecret: new Uint8Array(32),
        description: '',
      },
      sign,
    );
    const letters = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
    fc.assert(
      fc.property(fc.nat({ max: text.length - 1 }), fc.nat({ max: 31 }), (at, letter) => {
        const typed = text.slice(0, at) + (letters[letter] ?? '') + text.slice(at + 1);
        fc.pre(typed !== text);
        expect(() => decodeInvoice(typed)).toThrow(InvoiceError);
      }),
    );
  });
});
