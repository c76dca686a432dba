/**
 * From the words of a command line to a method's parameters, in all the forms Core Lightning's users know: by order, as
 * name=value, and as --name value.
 */
import { resolve } from 'node:path';
import { FILE, noParameter, type Parameter } from '../api/summary.ts';

/** Words nobody can make parameters of. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * `guess` takes a word as name=value when the method has a parameter of that name, else by order; what looks named and is not is
 * a mistake, except where it stands for a text of any words and no other word is named. `keywords` wants a name at every word,
 * `order` takes each by its place.
 */
export type Style = 'guess' | 'keywords' | 'order';

/** An object is written as JSON, a list as JSON or with commas; everything else is a text, which the method's schema reads. */
const read = ({ name, kind, list }: Parameter, word: string): unknown => {
  // The node has another working directory than whoever types the path.
  if (kind === FILE) return resolve(word);
  if (kind.startsWith('{')) {
    try {
      return JSON.parse(word);
    } catch {
      throw new UsageError(`${name}: expected a JSON object`);
    }
  }
  if (!kind.includes('[') || (!list && !word.startsWith('['))) return word;
  if (!word.startsWith('[')) return word.split(',').map((one) => one.trim());
  try {
    return JSON.parse(word);
  } catch {
    throw new UsageError(`${name}: expected a JSON array, or values with commas between them`);
  }
};

/** What stands in front of the first = of a word that looks like name=value. */
const looksNamed = /^([A-Za-z][\w-]*)=(.*)$/s;

/**
 * Parameters by name from the words behind a method and its --name options; words without a name fill, in order, what is
 * left. A list that is given several times is one list. Throws UsageError.
 */
export const paramsFrom = (
  parameters: readonly Parameter[],
  words: readonly string[],
  options: Readonly<Record<string, unknown>>,
  style: Style,
): Readonly<Record<string, unknown>> => {
  const found = new Map<string, unknown>();
  const put = (parameter: Parameter, value: unknown) => {
    const before = found.get(parameter.name);
    const isLonger = parameter.list && Array.isArray(before) && Array.isArray(value);
    if (before !== undefined && !isLonger) throw new UsageError(`${parameter.name} is given twice`);
    found.set(parameter.name, isLonger ? [...before, ...value] : value);
  };
  const names = parameters.filter(({ hidden }) => !hidden).map(({ name }) => name);
  const named = new Map(
    parameters.flatMap((parameter) => [parameter.name, ...parameter.aliases].map((name) => [name, parameter] as const)),
  );

  for (const [name, value] of Object.entries(options)) {
    const parameter = named.get(name);
    if (parameter === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value])
      put(parameter, typeof one === 'string' ? read(parameter, one) : one);
  }
  const unnamed: string[] = [];
  let hasNamed = false;
  for (const word of words) {
    const [, name = '', value = ''] = looksNamed.exec(word) ?? [];
    const parameter = style === 'order' ? undefined : named.get(name);
    if (parameter !== undefined) {
      put(parameter, read(parameter, value));
      hasNamed = true;
    } else if (style === 'keywords')
      throw new UsageError(
        `${word}: ${name === '' ? `expected name=value, the name one of ${names.join(', ')}` : noParameter(name, names)}`,
      );
    else unnamed.push(word);
  }
  const left = parameters.filter(({ name, hidden }) => !found.has(name) && !hidden);
  for (const [at, word] of unnamed.entries()) {
    const parameter = left[at];
    const [, name] = looksNamed.exec(word) ?? [];
    const isText = parameter?.prose === true && !hasNamed;
    // Base64 ends with = where it must, as runes do.
    const isPadded = /^[\w+/-]{32,}={1,2}$/.test(word);
    if (style === 'guess' && name !== undefined && !isText && !isPadded)
      throw new UsageError(
        `${word}: ${noParameter(name, names)}${names.length === 0 ? '' : ' (-o takes every word by its place, even with = in it)'}`,
      );
    if (parameter === undefined) throw new UsageError(`${word}: there is no parameter left for it`);
    put(parameter, read(parameter, word));
  }
  return Object.fromEntries(found);
};
