/** What holds for every onion: hops of all kinds in any order, any damage, any size. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { construct, hopSize } from '../../onion/construct.ts';
import { OnionError } from '../../onion/errors.ts';
import { HOPS_LENGTH, type HopData, type OnionHop, PACKET_LENGTH } from '../../onion/packet.ts';
import { peel } from '../../onion/peel.ts';
import { hex, zeros } from '../../wire/bytes.ts';
import { isPoint, pointOf, sha256 } from '../../wire/crypto.ts';
import { msat, secretKey, shortChannelId } from '../../wire/units.ts';
import { bytesOf, key, route } from './arbitrary.ts';

const nodeKey = secretKey(new Uint8Array(32).fill(7));
const sessionKey = secretKey(new Uint8Array(32).fill(9));
const associatedData = new Uint8Array(32).fill(1);
const plain: HopData = {
  kind: 'frame',
  frame: { shortChannelId: shortChannelId(1n), amtToForward: msat(2n), outgoingCltvValue: 3, extra: undefined },
};
const hopOf = (data: HopData): OnionHop => ({ node: pointOf(nodeKey), data });
const faultOf = (build: () => unknown): unknown => {
  try {
    build();
  } catch (error) {
    if (error instanceof OnionError) return error.fault;
    throw error;
  }
  return undefined;
};

describe('any onion', () => {
  test('any onion gives every hop what its sender wrote, and the last hop nothing to forward', () => {
    fc.assert(
      fc.property(route(8), ({ nodeKeys, ...input }) => {
        const built = construct(input);
        expect(built.packet.length).toBe(PACKET_LENGTH);
        let packet = built.packet;
        const tags = nodeKeys.map((nodeKey, i) => {
          const peeled = peel({ nodeKey, packet, associatedData: input.associatedData });
          if (peeled.kind !== 'forward' && peeled.kind !== 'final') throw new Error(peeled.failure.name);
          expect(peeled.kind).toBe(i === nodeKeys.length - 1 ? 'final' : 'forward');
          expect(peeled.data).toEqual(input.hops[i]?.data);
          expect(peeled.sharedSecret).toEqual(built.sharedSecrets[i]);
          if (peeled.kind === 'forward') packet = peeled.next;
          return hex(peeled.replayTag);
        });
        expect(new Set(tags).size).toBe(nodeKeys.length);
      }),
      { numRuns: 60 },
    );
  });

  test('is refused with the right code when any bit is flipped, and the hash is that of what came', () => {
    const { packet } = construct({ sessionKey, associatedData, hops: [hopOf(plain)] });
    const position = fc.oneof(
      fc.nat({ max: 8 * PACKET_LENGTH - 1 }),
      // Version and key are a fortieth of the packet; give them half of the tries.
      fc.nat({ max: 8 * 34 - 1 }),
    );
    fc.assert(
      fc.property(position, (bit) => {
        const damaged = Uint8Array.from(packet);
        const at = bit >> 3;
        damaged[at] = (damaged[at] ?? 0) ^ (1 << (bit & 7));
        const inKey = at > 0 && at < 34;
        const name =
          at === 0
            ? 'invalid_onion_version'
            : inKey && !isPoint(damaged.slice(1, 34))
              ? 'invalid_onion_key'
              : 'invalid_onion_hmac';
        expect(peel({ nodeKey, packet: damaged, associatedData })).toEqual({
          kind: 'malformed',
          failure: { name, sha256_of_onion: sha256(damaged) },
        });
      }),
      { numRuns: 200 },
    );
  });

  test('is refused for another payment hash, another node, and when it is not an onion at all', () => {
    const { packet } = construct({ sessionKey, associatedData, hops: [hopOf(plain)] });
    const hmac = { kind: 'malformed', failure: { name: 'invalid_onion_hmac', sha256_of_onion: sha256(packet) } };
    expect(peel({ nodeKey, packet, associatedData: zeros(32) })).toEqual(hmac);
    expect(peel({ nodeKey: sessionKey, packet, associatedData })).toEqual(hmac);
    fc.assert(
      fc.property(bytesOf(PACKET_LENGTH), key, (garbage, nodeKey) => {
        expect(peel({ nodeKey, packet: garbage, associatedData }).kind).toBe('malformed');
      }),
      { numRuns: 30 },
    );
  });

  test('any onion has the same replay tag when it is peeled twice', () => {
    const { packet } = construct({ sessionKey, associatedData, hops: [hopOf(plain)] });
    expect(peel({ nodeKey, packet, associatedData })).toEqual(peel({ nodeKey, packet, associatedData }));
  });
});

describe('sizes', () => {
  const stream = (length: number): HopData => ({ kind: 'tlv', stream: new Uint8Array(length).fill(3) });

  test.each([
    { what: 'a frame', data: plain, size: 65 },
    { what: 'the shortest TLV payload', data: stream(2), size: 35 },
    { what: 'the longest TLV payload with a one-byte length', data: stream(252), size: 285 },
    { what: 'a TLV payload with a three-byte length', data: stream(253), size: 288 },
  ])('in an onion $what takes $size bytes', ({ data, size }) => {
    expect(hopSize(data)).toBe(size);
    const { packet } = construct({ sessionKey, associatedData, hops: [hopOf(data)], hopsLength: size });
    expect(peel({ nodeKey, packet, associatedData, hopsLength: size })).toMatchObject({ kind: 'final', data });
  });

  test('hop data of 1300 bytes fit an onion, and of 1301 do not', () => {
    const fill = (last: number) => [...Array<HopData>(18).fill(plain), stream(last)].map(hopOf);
    const fits = fill(HOPS_LENGTH - 18 * 65 - 33);
    expect(fits.reduce((sum, { data }) => sum + hopSize(data), 0)).toBe(HOPS_LENGTH);
    expect(construct({ sessionKey, associatedData, hops: fits }).packet.length).toBe(PACKET_LENGTH);
    expect(faultOf(() => construct({ sessionKey, associatedData, hops: fill(HOPS_LENGTH - 18 * 65 - 32) }))).toEqual({
      code: 'too_large',
      size: 1301,
      limit: 1300,
    });
  });

  const extra = (blobs: number, more: object = {}): HopData => ({
    kind: 'frame',
    frame: {
      ...plain.frame,
      extra: { protocol: 1, paymentId: zeros(11), blobs: Array(blobs).fill(zeros(65)), ...more },
    },
  });
  test.each([
    { what: 'no hops', hops: [], fault: { code: 'no_hops' } },
    { what: '21 frames', hops: Array(21).fill(plain), fault: { code: 'too_large', size: 1365, limit: 1300 } },
    { what: 'a frame with 17 blobs', hops: [extra(17)], fault: { code: 'blob_count', count: 17 } },
    { what: 'an extra part without blobs', hops: [extra(0)], fault: { code: 'blob_count', count: 0 } },
    { what: 'a short blob', hops: [extra(1, { blobs: [zeros(64)] })], fault: { code: 'blob_length', length: 64 } },
    { what: 'protocol 0', hops: [extra(1, { protocol: 0 })], fault: { code: 'protocol_range', protocol: 0 } },
    { what: 'protocol 16', hops: [extra(1, { protocol: 16 })], fault: { code: 'protocol_range', protocol: 16 } },
    {
      what: 'a payment_id of 12 bytes',
      hops: [extra(1, { paymentId: zeros(12) })],
      fault: { code: 'payment_id_length', length: 12 },
    },
    { what: 'a TLV payload of one byte', hops: [stream(1)], fault: { code: 'payload_length', length: 1 } },
    { what: 'an empty TLV payload', hops: [stream(0)], fault: { code: 'payload_length', length: 0 } },
  ])('an onion of $what cannot be built', ({ hops, fault }) => {
    expect(faultOf(() => construct({ sessionKey, associatedData, hops: hops.map(hopOf) }))).toEqual(fault);
  });

  test('building or peeling an onion with padding or a packet of another length throws OnionError', () => {
    const hops = [hopOf(plain)];
    expect(faultOf(() => construct({ sessionKey, associatedData, hops, padding: zeros(1299) }))).toEqual({
      code: 'padding_length',
      length: 1299,
      expected: 1300,
    });
    expect(faultOf(() => peel({ nodeKey, packet: zeros(1365), associatedData }))).toEqual({
      code: 'packet_length',
      length: 1365,
      expected: 1366,
    });
  });

  test('16 blobs, the most that a signal can announce, reach one hop', () => {
    const { packet } = construct({ sessionKey, associatedData, hops: [hopOf(plain), hopOf(extra(16))] });
    const first = peel({ nodeKey, packet, associatedData });
    if (first.kind !== 'forward') throw new Error(first.kind);
    expect(peel({ nodeKey, packet: first.next, associatedData })).toMatchObject({ kind: 'final', data: extra(16) });
  });
});
