/**
 * libsecp256k1 through the N-API binding of the npm package secp256k1, version 5, which carries prebuilt binaries. The
 * package's main entry falls back to a slow JavaScript library without a word, so only its binding is loaded, and a
 * missing one is an error here.
 */
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import type { Point, SecretKey, Signature } from '../units.ts';
import type { Curve } from './backend.ts';
import { faultOf, invalidDigest, invalidPoint, invalidScalar, mayRecover } from './faults.ts';

/** The part of the package we call. Each throws Error on a wrong length, an invalid operand or an impossible result. */
interface Binding {
  contextRandomize(seed: Uint8Array): void;
  privateKeyVerify(secret: Uint8Array): boolean;
  privateKeyTweakAdd(secret: Uint8Array, tweak: Uint8Array): Uint8Array;
  privateKeyTweakMul(secret: Uint8Array, tweak: Uint8Array): Uint8Array;
  publicKeyVerify(point: Uint8Array): boolean;
  publicKeyCreate(secret: Uint8Array): Uint8Array;
  publicKeyCombine(points: readonly Uint8Array[]): Uint8Array;
  ecdsaSign(digest: Uint8Array, secret: Uint8Array): { signature: Uint8Array; recid: number };
  ecdsaVerify(signature: Uint8Array, digest: Uint8Array, point: Uint8Array): boolean;
  ecdsaRecover(signature: Uint8Array, recovery: number, digest: Uint8Array): Uint8Array;
  ecdh(
    point: Uint8Array,
    secret: Uint8Array,
    options?: {
      readonly hashfn: (x: Uint8Array, y: Uint8Array) => Uint8Array;
      readonly xbuf: Uint8Array;
      readonly ybuf: Uint8Array;
    },
    output?: Uint8Array,
  ): Uint8Array;
}

const PACKAGE = 'secp256k1';
const MAJOR = '5';

/** Loads the binding. Throws Error when the package, its major version or a binary for this machine is missing. */
export const loadNative = (): Curve => {
  const require = createRequire(import.meta.url);
  const { version } = require(`${PACKAGE}/package.json`) as { readonly version: string };
  if (version.split('.')[0] !== MAJOR) throw new Error(`found ${PACKAGE}@${version}, expected version ${MAJOR}`);
  return over(require(`${PACKAGE}/bindings.js`) as Binding);
};

const over = (binding: Binding): Curve => {
  // Blinds libsecp256k1's base point multiplications. No result depends on it.
  binding.contextRandomize(randomBytes(32));

  const isSecretKey = (bytes: Uint8Array): boolean => bytes.length === 32 && binding.privateKeyVerify(bytes);
  const isPoint = (bytes: Uint8Array): boolean => bytes.length === 33 && binding.publicKeyVerify(bytes);

  /** Runs a computation; when it throws, says which operand was at fault. */
  const attempt = <T>(points: readonly Uint8Array[], scalars: readonly Uint8Array[], run: () => T): T => {
    for (const point of points) if (point.length !== 33) throw invalidPoint();
    try {
      return run();
    } catch {
      throw faultOf({ isPoint, isSecretKey }, points, scalars);
    }
  };

  /**
   * The tweak multiplication of libsecp256k1 takes a time that depends on the scalar; its ECDH does not. So a product is
   * an ECDH whose "hash" writes down the compressed point.
   */
  const compress = (x: Uint8Array, y: Uint8Array): Uint8Array => {
    const out = new Uint8Array(33);
    out[0] = 2 | ((y[31] ?? 0) & 1);
    out.set(x, 1);
    return out;
  };

  /** The tweak functions work in place, and this libsecp256k1 lets pass a key not in 1..n-1 and a tweak of zero. */
  const copied = (a: SecretKey, b: SecretKey): Uint8Array => {
    if (!isSecretKey(a) || !isSecretKey(b)) throw invalidScalar();
    return Uint8Array.from(a);
  };

  const signRecoverable = (
    digest: Uint8Array,
    secret: SecretKey,
  ): { readonly signature: Signature; readonly recovery: number } => {
    if (digest.length !== 32) throw invalidDigest();
    const { signature, recid } = attempt([], [secret], () => binding.ecdsaSign(digest, secret));
    return { signature: signature as Signature, recovery: recid };
  };

  return {
    name: 'native',
    isSecretKey,
    isPoint,
    pointOf: (secret) => attempt([], [secret], () => binding.publicKeyCreate(secret)) as Point,
    multiply: (point, scalar) =>
      attempt([point], [scalar], () =>
        binding.ecdh(
          point,
          scalar,
          { hashfn: compress, xbuf: new Uint8Array(32), ybuf: new Uint8Array(32) },
          new Uint8Array(33),
        ),
      ) as Point,
    addPoints: (a, b) => attempt([a, b], [], () => binding.publicKeyCombine([a, b])) as Point,
    addSecrets: (a, b) => attempt([], [a, b], () => binding.privateKeyTweakAdd(copied(a, b), b)) as SecretKey,
    multiplySecrets: (a, b) => attempt([], [a, b], () => binding.privateKeyTweakMul(copied(a, b), b)) as SecretKey,
    ecdh: (point, secret) => attempt([point], [secret], () => binding.ecdh(point, secret)),
    sign: (digest, secret) => signRecoverable(digest, secret).signature,
    verify: (signature, digest, point) => {
      if (signature.length !== 64 || digest.length !== 32 || point.length !== 33) return false;
      try {
        return binding.ecdsaVerify(signature, digest, point);
      } catch {
        return false; // r or s not below n, or no point
      }
    },
    signRecoverable,
    recover: (signature, recovery, digest) => {
      if (!mayRecover(signature, recovery, digest)) return undefined;
      try {
        return binding.ecdsaRecover(signature, recovery, digest) as Point;
      } catch {
        return undefined;
      }
    },
  };
};
