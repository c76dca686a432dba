/** Onions that are authentic and still wrong: the sender gets an encrypted answer with BOLT 4's code. */
import { describe, expect, test } from 'vitest';
import { readHop } from '../../onion/eobprotocols.ts';
import { createFailure, readFailure } from '../../onion/failureonion.ts';
import { generateKey, hopSecrets } from '../../onion/keys.ts';
import { HOPS_LENGTH } from '../../onion/packet.ts';
import { peel } from '../../onion/peel.ts';
import { concat, unhex, xor, zeros } from '../../wire/bytes.ts';
import { chacha20Stream, hmacSha256, pointOf } from '../../wire/crypto.ts';
import { secretKey } from '../../wire/units.ts';

const nodeKey = secretKey(new Uint8Array(32).fill(7));
const sessionKey = secretKey(new Uint8Array(32).fill(9));
const associatedData = new Uint8Array(32).fill(1);

/** A packet with a right HMAC over hop data that construct() would not write, for a node that is not the last. */
const forge = (hop: Uint8Array, hopsLength: number) => {
  const secrets = hopSecrets(sessionKey, [pointOf(nodeKey)]);
  const first = secrets[0];
  if (first === undefined) throw new Error('no secret');
  const plain = concat(hop, new Uint8Array(hopsLength - hop.length).fill(0xee));
  const hopsData = xor(plain, chacha20Stream(generateKey('rho', first.sharedSecret), hopsLength));
  const hmac = hmacSha256(generateKey('mu', first.sharedSecret), hopsData, associatedData);
  return { packet: concat(zeros(1), first.ephemeralKey, hopsData, hmac), sharedSecret: first.sharedSecret };
};

const frame = (unused: string): string => `00${'11'.repeat(20)}${unused}${'22'.repeat(32)}`;
const realm = { name: 'invalid_realm' };
const signal = { name: 'invalid_onion_payload', type: 0n, offset: 21 };
const blinded = { name: 'invalid_onion_blinding', sha256_of_onion: zeros(32) };
const payload = (type = 0n, offset = 0) => ({ name: 'invalid_onion_payload', type, offset });

describe('an authentic onion is refused when its hop data are', () => {
  test.each([
    { what: 'blobs of no protocol', hop: frame(`10${'00'.repeat(11)}`), failure: signal },
    { what: 'sixteen blobs of no protocol', hop: frame(`f0${'00'.repeat(11)}`), failure: signal },
    { what: 'blobs of a protocol nobody registered', hop: frame(`0f${'00'.repeat(11)}`), failure: realm },
    { what: 'more blobs than the packet holds', hop: frame(`11${'00'.repeat(11)}`), length: 194, failure: signal },
    { what: 'a frame longer than the packet', hop: '00', length: 64, failure: signal },
    { what: 'a TLV payload of the reserved length 1', hop: '0102', failure: payload() },
    { what: 'a length not minimally encoded', hop: 'fd00fc', failure: payload() },
    { what: 'a length in four bytes that fits two', hop: 'fe00000400', failure: payload() },
    { what: 'a length beyond the packet', hop: 'fd0600', failure: payload() },
    { what: 'a length beyond any packet', hop: 'ffffffffffffffffff', failure: payload() },
    { what: 'a payload that leaves no room for the HMAC', hop: 'fd04f2', failure: payload() },
    { what: 'a payload that leaves just enough and is no stream', hop: 'fd04f1', failure: payload(0xeen) },
    { what: 'a length cut off by the end of the packet', hop: 'fd', length: 1, failure: payload() },
    { what: 'records out of order', hop: '060402aaaa0200', failure: payload(2n, 4) },
    { what: 'a record that repeats', hop: '060201aa0201aa', failure: payload(2n, 3) },
    { what: 'a record longer than the payload', hop: '050201aa0402', failure: payload(4n, 3) },
    { what: 'an unknown even record', hop: '050201aa6400', failure: payload(100n, 3) },
    { what: 'an amount not minimally encoded', hop: '04020200aa', failure: payload(2n, 0) },
    { what: 'an amount of nine bytes', hop: '0b0209010203040506070809', failure: payload(2n, 0) },
    { what: 'no amount', hop: '03040101', failure: payload(2n) },
    { what: 'no expiry', hop: '03020101', failure: payload(4n) },
    { what: 'no channel at a forwarder', hop: '06020101040101', failure: payload(6n) },
    { what: 'a channel id of seven bytes', hop: '0f020101040101060701020304050607', failure: payload(6n, 6) },
    {
      what: 'payment_data at a forwarder',
      hop: '0a0201010401010802aabb',
      failure: payload(8n, 6),
    },
    { what: 'record 14 at a forwarder', hop: '0a0201010401010e02aabb', failure: payload(14n, 6) },
    { what: 'payment_metadata at a forwarder', hop: '0a0201010401011002aabb', failure: payload(16n, 6) },
    { what: 'keysend at a forwarder', hop: '0bff0000000146c6616c00aabb', failure: payload(5482373484n, 0) },
    {
      what: 'a blinded route that begins here',
      hop: `260a01aa0c21${'02'.repeat(33)}`,
      failure: blinded,
    },
    {
      what: 'a blinded route that begins here, behind an amount that is wrong',
      hop: `2602020001 0c21${'02'.repeat(33)}`.replace(' ', '').replace('26', '27'),
      failure: blinded,
    },
    {
      what: 'a blinded route that begins here, behind a record that nobody knows',
      hop: `26080100 0c21${'02'.repeat(33)}`.replace(' ', ''),
      failure: blinded,
    },
    {
      what: 'a blinded route that begins here, before a record that is cut off',
      hop: `250c21${'02'.repeat(33)}1040`,
      failure: blinded,
    },
    { what: 'a blinded route that begins here with a key of two bytes', hop: '040c02aabb', failure: blinded },
    { what: 'what a blinded route hides, without its key', hop: '030a01aa', failure: payload(10n, 0) },
  ])('an authentic onion is refused when its hop data are $what', ({ what, hop, length = HOPS_LENGTH, failure }) => {
    const { packet, sharedSecret } = forge(unhex(hop), length);
    const read = readHop(new Map(), peel({ nodeKey, packet, associatedData, hopsLength: length }));
    expect(read, what).toMatchObject({ kind: 'refused', failure, sharedSecret });
    if (read.kind !== 'refused') throw new Error(read.kind);
    expect(readFailure([sharedSecret], createFailure(sharedSecret, read.failure))).toEqual({
      kind: 'attributed',
      hop: 0,
      failure,
    });
  });
});

test('blobs are never read from behind the end of the packet, even for a protocol that is known', () => {
  const known = { name: 'any', final: () => ({ accept: true }), forward: () => ({ accept: true }) };
  const hop = unhex(frame(`11${'00'.repeat(11)}`));
  const read = (hopsLength: number) => {
    const { packet } = forge(hop, hopsLength);
    return readHop(new Map([[1, known]]), peel({ nodeKey, packet, associatedData, hopsLength }));
  };
  expect(read(195)).toMatchObject({ kind: 'forward', note: { value: true } });
  expect(read(194)).toMatchObject({ kind: 'refused', failure: signal });
});
