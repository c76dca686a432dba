/** Equality of plain values, deep: what was said and what would be said now. */
import { equal } from '../../wire/bytes.ts';

/** Whether two values of plain objects, arrays, bytes and primitives say the same. Fields that are undefined do not count. */
export const deepEqual = (a: unknown, b: unknown): boolean => {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Uint8Array || b instanceof Uint8Array)
    return a instanceof Uint8Array && b instanceof Uint8Array && equal(a, b);
  const [left, right] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
  return [...new Set([...left.keys(), ...right.keys()])].every((key) => deepEqual(left.get(key), right.get(key)));
};
