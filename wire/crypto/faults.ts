/**
 * What goes wrong in curve arithmetic, said the same way by every backend. The texts name the operand, never its value:
 * a scalar is usually a secret.
 */
import type { Curve } from './backend.ts';

export const invalidPoint = (): RangeError => new RangeError('point: expected 33 bytes of a point on secp256k1');
export const invalidScalar = (): RangeError => new RangeError('scalar: expected 32 bytes in 1..n-1');
export const invalidDigest = (): RangeError => new RangeError('digest: expected 32 bytes');
export const atInfinity = (): RangeError => new RangeError('result: the point at infinity has no encoding');
export const zeroScalar = (): RangeError => new RangeError('result: the scalar zero is no secret key');

/** Why a computation over these operands failed, found out after the fact so that the good case pays nothing. */
export const faultOf = (
  curve: Pick<Curve, 'isPoint' | 'isSecretKey'>,
  points: readonly Uint8Array[],
  scalars: readonly Uint8Array[],
): RangeError => {
  if (!points.every((point) => curve.isPoint(point))) return invalidPoint();
  if (!scalars.every((scalar) => curve.isSecretKey(scalar))) return invalidScalar();
  return points.length > 0 ? atInfinity() : zeroScalar();
};

/** Whether these can be a signature, a recovery id and a digest at all. */
export const mayRecover = (signature: Uint8Array, recovery: number, digest: Uint8Array): boolean =>
  signature.length === 64 &&
  digest.length === 32 &&
  (recovery === 0 || recovery === 1 || recovery === 2 || recovery === 3);
