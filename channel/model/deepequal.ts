/** Equality of plain values, deep: what was said and what would be said now. */
import { equal } from '../../wire/bytes.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Whether two values of plain objects, arrays, bytes and primitives say the same. Fields that are undefined do not count. */
export const deepEqual = (a: unknown, b: unknown): boolean => {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Uint8Array || b instanceof Uint8Array)
    return a instanceof Uint8Array && b instanceof Uint8Array && equal(a, b);
  const [left, right] = [a as Fields, b as Fields];
  return (
    Object.keys(left).every((key) => deepEqual(left[key], right[key])) &&
    Object.keys(right).every((key) => right[key] === undefined || Object.hasOwn(left, key))
  );
};
