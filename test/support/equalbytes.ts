/**
 * What every test file begins with: byte arrays are compared as bytes. The runner would list every index of both as a property, which
 * took a tenth of all time that tests ran.
 */
import { expect } from 'vitest';
import { equal } from '../../wire/bytes.ts';

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;

expect.addEqualityTesters([
  // Undefined leaves it to the runner: only arrays of the same class with nothing but bytes are decided here.
  (a, b) => (isBytes(a) && isBytes(b) && a.constructor === b.constructor ? equal(a, b) : undefined),
]);
