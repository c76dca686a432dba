/** The values of eob-amp.json for protocols 1 and 2: made from the base preimage, read back from the blobs, and claimed. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { schemes } from '../../amp/schemes.ts';
import { child, decodeBlob, encodeBlob, joined } from '../../amp/shares.ts';
import { hex, unhex, zeros } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { msat, paymentHash } from '../../wire/units.ts';
import { keyOf, peerOf, ReceiverUnderTest } from './receiver.ts';

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
}

const file = new URL('../vectors/eob-amp.json', import.meta.url);
const all = (JSON.parse(readFileSync(file, 'utf8')) as { readonly sets: readonly VectorSet[] }).sets;
const spoken = all.filter(({ protocol }) => [...schemes.values()].some((scheme) => scheme.protocol === protocol));

test('the file has sets for every scheme there is', () => {
  const protocols = new Set(spoken.map(({ protocol }) => protocol));
  expect([...protocols]).toEqual([...schemes.values()].map((scheme) => scheme.protocol));
});

describe.each(spoken)('$name', ({ protocol, base_preimage, set_id, children }) => {
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

  test('the shares add up to the base preimage, and to the set_id where the scheme promises it', () => {
    expect(hex(joined(children.map(({ share }) => unhex(share))))).toBe(base_preimage);
    if (scheme === 'dynamic') expect(hex(sha256(unhex(base_preimage)))).toBe(set_id);
  });

  test.each([
    ['as sent', children],
    ['backwards', children.toReversed()],
  ])('a receiver claims all of it, arriving %s', (_, arriving) => {
    const receiver = new ReceiverUnderTest();
    for (const { index, eob, payment_hash } of arriving) {
      expect(receiver.answers.size).toBe(0);
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
    for (const { index, preimage } of children)
      expect(receiver.answers.get(`c/${index}`)).toEqual({ fulfilled: unhex(preimage) });
  });
});
