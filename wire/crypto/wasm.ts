/**
 * libsecp256k1 compiled to WebAssembly by the npm package tiny-secp256k1: for machines without a native binary. It has no
 * ECDH and no product of scalars; below is what takes their place.
 */
import { createRequire } from 'node:module';
import type { Point, SecretKey, Signature } from '../units.ts';
import type { Curve } from './backend.ts';
import { builtinSymmetric } from './builtin.ts';
import { faultOf, invalidDigest, invalidPoint, invalidScalar, mayRecover } from './faults.ts';
import { nobleCurve } from './noble.ts';
import { multiplyScalars } from './scalars.ts';

/** The part of the package we call. Null is a result at infinity or zero; an invalid operand throws Error. */
interface Module {
  isPointCompressed(bytes: Uint8Array): boolean;
  isPrivate(bytes: Uint8Array): boolean;
  pointFromScalar(secret: Uint8Array, compressed: true): Uint8Array | null;
  pointAdd(a: Uint8Array, b: Uint8Array, compressed: true): Uint8Array | null;
  pointMultiply(point: Uint8Array, scalar: Uint8Array, compressed: true): Uint8Array | null;
  privateAdd(a: Uint8Array, b: Uint8Array): Uint8Array | null;
  privateSub(a: Uint8Array, b: Uint8Array): Uint8Array | null;
  sign(digest: Uint8Array, secret: Uint8Array): Uint8Array;
  signRecoverable(digest: Uint8Array, secret: Uint8Array): { signature: Uint8Array; recoveryId: number };
  verify(digest: Uint8Array, point: Uint8Array, signature: Uint8Array, strict: true): boolean;
  recover(digest: Uint8Array, signature: Uint8Array, recovery: number, compressed: true): Uint8Array | null;
}

/** Loads and compiles the module. Throws Error when the package is missing or WebAssembly is switched off. */
export const loadWasm = (): Curve => over(createRequire(import.meta.url)('tiny-secp256k1') as Module);

const over = (wasm: Module): Curve => {
  const { isPrivate: isSecretKey, isPointCompressed: isPoint } = wasm;

  const attempt = (
    points: readonly Uint8Array[],
    scalars: readonly Uint8Array[],
    run: () => Uint8Array | null,
  ): Uint8Array => {
    for (const point of points) if (point.length !== 33) throw invalidPoint();
    try {
      const result = run();
      if (result !== null) return result;
    } catch {
      // falls through to the same question as null
    }
    throw faultOf({ isPoint, isSecretKey }, points, scalars);
  };

  /**
   * The only product with a point here is libsecp256k1's tweak multiplication, whose time depends on the scalar, and the
   * scalar is a secret: a node key against points that a stranger chooses. So the scalar is cut in two, s = m + (s - m),
   * with a mask m that only its owner can know: HMAC of the point under the secret. Each timing then belongs to two
   * numbers that look random and are other ones for every point, so samples do not add up to the scalar, at the price of
   * a second product. @noble would be no safer, its big integers take a variable time as well, and several times slower.
   * Repeating one point repeats its timing, unlike with a random mask, but a mask from outside is not ours to draw here.
   * What has no mask (an invalid operand, a mask not below n) is left to the reference, which says what is wrong.
   */
  const masked = (point: Point, scalar: SecretKey): Point | undefined => {
    if (point.length !== 33 || !isSecretKey(scalar)) return undefined;
    try {
      const mask = builtinSymmetric.hmacSha256(scalar, point);
      const remainder = wasm.privateSub(scalar, mask);
      const left = wasm.pointMultiply(point, mask, true);
      const right = remainder === null ? null : wasm.pointMultiply(point, remainder, true);
      return ((left && right && wasm.pointAdd(left, right, true)) ?? undefined) as Point | undefined;
    } catch {
      return undefined; // no point, or a mask that is no scalar
    }
  };
  const multiply = (point: Point, scalar: SecretKey): Point =>
    masked(point, scalar) ?? nobleCurve.multiply(point, scalar);

  const signRecoverable = (
    digest: Uint8Array,
    secret: SecretKey,
  ): { readonly signature: Signature; readonly recovery: number } => {
    if (digest.length !== 32) throw invalidDigest();
    if (!isSecretKey(secret)) throw invalidScalar();
    const { signature, recoveryId } = wasm.signRecoverable(digest, secret);
    return { signature: signature as Signature, recovery: recoveryId };
  };

  return {
    name: 'wasm',
    isSecretKey,
    isPoint,
    pointOf: (secret) => attempt([], [secret], () => wasm.pointFromScalar(secret, true)) as Point,
    multiply,
    addPoints: (a, b) => attempt([a, b], [], () => wasm.pointAdd(a, b, true)) as Point,
    addSecrets: (a, b) => {
      // A tweak of zero is fine with libsecp256k1; with us zero is no scalar.
      if (!isSecretKey(b)) throw invalidScalar();
      return attempt([], [a, b], () => wasm.privateAdd(a, b)) as SecretKey;
    },
    multiplySecrets: multiplyScalars,
    ecdh: (point, secret) => builtinSymmetric.sha256(multiply(point, secret)),
    sign: (digest, secret) => signRecoverable(digest, secret).signature,
    verify: (signature, digest, point) => {
      if (signature.length !== 64 || digest.length !== 32 || point.length !== 33) return false;
      try {
        return wasm.verify(digest, point, signature, true);
      } catch {
        return false; // r or s not below n, or no point
      }
    },
    signRecoverable,
    recover: (signature, recovery, digest) => {
      if (!mayRecover(signature, recovery, digest)) return undefined;
      // Ids 2 and 3 say that r was reduced modulo n. The package wants r to be an x-coordinate there too, and no honest
      // signer ever meets the case, so the reference may answer it.
      if (recovery > 1) return nobleCurve.recover(signature, recovery, digest);
      try {
        return (wasm.recover(digest, signature, recovery, true) ?? undefined) as Point | undefined;
      } catch {
        return undefined;
      }
    },
  };
};
