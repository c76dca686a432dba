/**
 * The reference: secp256k1 by @noble/secp256k1, everything symmetric by @noble/hashes and @noble/ciphers. Pure JavaScript,
 * so it runs anywhere; its big integers are not constant-time in a strict sense, and a multiplication takes milliseconds.
 */
import { chacha20, chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { hmac } from '@noble/hashes/hmac.js';
import { ripemd160 } from '@noble/hashes/legacy.js';
import { pbkdf2 } from '@noble/hashes/pbkdf2.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import * as secp from '@noble/secp256k1';
import { concat } from '../bytes.ts';
import type { Point, SecretKey, Signature } from '../units.ts';
import type { Curve, Symmetric } from './backend.ts';
import { atInfinity, invalidDigest, invalidPoint, invalidScalar, mayRecover } from './faults.ts';
import { addScalars, multiplyScalars } from './scalars.ts';

secp.hashes.sha256 = sha256;
secp.hashes.hmacSha256 = (key, message) => hmac(sha256, key, message);

const decodePoint = (bytes: Uint8Array): secp.Point => {
  if (bytes.length !== 33) throw invalidPoint();
  try {
    return secp.Point.fromBytes(bytes);
  } catch {
    throw invalidPoint();
  }
};
const encodePoint = (point: secp.Point): Point => {
  if (point.is0()) throw atInfinity();
  return point.toBytes() as Point;
};
const isSecretKey = (bytes: Uint8Array): boolean => bytes.length === 32 && secp.utils.isValidSecretKey(bytes);
const decodeScalar = (bytes: Uint8Array): bigint => {
  if (!isSecretKey(bytes)) throw invalidScalar();
  return secp.etc.bytesToNumberBE(bytes);
};
const signRecovered = (digest: Uint8Array, secret: SecretKey): Uint8Array => {
  if (digest.length !== 32) throw invalidDigest();
  if (!isSecretKey(secret)) throw invalidScalar();
  return secp.sign(digest, secret, { prehash: false, format: 'recovered' });
};
const multiply = (point: Point, scalar: SecretKey): Point =>
  encodePoint(decodePoint(point).multiply(decodeScalar(scalar)));

export const nobleCurve: Curve = {
  name: 'noble',
  isSecretKey,
  isPoint: (bytes) => bytes.length === 33 && secp.utils.isValidPublicKey(bytes, true),
  pointOf: (secret) => encodePoint(secp.Point.BASE.multiply(decodeScalar(secret))),
  multiply,
  addPoints: (a, b) => encodePoint(decodePoint(a).add(decodePoint(b))),
  addSecrets: addScalars,
  multiplySecrets: multiplyScalars,
  ecdh: (point, secret) => sha256(multiply(point, secret)),
  sign: (digest, secret) => signRecovered(digest, secret).slice(1) as Signature,
  verify: (signature, digest, point) =>
    signature.length === 64 &&
    digest.length === 32 &&
    point.length === 33 &&
    secp.verify(signature, digest, point, { prehash: false, lowS: true }),
  signRecoverable: (digest, secret) => {
    const recovered = signRecovered(digest, secret);
    return { signature: recovered.slice(1) as Signature, recovery: recovered[0] ?? 0 };
  },
  recover: (signature, recovery, digest) => {
    if (!mayRecover(signature, recovery, digest)) return undefined;
    try {
      const recovered = concat(Uint8Array.of(recovery), signature);
      return secp.recoverPublicKey(recovered, digest, { prehash: false }) as Point;
    } catch {
      return undefined;
    }
  },
};

const NONCE = new Uint8Array(12);

export const nobleSymmetric: Symmetric = {
  name: 'noble',
  sha256: (...parts) => {
    const [only] = parts;
    return sha256(parts.length === 1 && only !== undefined ? only : concat(...parts));
  },
  hmacSha256: (key, ...parts) => {
    const mac = hmac.create(sha256, key);
    for (const part of parts) mac.update(part);
    return mac.digest();
  },
  hmacSha512: (key, ...parts) => hmac(sha512, key, concat(...parts)),
  ripemd160: (bytes) => ripemd160(bytes),
  pbkdf2: (password, salt, rounds) => pbkdf2(sha512, password, salt, { c: rounds, dkLen: 64 }),
  chacha20Stream: (key, length) => chacha20(key, NONCE, new Uint8Array(length)),
  seal: (key, nonce, additional, plain) => chacha20poly1305(key, nonce, additional).encrypt(plain),
  open: (key, nonce, additional, sealed) => {
    const cipher = chacha20poly1305(key, nonce, additional);
    try {
      return cipher.decrypt(sealed);
    } catch {
      return undefined;
    }
  },
};

/** BIP 340, which no node needs and only the embedded chain checks, whatever curve is chosen: false for a wrong or malformed signature (64 bytes), an x-only key (32 bytes) that is none, or another length; never throws. */
export const verifySchnorr = (signature: Uint8Array, digest: Uint8Array, key: Uint8Array): boolean => {
  if (signature.length !== 64 || digest.length !== 32 || key.length !== 32) return false;
  try {
    return secp.schnorr.verify(signature, digest, key);
  } catch {
    return false;
  }
};
