/**
 * BOLT 4, "Key Generation", "Shared Secret" and "Blinding Ephemeral Onion Keys": derives the shared secret of each hop from a session key
 * and the nodes of a route, and the keys of each use from a shared secret.
 */
import { utf8 } from '../wire/bytes.ts';
import { ecdh, hmacSha256, isSecretKey, multiplySecrets, pointOf, sha256 } from '../wire/crypto.ts';
import { type Point, type SecretKey, secretKey } from '../wire/units.ts';

const labels = {
  /** Stream over `hops_data`. */
  rho: utf8('rho'),
  /** HMAC of the packet. */
  mu: utf8('mu'),
  /** HMAC of a returning failure. */
  um: utf8('um'),
  /** Stream over a returning failure. */
  ammag: utf8('ammag'),
  /** Stream that `hops_data` starts from. */
  pad: utf8('pad'),
} as const;

/** The 32-byte key for one use of a 32-byte secret; the label is the HMAC's key and the secret its message. */
export const generateKey = (use: keyof typeof labels, secret: Uint8Array): Uint8Array =>
  hmacSha256(labels[use], secret);

/** The factor by which a hop blinds the ephemeral key, 32 bytes. Throws RangeError for a zero scalar, which never occurs in practice. */
export const blindingFactor = (ephemeralKey: Point, sharedSecret: Uint8Array): SecretKey =>
  secretKey(sha256(ephemeralKey, sharedSecret));

/** The session key that 32 bytes stand for. Bytes that are no scalar have never been seen; hashed again they are one. */
export const sessionKeyFrom = (bytes: Uint8Array): SecretKey => {
  let key = bytes;
  while (!isSecretKey(key)) key = sha256(key);
  return secretKey(key);
};

/** The sender's keys for one hop. */
export interface HopSecret {
  readonly ephemeralKey: Point;
  /** 32 bytes. */
  readonly sharedSecret: Uint8Array;
}

/**
 * Ephemeral key and shared secret of each hop, in order. The sender holds the private side, so it multiplies scalars where
 * the hops multiply points: one point and one ECDH a hop. Throws RangeError when a node is not a point on the curve.
 */
export const hopSecrets = (sessionKey: SecretKey, nodes: readonly Point[]): readonly HopSecret[] => {
  const out: HopSecret[] = [];
  let secret = sessionKey;
  for (const node of nodes) {
    const last = out.at(-1);
    if (last !== undefined) secret = multiplySecrets(secret, blindingFactor(last.ephemeralKey, last.sharedSecret));
    out.push({ ephemeralKey: pointOf(secret), sharedSecret: ecdh(node, secret) });
  }
  return out;
};
