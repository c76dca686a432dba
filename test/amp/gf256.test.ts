/** Polynomials over GF(2^8) that grow point by point: what they are at 0 is what all points together say. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { interpolate, noPolynomial, withPoint } from '../../amp/gf256.ts';

const points = fc.uniqueArray(
  fc.record({ x: fc.integer({ min: 0, max: 255 }), value: fc.uint8Array({ minLength: 4, maxLength: 4 }) }),
  { selector: ({ x }) => x, minLength: 1, maxLength: 24 },
);

test('a polynomial that grows by one point is at 0, after each, what the points so far interpolate to', () => {
  fc.assert(
    fc.property(points, (all) => {
      let polynomial = noPolynomial;
      for (const [i, point] of all.entries()) {
        polynomial = withPoint(polynomial, point);
        expect(polynomial.atZero).toEqual(interpolate(all.slice(0, i + 1), 0));
      }
    }),
    { numRuns: 50 },
  );
});

test('a polynomial through 255 points, one for each x but 0, is at 0 what they interpolate to', () => {
  const all = Array.from({ length: 255 }, (_, i) => ({ x: i + 1, value: Uint8Array.of(i, 255 - i, (i * 7) & 255) }));
  expect(all.reduce(withPoint, noPolynomial).atZero).toEqual(interpolate(all, 0));
});

test('a second point at the same x changes nothing of a polynomial', () => {
  const one = withPoint(noPolynomial, { x: 3, value: Uint8Array.of(9) });
  expect(withPoint(one, { x: 3, value: Uint8Array.of(200) })).toBe(one);
});

test('a polynomial stays as it was when two others are made of it', () => {
  const one = withPoint(noPolynomial, { x: 1, value: Uint8Array.of(5) });
  const [left, right] = [7, 8].map((value) => withPoint(one, { x: 2, value: Uint8Array.of(value) }));
  expect(left?.atZero).toEqual(
    interpolate(
      [
        { x: 1, value: Uint8Array.of(5) },
        { x: 2, value: Uint8Array.of(7) },
      ],
      0,
    ),
  );
  expect(right?.atZero).toEqual(
    interpolate(
      [
        { x: 1, value: Uint8Array.of(5) },
        { x: 2, value: Uint8Array.of(8) },
      ],
      0,
    ),
  );
  expect(one.atZero).toEqual(Uint8Array.of(5));
});
