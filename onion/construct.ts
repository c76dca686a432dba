/**
 * BOLT 4, "Packet Construction", with hops of any size: the last hop's data is written first, and each hop before it
 * pushes what is there to the right, writes its own in front and covers all with its stream.
 */
import { concat, zeros } from '../wire/bytes.ts';
import { encode } from '../wire/codec.ts';
import { chacha20Stream, hmacSha256 } from '../wire/crypto.ts';
import { bigsize } from '../wire/tlv.ts';
import type { SecretKey } from '../wire/units.ts';
import { frameSize, HMAC_LENGTH, writeFrame } from './eobframe.ts';
import { OnionError } from './errors.ts';
import { generateFiller, xorInto } from './filler.ts';
import { generateKey, hopSecrets } from './keys.ts';
import { type BuiltOnion, type ConstructInput, HOPS_LENGTH, type HopData } from './packet.ts';

const VERSION = Uint8Array.of(0);

const lengthPrefix = (stream: Uint8Array): Uint8Array => encode(bigsize, BigInt(stream.length));

/** Bytes a hop takes in `hops_data`: its data, length prefix or blobs, and HMAC. Their sum must not pass 1300. */
export const hopSize = (data: HopData): number =>
  data.kind === 'frame' ? frameSize(data.frame) : lengthPrefix(data.stream).length + data.stream.length + HMAC_LENGTH;

/** A hop's bytes in `hops_data`, with the HMAC of the packet that the next hop gets. Throws OnionError. */
const writeHop = (data: HopData, hmac: Uint8Array): Uint8Array => {
  if (data.kind === 'frame') return writeFrame(data.frame, hmac);
  // A prefix of 0 would read as realm 0, and 1 is reserved.
  if (data.stream.length < 2) throw new OnionError({ code: 'payload_length', length: data.stream.length });
  return concat(lengthPrefix(data.stream), data.stream, hmac);
};

const initialPadding = (sessionKey: SecretKey, given: Uint8Array | undefined, hopsLength: number): Uint8Array => {
  const padding = given ?? chacha20Stream(generateKey('pad', sessionKey), hopsLength);
  if (padding.length !== hopsLength)
    throw new OnionError({ code: 'padding_length', length: padding.length, expected: hopsLength });
  return Uint8Array.from(padding);
};

/**
 * The onion for a route, and what opens the failures that come back. Throws OnionError when the hops' data do not fit or
 * are malformed, RangeError when a node is not a point on the curve.
 */
export const construct = (input: ConstructInput): BuiltOnion => {
  const { sessionKey, associatedData, hops, hopsLength = HOPS_LENGTH } = input;
  const sizes = hops.map(({ data }) => hopSize(data));
  const size = sizes.reduce((sum, n) => sum + n, 0);
  if (size > hopsLength) throw new OnionError({ code: 'too_large', size, limit: hopsLength });

  const secrets = hopSecrets(
    sessionKey,
    hops.map(({ node }) => node),
  );
  const first = secrets[0];
  if (first === undefined) throw new OnionError({ code: 'no_hops' });
  const keyed = hops.map(({ data }, i) => {
    const sharedSecret = secrets[i]?.sharedSecret ?? zeros(0);
    const size = sizes[i] ?? 0;
    // The last hop's stream never reaches the filler.
    const reach = i === hops.length - 1 ? hopsLength : hopsLength + size;
    return {
      data,
      size,
      stream: chacha20Stream(generateKey('rho', sharedSecret), reach),
      mu: generateKey('mu', sharedSecret),
    };
  });
  const filler = generateFiller(
    sizes.slice(0, -1),
    keyed.map(({ stream }) => stream),
    hopsLength,
  );

  const hopsData = initialPadding(sessionKey, input.padding, hopsLength);
  let hmac = zeros(HMAC_LENGTH);
  for (const [hopsBehind, { data, size, stream, mu }] of keyed.toReversed().entries()) {
    hopsData.copyWithin(size, 0);
    hopsData.set(writeHop(data, hmac));
    xorInto(hopsData, stream, 0, hopsLength);
    if (hopsBehind === 0) hopsData.set(filler, hopsLength - filler.length);
    hmac = hmacSha256(mu, hopsData, associatedData);
  }
  return {
    packet: concat(VERSION, first.ephemeralKey, hopsData, hmac),
    sharedSecrets: secrets.map(({ sharedSecret }) => sharedSecret),
  };
};
