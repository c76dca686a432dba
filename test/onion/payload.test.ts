/** TLV payloads as other implementations write them. */
import { describe, expect, test } from 'vitest';
import { ampProtocols } from '../../amp/payload.ts';
import { schemes } from '../../amp/schemes.ts';
import { construct } from '../../onion/construct.ts';
import { readHop } from '../../onion/eobprotocols.ts';
import type { HopData } from '../../onion/packet.ts';
import { readFinal, readForward, writeFinal, writeForward } from '../../onion/payload.ts';
import { peel } from '../../onion/peel.ts';
import { hex, unhex, zeros } from '../../wire/bytes.ts';
import { pointOf } from '../../wire/crypto.ts';
import { msat, preimage, secretKey, shortChannelId } from '../../wire/units.ts';
import { load } from './cases.ts';

interface AmpFile {
  readonly vectors: {
    readonly lnd_payload_test_fixtures: readonly { readonly name: string; readonly payload_hex: string }[];
  };
}
interface KeysendFile {
  readonly vectors: { readonly preimage: string; readonly final_payload_amt1000_cltv800144_hex: string };
}

const fixtures = load<AmpFile>('lnd-amp-derivation').vectors.lnd_payload_test_fixtures;
const fixture = (name: string): string => fixtures.find((row) => row.name === name)?.payload_hex ?? `no ${name}`;
const keysend = load<KeysendFile>('keysend').vectors;
const filled = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const zero = { amtToForward: msat(0n), outgoingCltvValue: 0 };

describe('a final payload', () => {
  test.each([
    {
      what: 'lnd-amp-derivation: record 14',
      wire: fixture('final hop with amp'),
      payload: { ...zero, amp: { share: filled(0x12), setId: filled(0x13), childIndex: 9 } },
    },
    {
      what: 'lnd-amp-derivation: record 8',
      wire: fixture('final hop with mpp'),
      payload: { ...zero, paymentData: { paymentSecret: filled(0x11), totalMsat: msat(8n) } },
    },
    {
      what: 'keysend: the preimage',
      wire: keysend.final_payload_amt1000_cltv800144_hex,
      payload: { amtToForward: msat(1000n), outgoingCltvValue: 800_144, keysend: preimage(unhex(keysend.preimage)) },
    },
    {
      what: 'record 14 with child index 0, which takes no byte',
      wire: `020004000e40${hex(filled(1))}${hex(filled(2))}`,
      payload: { ...zero, amp: { share: filled(1), setId: filled(2), childIndex: 0 } },
    },
    { what: 'empty payment_metadata', wire: '020004001000', payload: { ...zero, paymentMetadata: unhex('') } },
    {
      what: 'an odd record nobody knows',
      wire: '02000400fd012d02abcd',
      payload: { ...zero, custom: [{ type: 301n, value: unhex('abcd') }] },
    },
  ])('a final payload is read and written: $what', ({ wire, payload }) => {
    expect(hex(writeFinal(payload))).toBe(wire);
    expect(readFinal(unhex(wire))).toEqual({ accept: { custom: [], ...payload } });
  });

  test.each([
    { what: 'a next channel', wire: '0200040006080000000000000001', type: 6n, offset: 4 },
    { what: 'a blinded route', wire: '020004000a01aa', type: 10n, offset: 4 },
    { what: 'a path key', wire: `020004000c21${'02'.repeat(33)}`, type: 12n, offset: 4 },
    { what: 'the total of a blinded route', wire: '020004001200', type: 18n, offset: 4 },
    { what: 'a payment_secret of 31 bytes', wire: `02000400081f${'11'.repeat(31)}`, type: 8n, offset: 4 },
    { what: 'a total of nine bytes', wire: `020004000829${'11'.repeat(41)}`, type: 8n, offset: 4 },
    { what: 'a set_id cut short', wire: `020004000e3f${'11'.repeat(63)}`, type: 14n, offset: 4 },
    { what: 'a child index with a leading zero', wire: `020004000e41${'11'.repeat(64)}00`, type: 14n, offset: 4 },
    { what: 'a child index of five bytes', wire: `020004000e45${'11'.repeat(69)}`, type: 14n, offset: 4 },
    {
      what: 'a preimage of 31 bytes',
      wire: `02000400ff0000000146c6616c1f${'11'.repeat(31)}`,
      type: 5482373484n,
      offset: 4,
    },
    { what: 'nothing at all', wire: '', type: 2n, offset: 0 },
  ])('a final payload with $what is refused, with type and offset', ({ wire, type, offset }) => {
    expect(readFinal(unhex(wire))).toEqual({ refuse: { name: 'invalid_onion_payload', type, offset } });
  });
});

describe('a forwarder’s payload', () => {
  const payload = { shortChannelId: shortChannelId(1n), ...zero };

  test('the payload of a forwarder is read and written', () => {
    expect(hex(writeForward(payload))).toBe('0200040006080000000000000001');
    expect(readForward(unhex('0200040006080000000000000001'))).toEqual({ accept: { ...payload, custom: [] } });
  });

  test('with record 14 is refused, as lnd refuses it', () => {
    expect(readForward(unhex(fixture('intermediate hop with amp')))).toEqual({
      refuse: { name: 'invalid_onion_payload', type: 14n, offset: 14 },
    });
  });

  test.each([
    ['before', 0],
    ['behind', 1],
  ])('with record 14 cannot stand %s blobs of an AMP for the same node: one HTLC is one or the other', (_, place) => {
    const [nodeKey, sessionKey] = [secretKey(new Uint8Array(32).fill(7)), secretKey(new Uint8Array(32).fill(9))];
    const amp = { share: zeros(32), setId: new Uint8Array(32).fill(1), childIndex: 1 };
    const paymentData = { paymentSecret: zeros(32), totalMsat: msat(1n) };
    const extra = { protocol: 1, paymentId: zeros(11), blobs: [zeros(65)] };
    const data: HopData[] = [
      { kind: 'tlv', stream: writeFinal({ ...zero, paymentData, amp }) },
      { kind: 'frame', frame: { ...payload, extra } },
    ];
    const hops = (place === 0 ? data : data.reverse()).map((one) => ({ node: pointOf(nodeKey), data: one }));
    const { packet } = construct({ sessionKey, associatedData: zeros(32), hops });
    const protocols = ampProtocols(schemes);
    const read = readHop(protocols, peel({ nodeKey, packet, associatedData: zeros(32) }));
    expect(read).toMatchObject({ kind: 'refused', failure: { name: 'invalid_onion_payload' } });
  });

  test('inside a blinded route is refused without saying why', () => {
    const key = '0c210279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798';
    expect(readForward(unhex(`0a01aa${key}`))).toMatchObject({ refuse: { name: 'invalid_onion_blinding' } });
    // Without a key nobody can tell that it is one.
    expect(readForward(unhex('0a01aa'))).toMatchObject({ refuse: { name: 'invalid_onion_payload' } });
  });

  test('a payload with a custom record of a type that the payload has already cannot be written', () => {
    expect(() => writeForward({ ...payload, custom: [{ type: 6n, value: unhex('00') }] })).toThrow('repeats');
  });
});
