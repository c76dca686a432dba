/** The values of eob-amp.json for every scheme: made from the base preimage, read back from the blobs, and claimed. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { interpolate, multiply } from '../../amp/gf256.ts';
import { schemes } from '../../amp/schemes.ts';
import { child, decodeBlob, encodeBlob, joined } from '../../amp/shares.ts';
import { hex, unhex, zeros } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { msat, paymentHash } from '../../wire/units.ts';
import { keyOf, peerOf, ReceiverUnderTest, WRONG } from './receiver.ts';

interface Child {
  readonly index: number;
  readonly share: string;
  readonly marker: number;
  readonly preimage: string;
  readonly payment_hash: string;
  readonly eob: string;
}
interface VectorSet {
  readonly name: string;
  readonly protocol: number;
  readonly base_preimage: string;
  readonly set_id: string;
  readonly children: readonly Child[];
  /** Of a threshold set: shares needed, and the polynomials' coefficients from x to the highest power. */
  readonly threshold?: number;
  readonly coefficients?: readonly string[];
}

const file = new URL('../vectors/eob-amp.json', import.meta.url);
const all = (JSON.parse(readFileSync(file, 'utf8')) as { readonly sets: readonly VectorSet[] }).sets;
const spoken = all.filter(({ protocol }) => [...schemes.values()].some((scheme) => scheme.protocol === protocol));

test('the file has sets for every scheme there is', () => {
  const protocols = new Set(spoken.map(({ protocol }) => protocol));
  expect([...protocols]).toEqual([...schemes.values()].map((scheme) => scheme.protocol));
});

describe.each(spoken)('$name', ({ protocol, base_preimage, set_id, children, threshold = children.length }) => {
  const scheme = [...schemes.values()].find((one) => one.protocol === protocol)?.name ?? '';

  test('a blob is written and read byte for byte', () => {
    for (const { eob, share, marker } of children) {
      const blob = { setId: unhex(set_id), share: unhex(share), marker };
      expect(hex(encodeBlob(blob))).toBe(eob);
      expect(decodeBlob(unhex(eob))).toEqual(blob);
    }
  });

  test('children follow from the base preimage and their index', () => {
    for (const { index, preimage, payment_hash } of children) {
      const made = child(unhex(base_preimage), index);
      expect(hex(made.preimage)).toBe(preimage);
      expect(hex(made.paymentHash)).toBe(payment_hash);
    }
  });

  test('the shares give the base preimage, and the set_id where the scheme promises it', () => {
    const points = children.map(({ marker, share }) => ({ x: marker, value: unhex(share) }));
    const root = scheme === 'threshold' ? interpolate(points, 0) : joined(points.map(({ value }) => value));
    expect(hex(root)).toBe(base_preimage);
    if (scheme === 'dynamic' || scheme === 'threshold') expect(hex(sha256(unhex(base_preimage)))).toBe(set_id);
  });

  test.each([
    ['as sent', children],
    ['backwards', children.toReversed()],
  ])('a receiver claims all of it, or as many as are needed, arriving %s', (_, arriving) => {
    const receiver = new ReceiverUnderTest();
    for (const [i, { index, eob, payment_hash }] of arriving.entries()) {
      expect(receiver.answers.size).toBe(i < threshold ? 0 : i);
      receiver.arrive({
        key: keyOf(index),
        peer: peerOf(1),
        amount: msat(1000n),
        expiry: 600,
        paymentHash: paymentHash(unhex(payment_hash)),
        payload: {
          kind: 'eob',
          amount: msat(1000n),
          expiry: 600,
          scheme,
          paymentId: zeros(11),
          blobs: [decodeBlob(unhex(eob))],
        },
        invoice: undefined,
      });
    }
    for (const [i, { index, preimage }] of arriving.entries())
      if (i < threshold) expect(receiver.answers.get(`c/${index}`)).toEqual({ fulfilled: unhex(preimage) });
      else expect(receiver.resolution(index)).toBe(WRONG);
  });
});

test('the shares of a threshold set are the values of its polynomials, and any that are needed give all others', () => {
  const sets = spoken.filter(({ coefficients }) => coefficients !== undefined);
  expect(sets.length).toBeGreaterThan(0);
  for (const { base_preimage, children, threshold = 0, coefficients = [] } of sets) {
    const terms = [base_preimage, ...coefficients].map(unhex);
    for (const { marker, share } of children) {
      const value = terms.reduceRight(
        (sum, term) => term.map((byte, i) => byte ^ multiply(sum[i] ?? 0, marker)),
        zeros(32),
      );
      expect(hex(value)).toBe(share);
      const others = children.filter((child) => child.marker !== marker).slice(0, threshold);
      const points = others.map((child) => ({ x: child.marker, value: unhex(child.share) }));
      expect(hex(interpolate(points, marker))).toBe(share);
    }
  }
});
