/**
 * A rune: a token that says what its holder may do. It is a list of restrictions, all of which must be met, behind a code that only the
 * issuer can make, and from which a holder can derive the code of the same rune with one more restriction, but never with one less. The
 * code is the state of SHA-256 after the issuer's secret and the restrictions, each padded as SHA-256 pads its end. Format and words are
 * those of https://github.com/rustyrussell/runes, which Core Lightning uses.
 */
import { concat, equalConstantTime, join, utf8 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { RuneFormatError } from './errors.ts';

/** How a field is compared; `!` is met where the field is missing, `#` always. */
export const conditions = ['!', '=', '/', '^', '$', '~', '<', '>', '}', '{', '#'] as const;
export type Condition = (typeof conditions)[number];

/** A field, a condition and a value. The empty field, first in a rune, holds its id. */
export interface Alternative {
  readonly field: string;
  readonly condition: Condition;
  readonly value: string;
}

/** Alternatives, of which one has to be met. */
export type Restriction = readonly Alternative[];

export interface Rune {
  /** 32 bytes. */
  readonly code: Uint8Array;
  readonly restrictions: readonly Restriction[];
}

/** Characters of the longest rune: it has to fit into the headers of an HTTP request. */
export const MAX_RUNE = 8_000;
/** Bytes of the longest secret: with the padding behind it, it is one block of SHA-256. */
const MAX_SECRET = 55;

/** Punctuation ends the name of a field, except the underscore. */
const fieldName = /^[^!-/:-@[-^`{-~]*/;

const isCondition = (text: string): text is Condition => conditions.some((one) => one === text);

/** One alternative as people write it, such as `method=pay`: nothing in its value is escaped. Throws RuneFormatError. */
export const alternativeFrom = (text: string): Alternative => {
  const [field = ''] = fieldName.exec(text) ?? [];
  const condition = text.charAt(field.length);
  if (!isCondition(condition))
    throw new RuneFormatError(
      `"${text.slice(0, 50)}" has no condition: a field is followed by one of ${conditions.join(' ')}`,
    );
  const value = text.slice(field.length + 1);
  if (text.includes('\0')) throw new RuneFormatError('a restriction may not hold a zero byte');
  return { field, condition, value };
};

/** Splits at a character where no backslash stands before it; the parts keep their backslashes. */
const split = (text: string, at: '&' | '|'): readonly string[] => {
  const parts: string[] = [];
  let part = '';
  for (let i = 0; i < text.length; i++) {
    const one = text.charAt(i);
    if (one === at) {
      parts.push(part);
      part = '';
    } else if (one === '\\') {
      part += text.slice(i, i + 2);
      i++;
    } else part += one;
  }
  return [...parts, part];
};

const unescaped = (value: string): string => {
  if (/(?:^|[^\\])(?:\\\\)*\\$/.test(value))
    throw new RuneFormatError('a value ends with a backslash that escapes nothing');
  return value.replace(/\\([\s\S])/g, '$1');
};

const decodeAlternative = (text: string): Alternative => {
  const { field, condition, value } = alternativeFrom(text);
  return { field, condition, value: unescaped(value) };
};

const encodeAlternative = ({ field, condition, value }: Alternative): string =>
  field + condition + value.replace(/[\\|&]/g, '\\$&');

const encodeRestriction = (restriction: Restriction): string => restriction.map(encodeAlternative).join('|');

const isIdField = ({ field }: Alternative): boolean => field === '';

/** Throws RuneFormatError where the id stands anywhere but alone at the beginning. */
const checkIds = (restrictions: readonly Restriction[]): void => {
  for (const [at, restriction] of restrictions.entries()) {
    if (!restriction.some(isIdField)) continue;
    const isAlone = at === 0 && restriction.length === 1 && restriction[0]?.condition === '=';
    if (!isAlone)
      throw new RuneFormatError('the unique_id of a rune is its first restriction, alone and with the condition =');
  }
};

const restrictionsFrom = (text: string): readonly Restriction[] => {
  if (text === '') return [];
  const parts = split(text, '&');
  // A separator with nothing behind it ends the list.
  const used = parts.at(-1) === '' ? parts.slice(0, -1) : parts;
  const restrictions = used.map((part) => split(part, '|').map(decodeAlternative));
  checkIds(restrictions);
  return restrictions;
};

/** What SHA-256 puts behind so many bytes at the end: a bit, zeros, and the length in bits. */
const padding = (length: number): Uint8Array => {
  const out = new Uint8Array(64 - (length % 64) + (length % 64 > 55 ? 64 : 0));
  out[0] = 0x80;
  new DataView(out.buffer).setBigUint64(out.length - 8, 8n * BigInt(length));
  return out;
};

/** The code of a rune that whoever has the secret issues. The secret has at most 55 bytes. Throws RangeError on a longer one. */
export const codeOf = (secret: Uint8Array, restrictions: readonly Restriction[]): Uint8Array => {
  if (secret.length > MAX_SECRET) throw new RangeError(`secret: expected at most ${MAX_SECRET} bytes`);
  const parts: Uint8Array[] = [secret];
  let length = secret.length;
  for (const restriction of restrictions) {
    const [pad, next] = [padding(length), utf8(encodeRestriction(restriction))];
    parts.push(pad, next);
    length += pad.length + next.length;
  }
  return sha256(join(parts));
};

/** A rune of these restrictions, issued with this secret. Throws RuneFormatError for an id at another place than the first. */
export const issueRune = (secret: Uint8Array, restrictions: readonly Restriction[]): Rune => {
  checkIds(restrictions);
  return { code: codeOf(secret, restrictions), restrictions };
};

/** Whether a rune was issued with this secret, or derived from one that was; in a time that tells nothing about its code. */
export const isIssuedWith = (secret: Uint8Array, rune: Rune): boolean =>
  equalConstantTime(codeOf(secret, rune.restrictions), rune.code);

const strictText = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The rune of a base64 text, with `-` and `_` for `+` and `/`. Throws RuneFormatError. */
export const runeFrom = (base64: string): Rune => {
  if (base64.length > MAX_RUNE) throw new RuneFormatError(`a rune has at most ${MAX_RUNE} characters`);
  if (!/^[A-Za-z0-9_-]*={0,2}$/.test(base64)) throw new RuneFormatError('expected base64 with - and _');
  const bytes = Uint8Array.from(Buffer.from(base64, 'base64url'));
  if (bytes.length < 32) throw new RuneFormatError('expected 32 bytes and restrictions, in base64');
  let restrictions: string;
  try {
    restrictions = strictText.decode(bytes.subarray(32));
  } catch {
    throw new RuneFormatError('the restrictions of a rune are UTF-8');
  }
  return { code: bytes.slice(0, 32), restrictions: restrictionsFrom(restrictions) };
};

/** A rune as its holders pass it on. Throws RuneFormatError for one that is too long. */
export const runeText = ({ code, restrictions }: Rune): string => {
  const bytes = concat(code, utf8(restrictions.map(encodeRestriction).join('&')));
  const base64 = Buffer.from(bytes).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
  if (base64.length > MAX_RUNE) throw new RuneFormatError(`a rune has at most ${MAX_RUNE} characters`);
  return base64;
};

/** The unique_id of a rune, and the version behind it where it has one; undefined where it has no id. */
export const runeId = ({
  restrictions: [first],
}: Rune): { readonly id: string; readonly version?: string } | undefined => {
  const alternative = first?.[0];
  if (alternative === undefined || !isIdField(alternative)) return undefined;
  const [id = '', ...version] = alternative.value.split('-');
  return version.length === 0 ? { id } : { id, version: version.join('-') };
};

/** The restrictions of a rune behind its id. */
export const restrictionsOf = (rune: Rune): readonly Restriction[] =>
  runeId(rune) === undefined ? rune.restrictions : rune.restrictions.slice(1);

/** The restriction that holds a unique_id. */
export const idRestriction = (id: string): Restriction => [{ field: '', condition: '=', value: id }];

const verbs: Readonly<Record<Condition, string>> = {
  '!': 'is missing',
  '=': 'equal to',
  '/': 'unequal to',
  '^': 'starts with',
  $: 'ends with',
  '~': 'contains',
  '<': '<',
  '>': '>',
  '}': 'sorts after',
  '{': 'sorts before',
  '#': 'comment:',
};

/** An alternative in words, as Core Lightning's showrunes puts it. */
export const inEnglish = ({ field, condition, value }: Alternative): string => {
  if (condition === '!') return `${field} ${verbs['!']}`;
  if (condition === '#') return `comment: ${field} ${value}`;
  return `${field} ${verbs[condition]} ${value}`;
};
