/** Whether the restrictions of a rune are met, and in words why not: Core Lightning's words, which its callers know. */
import { compare, utf8 } from '../../wire/bytes.ts';
import type { Alternative, Restriction } from './rune.ts';

/** What a field is when a rune is used: a text, an integer, or missing. */
export type FieldValue = string | bigint | undefined;

/** Why an alternative is not met, in words; undefined where it is. */
export type Complaint = string | undefined;

const integerIn = (text: string): bigint | undefined => {
  if (!/^\s*[+-]?\d{1,19}$/.test(text)) return undefined;
  const value = BigInt(text.trim().replace(/^\+/, ''));
  return BigInt.asIntN(64, value) === value ? value : undefined;
};

const unless = (isMet: boolean, complaint: string): Complaint => (isMet ? undefined : complaint);

const compareIntegers = ({ field, condition, value }: Alternative, found: string | bigint): Complaint => {
  if (typeof found !== 'bigint') return `${field} is not an integer field`;
  const bound = integerIn(value);
  if (bound === undefined) return `${value} is not a valid integer`;
  return condition === '<'
    ? unless(found < bound, `${field} is greater or equal to ${value}`)
    : unless(found > bound, `${field} is less or equal to ${value}`);
};

/** How two texts are ordered by their bytes. No more is read of the first than decides it, for it may be very long. */
const orderOf = (text: string, value: string): number => compare(utf8(text.slice(0, value.length + 1)), utf8(value));

/** Looks at one field; `found` is what it is. */
export const complaintOf = (alternative: Alternative, found: FieldValue): Complaint => {
  const { field, condition, value } = alternative;
  if (condition === '#') return undefined;
  if (condition === '!') return unless(found === undefined, `${field} is present`);
  if (found === undefined) return `${field} not present`;
  if (condition === '<' || condition === '>') return compareIntegers(alternative, found);
  const text = String(found);
  switch (condition) {
    case '=':
      return unless(text === value, `${field} is not equal to ${value}`);
    case '/':
      return unless(text !== value, `${field} is equal to ${value}`);
    case '^':
      return unless(text.startsWith(value), `${field} does not start with ${value}`);
    case '$':
      return unless(text.endsWith(value), `${field} does not end with ${value}`);
    case '~':
      return unless(text.includes(value), `${field} does not contain ${value}`);
    case '{':
      return unless(orderOf(text, value) < 0, `${field} is equal to or ordered after ${value}`);
    case '}':
      return unless(orderOf(text, value) > 0, `${field} is equal to or ordered before ${value}`);
    default:
      return condition satisfies never;
  }
};

/** The first restriction of which no alternative is met, with what is wrong at each; undefined where all are met. */
export const firstComplaint = (
  restrictions: readonly Restriction[],
  check: (alternative: Alternative) => Complaint,
): Complaint => {
  for (const restriction of restrictions) {
    const complaints = restriction.map(check);
    if (complaints.every((one) => one !== undefined)) return complaints.join(' AND ');
  }
  return undefined;
};
