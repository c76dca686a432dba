/**
 * Node ids as keys of maps, 66 hex digits, and back. Searches ask for the same ids again and again: the text of an array is made
 * once. Ids are never changed in place.
 */
import { hex, unhex } from '../../wire/bytes.ts';
import { type Point, point } from '../../wire/units.ts';

/** As long as somebody has the id. */
const texts = new WeakMap<Uint8Array, string>();

/** The key of a node id. */
export const keyOfNode = (id: Point): string => {
  const known = texts.get(id);
  if (known !== undefined) return known;
  const text = hex(id);
  texts.set(id, text);
  return text;
};

/** The node id of a key. Throws RangeError for what is none. */
export const nodeOfKey = (key: string): Point => {
  const id = point(unhex(key));
  texts.set(id, key);
  return id;
};
