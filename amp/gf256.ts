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

/** One more point's part of a polynomial in Newton's form, and the parts of those before it. */
interface NewtonTerm {
  readonly x: number;
  /** The divided difference of this point and all before it, byte by byte. */
  readonly coefficient: Uint8Array;
  readonly before: NewtonTerm | undefined;
}

/**
 * A polynomial of least degree through points that come one after another (Newton's divided differences): one more point costs as
 * much as there are points, not their square.
 */
export interface GrowingPolynomial {
  /** Its value at 0, a byte or more; empty without points. */
  readonly atZero: Uint8Array;
  /** The product of all x. */
  readonly product: number;
  readonly last: NewtonTerm | undefined;
}

/** Without points. */
export const noPolynomial: GrowingPolynomial = { atZero: new Uint8Array(0), product: 1, last: undefined };

/** One that goes through `point` too, whose `x` is 0..255 and whose value is as long as those before; the same where it has that `x`. */
export const withPoint = (polynomial: GrowingPolynomial, { x, value }: PolynomialPoint): GrowingPolynomial => {
  const { atZero, product, last } = polynomial;
  const length = value.length;
  // Its value at `x` so far, by Horner's scheme, and the product of (x - other), as a logarithm.
  const so = new Uint8Array(length);
  let weight = 0;
  for (let term = last; term !== undefined; term = term.before) {
    const distance = x ^ term.x;
    if (distance === 0) return polynomial;
    const power = logOf(distance);
    weight += power;
    const { coefficient } = term;
    for (let i = 0; i < length; i++) {
      const byte = so[i] ?? 0;
      so[i] = (byte === 0 ? 0 : (exp[logOf(byte) + power] ?? 0)) ^ (coefficient[i] ?? 0);
    }
  }
  const power = (255 - (weight % 255)) % 255;
  const coefficient = value.map((byte, i) => {
    const difference = byte ^ (so[i] ?? 0);
    return difference === 0 ? 0 : (exp[logOf(difference) + power] ?? 0);
  });
  return {
    atZero: coefficient.map((byte, i) => (atZero[i] ?? 0) ^ multiply(byte, product)),
    product: multiply(product, x),
    last: { x, coefficient, before: last },
  };
};
