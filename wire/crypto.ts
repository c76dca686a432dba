/**
 * All cryptography of the program. It uses two backends, one for the curve and one for symmetric functions, which are chosen when the
 * program starts; all backends give the same results, which one test suite compares with the reference.
 */
import type { Curve, Symmetric } from './crypto/backend.ts';
import { type Backends, chosen, curveNamed, symmetricNamed } from './crypto/choose.ts';
import type { Point, SecretKey, Signature } from './units.ts';

export { BackendError, type Backends, curveNames } from './crypto/choose.ts';
export { verifySchnorr } from './crypto/noble.ts';

let curve: Curve;
let symmetric: Symmetric;

/** The backends in use, for `getinfo` and the log. */
export const backends = (): Backends => ({ curve: curve.name, symmetric: symmetric.name });

/**
 * Switches to these backends and returns the previous ones: for tests and benches, which compare backends within one process. Throws
 * BackendError where one cannot be loaded; then nothing has changed.
 */
export const useBackends = (choice: Partial<Backends>): Backends => {
  const before = backends();
  const next = curveNamed(choice.curve ?? before.curve);
  symmetric = symmetricNamed(choice.symmetric ?? before.symmetric);
  curve = next;
  return before;
};

/**
 * Switches to the backends that AMPERE_CRYPTO names (`native`, `wasm` or `noble`), or without it to the fastest that load. Done once when
 * the program starts. Throws BackendError for a backend that cannot be loaded.
 */
export const selectBackends = (env: Readonly<Record<string, string | undefined>>): Backends => {
  const choice = chosen(env);
  curve = curveNamed(choice.curve);
  symmetric = symmetricNamed(choice.symmetric);
  return choice;
};

selectBackends(process.env);

/** True for 32 bytes in 1..n-1. */
export const isSecretKey = (bytes: Uint8Array): bytes is SecretKey => curve.isSecretKey(bytes);
/** True for 33 bytes that are a compressed point on the curve. */
export const isPoint = (bytes: Uint8Array): bytes is Point => curve.isPoint(bytes);
/** secret × G. Throws RangeError outside 1..n-1. */
export const pointOf = (secret: SecretKey): Point => curve.pointOf(secret);
/** point × scalar, in constant time where the backend can. Throws RangeError for an invalid point or scalar. */
export const multiply = (point: Point, scalar: SecretKey): Point => curve.multiply(point, scalar);
/** a + b. Throws RangeError for an invalid point, and when b is -a. */
export const addPoints = (a: Point, b: Point): Point => curve.addPoints(a, b);
/** (a + b) mod n. Throws RangeError for an invalid scalar, and when b is -a. */
export const addSecrets = (a: SecretKey, b: SecretKey): SecretKey => curve.addSecrets(a, b);
/** (a × b) mod n. Throws RangeError for an invalid scalar. */
export const multiplySecrets = (a: SecretKey, b: SecretKey): SecretKey => curve.multiplySecrets(a, b);
/** BOLT 4 and BOLT 8's ECDH: SHA-256 of the compressed point × secret, 32 bytes. Throws RangeError as `multiply` does. */
export const ecdh = (point: Point, secret: SecretKey): Uint8Array => curve.ecdh(point, secret);
/** RFC 6979 ECDSA over a 32-byte digest, low S. Throws RangeError for another digest length or an invalid secret. */
export const sign = (digest: Uint8Array, secret: SecretKey): Signature => curve.sign(digest, secret);
/** False for a wrong, high-S or malformed signature, an invalid point or another length; never throws. */
export const verify = (signature: Signature, digest: Uint8Array, point: Point): boolean =>
  curve.verify(signature, digest, point);
/** As `sign`, with the recovery id 0..3 that BOLT 11 appends. */
export const signRecoverable = (
  digest: Uint8Array,
  secret: SecretKey,
): { readonly signature: Signature; readonly recovery: number } => curve.signRecoverable(digest, secret);
/** The signer's point; undefined when the signature belongs to none. A high S is accepted, as in libsecp256k1. */
export const recover = (signature: Signature, recovery: number, digest: Uint8Array): Point | undefined =>
  curve.recover(signature, recovery, digest);

/** SHA-256 of all parts one after the other, 32 bytes. */
export const sha256 = (...parts: readonly Uint8Array[]): Uint8Array => symmetric.sha256(...parts);
/** Bitcoin's double SHA-256, 32 bytes. */
export const hash256 = (...parts: readonly Uint8Array[]): Uint8Array => symmetric.sha256(symmetric.sha256(...parts));
/** HMAC-SHA256 (RFC 2104) of all parts one after the other, 32 bytes. */
export const hmacSha256 = (key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array =>
  symmetric.hmacSha256(key, ...parts);
/** HMAC-SHA512 (RFC 2104) of all parts one after the other, 64 bytes. */
export const hmacSha512 = (key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array =>
  symmetric.hmacSha512(key, ...parts);
/** RIPEMD-160, 20 bytes. */
export const ripemd160 = (bytes: Uint8Array): Uint8Array => symmetric.ripemd160(bytes);
/** PBKDF2 with HMAC-SHA512 (RFC 8018), 64 bytes: what makes a seed of the words of BIP 39. */
export const pbkdf2 = (password: Uint8Array, salt: Uint8Array, rounds: number): Uint8Array =>
  symmetric.pbkdf2(password, salt, rounds);
/** Bitcoin's RIPEMD-160 of SHA-256, 20 bytes. */
export const hash160 = (bytes: Uint8Array): Uint8Array => symmetric.ripemd160(symmetric.sha256(bytes));
/** `length` bytes of the IETF ChaCha20 stream, counter 0 and a 12-byte zero nonce (BOLT 4). Key 32 bytes. */
export const chacha20Stream = (key: Uint8Array, length: number): Uint8Array => symmetric.chacha20Stream(key, length);
/** ChaCha20-Poly1305 (RFC 8439): ciphertext followed by the 16-byte tag. Key 32 bytes, nonce 12. */
export const seal = (key: Uint8Array, nonce: Uint8Array, additional: Uint8Array, plain: Uint8Array): Uint8Array =>
  symmetric.seal(key, nonce, additional, plain);
/** The plaintext, or undefined where the tag is invalid. Key 32 bytes, nonce 12. */
export const open = (
  key: Uint8Array,
  nonce: Uint8Array,
  additional: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | undefined => symmetric.open(key, nonce, additional, sealed);
