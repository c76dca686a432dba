/**
 * The field GF(2^8) modulo x^8+x^4+x^3+x+1, and polynomials over it that go through given points. Adding is xor; each byte of a
 * 32-byte value is a coordinate of its own. Nothing here is secret-dependent in memory access beyond the tables.
 */

/** Powers of the generator 3, twice over so that sums of two logarithms need no reduction. */
const exp = new Uint8Array(510);
const log = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power++) {
  exp[power] = value;
  exp[power + 255] = value;
  log[value] = power;
  // Times 3: times x, reduced, and once itself.
  value ^= (value << 1) ^ (value & 0x80 ? 0x11b : 0);
}

const logOf = (value: number): number => log[value] ?? 0;

/** The product of two bytes. */
export const multiply = (a: number, b: number): number => (a === 0 || b === 0 ? 0 : (exp[logOf(a) + logOf(b)] ?? 0));

/** A point of a polynomial: `value` is one byte or more, each of them a polynomial's value at the same `x`. */
export interface PolynomialPoint {
  readonly x: number;
  readonly value: Uint8Array;
}

/**
 * The value at `x` of the polynomial of least degree through all points, byte by byte; each `x` is 0..255 and differs from
 * all others. Empty without points.
 */
export const interpolate = (points: readonly PolynomialPoint[], x: number): Uint8Array => {
  const known = points.find((point) => point.x === x);
  if (known !== undefined) return known.value.slice();
  const out = new Uint8Array(points[0]?.value.length ?? 0);
  for (const point of points) {
    // Lagrange: the product of (x - other) / (point - other), as a sum of logarithms.
    let weight = 0;
    for (const other of points) if (other !== point) weight += logOf(x ^ other.x) - logOf(point.x ^ other.x);
    const power = ((weight % 255) + 255) % 255;
    for (const [i, byte] of point.value.entries())
      if (byte !== 0) out[i] = (out[i] ?? 0) ^ (exp[logOf(byte) + power] ?? 0);
  }
  return out;
};
