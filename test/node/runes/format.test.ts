/** Runes as texts: the vectors of their specification, and what is none. */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { complaintOf, type FieldValue, firstComplaint } from '../../../node/runes/conditions.ts';
import { RuneFormatError } from '../../../node/runes/errors.ts';
import {
  type Alternative,
  alternativeFrom,
  conditions,
  isIssuedWith,
  issueRune,
  MAX_RUNE,
  type Restriction,
  restrictionsOf,
  runeFrom,
  runeId,
  runeText,
} from '../../../node/runes/rune.ts';
import { hex, unhex } from '../../../wire/bytes.ts';

/** The master secret of all vectors. */
const secret = new Uint8Array(16);

const file = await readFile(new URL('../../vectors/runes.csv', import.meta.url), 'utf8');
const vectors = file
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => line.split(','));

/** The vectors of one kind: name, text and base64. */
const of = (kind: string) =>
  vectors
    .filter(([first]) => first === kind)
    .map(([, name = '', text = '', base64 = '', id, version]) => ({ ...{ name, text, base64, id, version } }));

/** What stands behind each valid or derived rune: sets of fields that meet its restrictions or do not. */
const uses = vectors.flatMap((row, at) => {
  const [kind, ...fields] = row;
  if (kind !== 'PASS' && kind !== 'FAIL') return [];
  const before = vectors.slice(0, at).findLast(([first]) => first === 'VALID' || first === 'DERIVE');
  const base64 = before?.[3] ?? '';
  const shown = `${before?.[1]}: ${fields.join(', ') || 'nothing'}`;
  const values = new Map<string, FieldValue>(
    fields.map((field) => {
      const [, name = '', value = ''] = /^([^=]*)=(.*)$/s.exec(field) ?? [];
      return [name, /^-?\d+$/.test(value) ? BigInt(value) : value];
    }),
  );
  return [{ ...{ shown, base64, values }, passes: kind === 'PASS' }];
});

describe('a rune of the vectors', () => {
  test.each(of('VALID'))(
    '$name is read, comes from the secret, and is written again',
    ({ text, base64, id, version }) => {
      const rune = runeFrom(base64);
      expect(`${hex(rune.code)}:${text.slice(65)}`).toBe(text);
      expect(isIssuedWith(secret, rune)).toBe(true);
      expect(runeText(rune)).toBe(base64);
      expect(runeText(issueRune(secret, rune.restrictions))).toBe(base64);
      expect(runeId(rune)).toEqual(id === undefined ? undefined : { id, ...(version !== undefined && { version }) });
    },
  );

  test.each(uses)('$shown', ({ base64, values, passes }) => {
    const check = (alternative: Alternative) => complaintOf(alternative, values.get(alternative.field));
    expect(firstComplaint(restrictionsOf(runeFrom(base64)), check) === undefined).toBe(passes);
  });

  test.each(of('MALFORMED'))('$name is refused', ({ base64 }) => {
    expect(() => runeFrom(base64)).toThrow(RuneFormatError);
  });

  test.each(of('BAD DERIVATION'))('$name does not come from the secret', ({ base64 }) => {
    expect(isIssuedWith(secret, runeFrom(base64))).toBe(false);
  });

  test.each(vectors.filter(([kind]) => kind === 'DERIVE').map((row) => ({ name: row[1], row })))(
    '$name is made from another by a restriction more',
    ({ row: [, , from = '', to = '', ...rest] }) => {
      const restriction: Alternative[] = [];
      for (let at = 0; at + 2 < rest.length; at += 3) {
        const condition = conditions.find((one) => one === rest[at + 1]);
        if (condition === undefined) throw new Error(`no condition in ${rest.join(',')}`);
        restriction.push({ field: rest[at] ?? '', condition, value: rest[at + 2] ?? '' });
      }
      expect(runeText(issueRune(secret, [...runeFrom(from).restrictions, restriction]))).toBe(to);
    },
  );
});

describe("runes of Core Lightning's own tests", () => {
  const master = unhex('4ac018131e70b044e17891e67960f59b9d602525d3aef9956e900189f456e595');
  const id = (n: number): Restriction => [alternativeFrom(`=${n}`)];
  test.each([
    ['I9TZsYEWiAwThQye-gYhpWIe1h15szWEN_qNyMSBOdE9MA==', [id(0)]],
    [
      'K0c0pWvBWb3y9HF1GMy33Zx2KRg1zcEvQLr2vtWwMew9MiZ0aW1lPjE2NTY2NzUyMTE=',
      [id(2), ['time>1656675211'].map(alternativeFrom)],
    ],
    [
      'NUPHrMs1TEdfWbRfO_KJ4rXhJSBjmSqbdcz-W0yH9J89MyZpZF4wMjJkMjIzNjIwYTM1OWE0N2ZmNyZtZXRob2Q9bGlzdHBlZXJzJnBuYW1lbGV2ZWwhfHBuYW1lbGV2ZWwvaW8=',
      [id(3), ['id^022d223620a359a47ff7'], ['method=listpeers'], ['pnamelevel!', 'pnamelevel/io']].map((one) =>
        one.map((text) => (typeof text === 'string' ? alternativeFrom(text) : text)),
      ),
    ],
  ] as const)('%s is what its restrictions give', (base64, restrictions) => {
    expect(runeText(issueRune(master, restrictions))).toBe(base64);
  });
});

describe('a text that is no rune', () => {
  test.each([
    ['no base64', 'a rune!'],
    ['the other base64', 'N0cI//dxndWXnsh11WzSKG9tPPfsMXo7JWMqqyjsN7s='],
    ['fewer than 32 bytes', 'N0cI'],
    ['nothing', ''],
    ['bytes that are no text', Buffer.concat([Buffer.alloc(32), Buffer.from([0xff, 0xfe])]).toString('base64url')],
    ['a backslash at its end', Buffer.concat([Buffer.alloc(32), Buffer.from('a=\\')]).toString('base64url')],
    ['a zero byte', Buffer.concat([Buffer.alloc(32), Buffer.from('a=\0')]).toString('base64url')],
    ['more than fits into a header', 'A'.repeat(MAX_RUNE + 1)],
  ])('for it is %s is refused', (_, base64) => {
    expect(() => runeFrom(base64)).toThrow(RuneFormatError);
  });

  test('is not made either: a rune that would be too long', () => {
    const long = issueRune(secret, [[alternativeFrom(`a=${'b'.repeat(MAX_RUNE)}`)]]);
    expect(() => runeText(long)).toThrow(RuneFormatError);
  });
});
