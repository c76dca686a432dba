/** Every backend against the @noble reference: same results, same refusals, on ordinary and on edge values. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concat, hex, unhex, utf8 } from '../../wire/bytes.ts';
import type { Curve } from '../../wire/crypto/backend.ts';
import { curveNamed } from '../../wire/crypto/choose.ts';
import { ORDER } from '../../wire/crypto/scalars.ts';
import { type Point, point, type SecretKey, secretKey, signature } from '../../wire/units.ts';
import { presentCurves } from '../support/backends.ts';
import { propertyRuns } from '../support/runs.ts';

const bytes32 = (n: bigint): Uint8Array => unhex(n.toString(16).padStart(64, '0'));
const scalar = (n: bigint): SecretKey => secretKey(bytes32(n));

const reference = curveNamed('noble');
const one = scalar(1n);
const two = scalar(2n);
const largest = scalar(ORDER - 1n);
const half = scalar(ORDER >> 1n);
const zero = scalar(0n);
const order = scalar(ORDER);
const overflow = scalar(2n ** 256n - 1n);
const G = reference.pointOf(one);
const minusG = reference.pointOf(largest);
const digest = bytes32(0x1234n);

const short = <T extends Uint8Array>(value: T): T => value.subarray(1) as T;
const wrongScalars: readonly (readonly [string, SecretKey])[] = [
  ['zero', zero],
  ['n', order],
  ['2^256 - 1', overflow],
  ['31 bytes', short(one)],
  ['33 bytes', concat(one, Uint8Array.of(0)) as SecretKey],
];
/** x = 5 has no square root on the curve. */
const offCurve = point(concat(Uint8Array.of(2), bytes32(5n)));
const uncompressed = unhex(
  `0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8`,
) as Point;
const wrongPoints: readonly (readonly [string, Point])[] = [
  ['off the curve', offCurve],
  ['all zero', new Uint8Array(33) as Point],
  ['x not below p', point(concat(Uint8Array.of(2), new Uint8Array(32).fill(255)))],
  ['a first byte of 4', concat(Uint8Array.of(4), G.subarray(1)) as Point],
  ['uncompressed', uncompressed],
  ['32 bytes', G.subarray(1) as Point],
  ['empty', new Uint8Array() as Point],
];

/** n - s in place of s: the other signature over the same digest. */
const withHighS = (low: Uint8Array): ReturnType<typeof signature> =>
  signature(concat(low.subarray(0, 32), bytes32(ORDER - BigInt(`0x${hex(low.subarray(32))}`))));

const anyScalar = fc
  .oneof(
    { weight: 6, arbitrary: fc.bigInt(1n, ORDER - 1n) },
    { weight: 1, arbitrary: fc.bigInt(1n, 20n) },
    { weight: 1, arbitrary: fc.bigInt(ORDER - 20n, ORDER - 1n) },
  )
  .map(scalar);
/** Below n: @noble reduces a larger digest before it derives the nonce, libsecp256k1 does not (and no hash is that large). */
const anyDigest = fc.bigInt(0n, ORDER - 1n).map(bytes32);

for (const name of presentCurves()) {
  describe(`curve backend ${name}`, () => {
    const curve: Curve = curveNamed(name);

    test(`curve backend ${name} knows the generator and its negative`, () => {
      expect(hex(curve.pointOf(one))).toBe('0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798');
      expect(hex(curve.pointOf(largest))).toBe('0379be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798');
      expect(hex(curve.pointOf(two))).toBe('02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5');
    });

    test('computes the ECDH of BOLT 8: SHA-256 of the compressed product', () => {
      // BOLT 8, appendix A: act one of the initiator's handshake
      const responder = point(unhex('028d7500dd4c12685d1f568b4c2b5048e8534b873319f3a8daa612b469132ec7f7'));
      const ephemeral = secretKey(unhex('12'.repeat(32)));
      expect(hex(curve.ecdh(responder, ephemeral))).toBe(
        '1e2fb3c8fe8fb9f262f649f64d26ecf0f2c0a805a767cf02dc2d77a6ef1fdcc3',
      );
    });

    test(`curve backend ${name} multiplies by 1, 2 and n - 1`, () => {
      expect(curve.multiply(G, one)).toEqual(G);
      expect(curve.multiply(minusG, two)).toEqual(curve.addPoints(minusG, minusG));
      expect(curve.multiply(minusG, largest)).toEqual(G);
    });

    test(`curve backend ${name} agrees with the reference on arithmetic`, () => {
      fc.assert(
        fc.property(anyScalar, anyScalar, (a, b) => {
          const A = curve.pointOf(a);
          expect(A).toEqual(reference.pointOf(a));
          expect(curve.multiply(A, b)).toEqual(reference.multiply(A, b));
          expect(curve.ecdh(A, b)).toEqual(reference.ecdh(A, b));
          expect(curve.multiplySecrets(a, b)).toEqual(reference.multiplySecrets(a, b));
          const B = curve.pointOf(b);
          if (hex(B.subarray(1)) !== hex(A.subarray(1)) || A[0] === B[0]) {
            expect(curve.addPoints(A, B)).toEqual(reference.addPoints(A, B));
            expect(curve.addSecrets(a, b)).toEqual(reference.addSecrets(a, b));
            expect(curve.addPoints(A, B)).toEqual(curve.pointOf(curve.addSecrets(a, b)));
          }
          expect(curve.multiply(A, b)).toEqual(curve.pointOf(curve.multiplySecrets(a, b)));
        }),
        { numRuns: propertyRuns(8) },
      );
    });

    test(`curve backend ${name} agrees with the reference on signatures`, () => {
      fc.assert(
        fc.property(anyScalar, anyDigest, (secret, message) => {
          const signer = curve.pointOf(secret);
          const expected = reference.signRecoverable(message, secret);
          expect(curve.sign(message, secret)).toEqual(expected.signature);
          expect(curve.signRecoverable(message, secret)).toEqual(expected);
          expect(curve.verify(expected.signature, message, signer)).toBe(true);
          expect(curve.verify(expected.signature, message, reference.multiply(signer, two))).toBe(false);
          expect(curve.recover(expected.signature, expected.recovery, message)).toEqual(signer);
          const flipped = curve.recover(expected.signature, expected.recovery ^ 1, message);
          expect(flipped).toEqual(reference.recover(expected.signature, expected.recovery ^ 1, message));
          expect(flipped).not.toEqual(signer);
        }),
        { numRuns: propertyRuns(8) },
      );
    });

    test(`curve backend ${name} signs a digest not below n so that the reference accepts it`, () => {
      for (const message of [order, overflow])
        expect(reference.verify(curve.sign(message, half), message, reference.pointOf(half))).toBe(true);
    });

    test(`curve backend ${name} refuses a signature with a high S but recovers its signer`, () => {
      const { signature: low, recovery } = curve.signRecoverable(digest, half);
      const high = withHighS(low);
      const signer = curve.pointOf(half);
      expect(curve.verify(high, digest, signer)).toBe(false);
      expect(curve.recover(high, recovery ^ 1, digest)).toEqual(signer);
    });

    test(`curve backend ${name} refuses malformed signatures without throwing`, () => {
      const good = curve.sign(digest, half);
      const signer = curve.pointOf(half);
      const [r, s] = [good.subarray(0, 32), good.subarray(32)];
      const rows = [concat(zero, s), concat(r, zero), concat(order, s), concat(r, order), concat(overflow, overflow)];
      for (const bad of [...rows, new Uint8Array(64)]) {
        expect(curve.verify(signature(bad), digest, signer)).toBe(false);
        for (const recovery of [0, 1, 2, 3]) expect(curve.recover(signature(bad), recovery, digest)).toBeUndefined();
      }
      for (const recovery of [-1, 4, 255, 1.5]) expect(curve.recover(good, recovery, digest)).toBeUndefined();
      for (const [, bad] of wrongPoints) expect(curve.verify(good, digest, bad)).toBe(false);
      expect(curve.verify(short(good), digest, signer)).toBe(false);
      expect(curve.verify(good, short(digest), signer)).toBe(false);
      expect(curve.recover(short(good), 0, digest)).toBeUndefined();
      expect(curve.recover(good, 0, short(digest))).toBeUndefined();
    });

    test(`curve backend ${name} recovers from an r that was reduced modulo n, as the reference does`, () => {
      let recovered = 0;
      for (let r = 1n; r < 12n; r++) {
        const reduced = signature(concat(bytes32(r), half));
        for (const recovery of [0, 1, 2, 3]) {
          const signer = curve.recover(reduced, recovery, digest);
          expect(signer).toEqual(reference.recover(reduced, recovery, digest));
          if (recovery > 1 && signer !== undefined) recovered++;
        }
      }
      expect(recovered).toBeGreaterThan(0);
    });

    test.each(wrongScalars)(`curve backend ${name} refuses %s as a scalar`, (_, bad) => {
      expect(curve.isSecretKey(bad)).toBe(false);
      const calls = [
        () => curve.pointOf(bad),
        () => curve.multiply(G, bad),
        () => curve.ecdh(G, bad),
        () => curve.addSecrets(bad, two),
        () => curve.addSecrets(two, bad),
        () => curve.multiplySecrets(bad, two),
        () => curve.multiplySecrets(two, bad),
        () => curve.sign(digest, bad),
        () => curve.signRecoverable(digest, bad),
      ];
      for (const call of calls) expect(call).toThrow(new RangeError('scalar: expected 32 bytes in 1..n-1'));
    });

    test.each(wrongPoints)(`curve backend ${name} refuses a point that is %s`, (_, bad) => {
      expect(curve.isPoint(bad)).toBe(false);
      const calls = [
        () => curve.multiply(bad, two),
        () => curve.ecdh(bad, two),
        () => curve.addPoints(bad, G),
        () => curve.addPoints(G, bad),
      ];
      for (const call of calls)
        expect(call).toThrow(new RangeError('point: expected 33 bytes of a point on secp256k1'));
    });

    test(`curve backend ${name} refuses results at infinity and the scalar zero`, () => {
      expect(() => curve.addPoints(G, minusG)).toThrow(/infinity/);
      expect(() => curve.addSecrets(one, largest)).toThrow(/zero/);
      expect(() => curve.addSecrets(half, scalar(ORDER - (ORDER >> 1n)))).toThrow(RangeError);
    });

    test(`curve backend ${name} refuses to sign what is not a 32-byte digest`, () => {
      for (const bad of [new Uint8Array(), short(digest), concat(digest, digest)]) {
        expect(() => curve.sign(bad, two)).toThrow(new RangeError('digest: expected 32 bytes'));
        expect(() => curve.signRecoverable(bad, two)).toThrow(RangeError);
      }
    });

    test(`curve backend ${name} does not change its operands and returns plain arrays of their own`, () => {
      const secret = scalar(0x55n);
      const P = reference.pointOf(half);
      const before = [hex(secret), hex(P)];
      const results: Uint8Array[] = [
        curve.pointOf(secret),
        curve.multiply(P, secret),
        curve.multiply(P, two),
        curve.addPoints(P, G),
        curve.addSecrets(secret, two),
        curve.multiplySecrets(secret, two),
        curve.ecdh(P, secret),
        curve.sign(digest, secret),
      ];
      const seen = results.map(hex);
      for (const result of results) expect(Object.getPrototypeOf(result)).toBe(Uint8Array.prototype);
      curve.multiply(G, half);
      curve.sign(utf8('another digest of just 32 bytes!'), half);
      expect(results.map(hex)).toEqual(seen);
      expect([hex(secret), hex(P)]).toEqual(before);
    });
  });
}
