/**
 * What a cryptographic backend must offer. Two independent choices: the curve (native binding, wasm, @noble) and the
 * symmetric part (node:crypto, @noble). Every backend passes one suite against the @noble reference.
 */
import type { Point, SecretKey, Signature } from '../units.ts';

/** secp256k1. Throws RangeError for a scalar outside 1..n-1, a point off the curve, or a result at infinity. */
export interface Curve {
  readonly name: 'native' | 'wasm' | 'noble';
  /** True for 32 bytes in 1..n-1. */
  isSecretKey(bytes: Uint8Array): boolean;
  /** True for 33 bytes that are a compressed point on the curve. */
  isPoint(bytes: Uint8Array): boolean;
  /** secret × G. */
  pointOf(secret: SecretKey): Point;
  /** point × scalar, in constant time. */
  multiply(point: Point, scalar: SecretKey): Point;
  /** a + b. */
  addPoints(a: Point, b: Point): Point;
  /** (a + b) mod n, 32 bytes. */
  addSecrets(a: SecretKey, b: SecretKey): SecretKey;
  /** (a × b) mod n, 32 bytes. */
  multiplySecrets(a: SecretKey, b: SecretKey): SecretKey;
  /** SHA-256 of the compressed point × secret (BOLT 4 and BOLT 8's ECDH), 32 bytes, in constant time. */
  ecdh(point: Point, secret: SecretKey): Uint8Array;
  /** RFC 6979 ECDSA over a 32-byte digest, low S. */
  sign(digest: Uint8Array, secret: SecretKey): Signature;
  /** False for a wrong, high-S or malformed signature; never throws on 64, 32 and 33 byte inputs. */
  verify(signature: Signature, digest: Uint8Array, point: Point): boolean;
  /** As sign, with the recovery id 0..3 that BOLT 11 appends. */
  signRecoverable(digest: Uint8Array, secret: SecretKey): { readonly signature: Signature; readonly recovery: number };
  /** The signer's point; undefined when the signature belongs to none. */
  recover(signature: Signature, recovery: number, digest: Uint8Array): Point | undefined;
}

/** Hashes, MACs, streams and AEAD. */
export interface Symmetric {
  readonly name: 'node' | 'noble';
  sha256(...parts: readonly Uint8Array[]): Uint8Array;
  hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array;
  /** 64 bytes. */
  hmacSha512(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array;
  ripemd160(bytes: Uint8Array): Uint8Array;
  /** PBKDF2 with HMAC-SHA512 (RFC 8018), 64 bytes. */
  pbkdf2(password: Uint8Array, salt: Uint8Array, rounds: number): Uint8Array;
  /** `length` bytes of the IETF ChaCha20 stream, counter 0, 12-byte zero nonce (BOLT 4). Key 32 bytes. */
  chacha20Stream(key: Uint8Array, length: number): Uint8Array;
  /** ChaCha20-Poly1305 (RFC 8439): ciphertext followed by the 16-byte tag. Key 32 bytes, nonce 12. */
  seal(key: Uint8Array, nonce: Uint8Array, additional: Uint8Array, plain: Uint8Array): Uint8Array;
  /** The plaintext, or undefined when the tag does not fit. */
  open(key: Uint8Array, nonce: Uint8Array, additional: Uint8Array, sealed: Uint8Array): Uint8Array | undefined;
}
