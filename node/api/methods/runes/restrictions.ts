/** Restrictions of runes as callers write them: a list of lists of alternatives such as "method=pay", or the word "readonly". */
import { RuneFormatError } from '../../../runes/errors.ts';
import { alternativeFrom, type Restriction } from '../../../runes/rune.ts';
import { param } from '../../params.ts';

/** What a rune that only reads may call, as in Core Lightning. */
const readonly: readonly Restriction[] = [
  ['method^list', 'method^get', 'method=summary'].map(alternativeFrom),
  ['method/listdatastore'].map(alternativeFrom),
];

/** Restrictions, and alternatives in each. */
const MOST = 100;

const what = `"readonly", or at most ${MOST} restrictions, each an array of alternatives such as ["method=pay", "method=xpay"]`;

const restrictionFrom = (given: unknown): Restriction => {
  if (!Array.isArray(given) || given.length === 0 || given.length > MOST) throw new RangeError(what);
  return given.map((text) => {
    if (typeof text !== 'string') throw new RangeError(what);
    try {
      const alternative = alternativeFrom(text);
      if (alternative.field === '') throw new RangeError(`a field before the condition in "${text.slice(0, 50)}"`);
      return alternative;
    } catch (error) {
      if (error instanceof RuneFormatError) throw new RangeError(`restrictions; ${error.message}`);
      throw error;
    }
  });
};

export const restrictions = param<'readonly' | readonly (readonly string[])[], readonly Restriction[]>(
  'readonly|[[alternative, …], …]',
  (given) => {
    if (given === 'readonly') return readonly;
    if (!Array.isArray(given) || given.length > MOST) throw new RangeError(what);
    return given.map(restrictionFrom);
  },
);

/** A rune in base64. */
export const runeParam = param<string, string>('rune', (given) => {
  if (typeof given !== 'string' || given.length === 0) throw new RangeError('a rune in base64');
  return given;
});
