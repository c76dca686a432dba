/**
 * BOLT 4, "Onion Decryption" at one hop. The HMAC is checked before anything is decrypted, so all bytes read afterwards are the
 * sender's; a packet that cannot be authenticated gets a BADONION answer instead of an encrypted one.
 */
import { concat, equalConstantTime, zeros } from '../wire/bytes.ts';
import { Reader, WireError } from '../wire/codec.ts';
import { chacha20Stream, ecdh, hmacSha256, multiply, sha256 } from '../wire/crypto.ts';
import { bigsize } from '../wire/tlv.ts';
import { type Point, point, type SecretKey } from '../wire/units.ts';
import { HMAC_LENGTH, readFrame } from './eobframe.ts';
import { OnionError } from './errors.ts';
import { invalidSignal, malformed, type Reading } from './failuremessages.ts';
import { xorInto } from './filler.ts';
import { blindingFactor, generateKey } from './keys.ts';
import { HOPS_LENGTH, type HopData, OVERHEAD, type Peeled, type PeelInput } from './packet.ts';

const VERSION = 0;
const HOPS_AT = OVERHEAD - HMAC_LENGTH;

interface HopRead {
  readonly data: HopData;
  readonly hmac: Uint8Array;
  readonly size: number;
}

const invalidPayload = { refuse: { name: 'invalid_onion_payload', type: 0n, offset: 0 } } as const;

/** A length-prefixed TLV payload at the front of `plain`; it and its HMAC must end within `limit` bytes. */
const readStream = (plain: Uint8Array, limit: number): Reading<HopRead> => {
  const r = new Reader(plain.subarray(0, limit));
  try {
    const length = bigsize.read(r);
    if (length < 2n) return invalidPayload; // 1 is reserved
    const stream = r.bytes(Number(length));
    return { accept: { data: { kind: 'tlv', stream }, hmac: r.bytes(HMAC_LENGTH), size: limit - r.left } };
  } catch (error) {
    if (error instanceof WireError) return invalidPayload;
    throw error;
  }
};

/** A first byte of zero is the old realm; anything else is the length of a TLV payload. */
const readHop = (plain: Uint8Array, limit: number): Reading<HopRead> => {
  if (plain[0] !== 0) return readStream(plain, limit);
  const read = readFrame(plain, limit);
  if (read.kind === 'malformed') return invalidSignal;
  return { accept: { data: { kind: 'frame', frame: read.frame }, hmac: read.hmac, size: read.size } };
};

/** The secret shared with the sender, and its ephemeral key; undefined when the key is not a point on the curve. */
const share = (key: Uint8Array, nodeKey: SecretKey): { ephemeralKey: Point; sharedSecret: Uint8Array } | undefined => {
  try {
    const ephemeralKey = point(key);
    return { ephemeralKey, sharedSecret: ecdh(ephemeralKey, nodeKey) };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
};

/**
 * Removes one layer of a packet. No contents of the packet make it throw; OnionError is thrown for a packet of another length than
 * `hopsLength` demands.
 */
export const peel = (input: PeelInput): Peeled => {
  const { nodeKey, packet, hopsLength = HOPS_LENGTH } = input;
  if (packet.length !== OVERHEAD + hopsLength)
    throw new OnionError({ code: 'packet_length', length: packet.length, expected: OVERHEAD + hopsLength });
  if (packet[0] !== VERSION) return { kind: 'malformed', failure: malformed('invalid_onion_version', packet) };

  const shared = share(packet.slice(1, HOPS_AT), nodeKey);
  if (shared === undefined) return { kind: 'malformed', failure: malformed('invalid_onion_key', packet) };
  return peelShared({ ...input, ...shared });
};

/** The same for who knows the shared secret of the hop and the ephemeral key: the hop, or the sender (`hopSecrets`). */
export const peelShared = (
  input: Omit<PeelInput, 'nodeKey'> & { readonly ephemeralKey: Point; readonly sharedSecret: Uint8Array },
): Peeled => {
  const { packet, associatedData, ephemeralKey, sharedSecret, hopsLength = HOPS_LENGTH } = input;
  const hopsData = packet.subarray(HOPS_AT, HOPS_AT + hopsLength);
  const hmac = hmacSha256(generateKey('mu', sharedSecret), hopsData, associatedData);
  if (!equalConstantTime(hmac, packet.subarray(HOPS_AT + hopsLength)))
    return { kind: 'malformed', failure: malformed('invalid_onion_hmac', packet) };

  // As many zeros are appended as the hop may remove in front: they become the tail that hides the length of the route.
  const plain = chacha20Stream(generateKey('rho', sharedSecret), 2 * hopsLength);
  xorInto(plain, hopsData, 0, hopsLength);
  const opened = { sharedSecret, replayTag: sha256(sharedSecret) };
  const read = readHop(plain, hopsLength);
  if ('refuse' in read) return { kind: 'refused', failure: read.refuse, ...opened };

  const { data, hmac: nextHmac, size } = read.accept;
  if (equalConstantTime(nextHmac, zeros(HMAC_LENGTH))) return { kind: 'final', data, ...opened };
  const nextKey = multiply(ephemeralKey, blindingFactor(ephemeralKey, sharedSecret));
  const next = concat(Uint8Array.of(VERSION), nextKey, plain.subarray(size, size + hopsLength), nextHmac);
  return { kind: 'forward', data, next, ...opened };
};
