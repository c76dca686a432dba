/** The runes of a node: what they open, when, how they are revoked, and what a restart leaves of all that. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../../node/ports/ports.ts';
import { alternativeFrom, type Restriction } from '../../../node/runes/rune.ts';
import { Runes } from '../../../node/runes/runes.ts';
import type { RuneUse } from '../../../node/runes/usecheck.ts';
import { memoryStore } from '../../../node/store/memory.ts';
import { unhex } from '../../../wire/bytes.ts';
import { point } from '../../../wire/units.ts';
import invoices from '../../vectors/bolt11-invoices.json' with { type: 'json' };

const secret = new Uint8Array(32).fill(7);
let store: Store;
let now = 0;
let runes: Runes;
const load = () => Runes.load({ secret, store, now: () => now });

beforeEach(async () => {
  now = 1_700_000_000_000;
  store = memoryStore();
  runes = await load();
});

const restriction = (...alternatives: string[]): Restriction => alternatives.map(alternativeFrom);
const make = async (...restrictions: string[][]): Promise<string> =>
  (await runes.create(restrictions.map((one) => restriction(...one)))).text;
/** Why a rune does not open a call; undefined where it does. */
const refusal = (rune: string, use: RuneUse): Promise<string | undefined> =>
  runes.check(rune, use).then(
    () => undefined,
    (error: Error) => error.message,
  );

describe('a rune opens', () => {
  const alice = point(unhex(`02${'11'.repeat(32)}`));
  test.each<[string, string[][], RuneUse, string | undefined]>([
    ['anything without a restriction', [], { method: 'pay' }, undefined],
    ['the method that it names', [['method=pay']], { method: 'pay' }, undefined],
    ['no other method', [['method=pay']], { method: 'getinfo' }, 'Not permitted: method is not equal to pay'],
    ['no call without a method', [['method/pay']], {}, 'Not permitted: method not present'],
    ['one of several', [['method^list', 'method=getinfo']], { method: 'getinfo' }, undefined],
    ['what meets each restriction', [['method=pay'], ['pnum=1']], { method: 'pay', params: ['x'] }, undefined],
    [
      'not more parameters',
      [['pnum=1']],
      { params: { a: 1, b: 2 } },
      'Not permitted: number of parameters is not equal to 1',
    ],
    ['a parameter by name', [['pnameamount_msat<1001']], { params: { amount_msat: 1000 } }, undefined],
    [
      'no larger one',
      [['pnameamount_msat<1001']],
      { params: { amount_msat: 1001 } },
      'Not permitted: parameter amount_msat is greater or equal to 1001',
    ],
    [
      'none that is a text where a number is wanted',
      [['pnameamount_msat<9']],
      { params: { amount_msat: '8' } },
      'Not permitted: parameter amount_msat is not an integer field',
    ],
    [
      'a parameter whose name has lost its underscore',
      [['pnameamountmsat<9']],
      { params: { amount_msat: 8 } },
      undefined,
    ],
    [
      'no parameter by another of its names',
      [['pnamelevel!', 'pnamelevel/io']],
      { params: { l: 'io' }, aliases: { l: 'level' } },
      'Not permitted: parameter level is present AND pnamelevel is equal to io',
    ],
    [
      'no parameter by place that its name forbids',
      [['pnamelevel!']],
      { params: ['x', 'io'], names: ['log', 'level'] },
      'Not permitted: parameter level is present',
    ],
    [
      'no parameter by name that its place forbids',
      [['parr1!']],
      { params: { l: 'io' }, names: ['log', 'level'], aliases: { l: 'level' } },
      'Not permitted: parameter #1 is present',
    ],
    ['what sorts before, of two that begin alike', [['method{pay']], { method: 'pa' }, undefined],
    ['nothing longer', [['method{pay']], { method: 'payx' }, 'Not permitted: method is equal to or ordered after pay'],
    ['a parameter by place', [['parr1=17']], { params: ['x', 17] }, undefined],
    ['none at another place', [['parr1=17']], { params: ['x', 18] }, 'Not permitted: parameter #1 is not equal to 17'],
    ['its peer', [['id^0211']], { peer: alice }, undefined],
    ['nobody else', [['id^03']], { peer: alice }, 'Not permitted: id does not start with 03'],
    ['nothing after its time', [['time<1700000000']], {}, 'Not permitted: time is greater or equal to 1700000000'],
    ['something before', [['time<1700000001']], {}, undefined],
    ['nothing for a rate that is no number', [['rate=often']], {}, 'Not permitted: malformed rate'],
    ['nothing for a unit that is none', [['per=2weeks']], {}, 'Not permitted: malformed suffix'],
  ])('%s', async (_, restrictions, use, expected) => {
    expect(await refusal(await make(...restrictions), use)).toBe(expected);
  });

  const [donation, coffee] = invoices.vectors.valid.map(({ invoice }: { invoice: string }) => invoice);
  test.each([
    ['an amount', ['pinvbolt11_amount<250000001'], coffee, undefined],
    [
      'not a larger one',
      ['pinvbolt11_amount<250000000'],
      coffee,
      'Not permitted: invoice parameter bolt11_amount is greater or equal to 250000000',
    ],
    [
      'none without an amount',
      ['pinvbolt11_amount<9'],
      donation,
      'Not permitted: invoice parameter bolt11_amount not present',
    ],
    ['a description', ['pinvbolt11_description=1 cup coffee'], coffee, undefined],
    [
      'no text that is none',
      ['pinvbolt11_amount!'],
      'lnbcrt',
      expect.stringMatching(/^Not permitted: Invalid invoice: /),
    ],
    ['no other parameter', ['pinvinvstring_amount!'], coffee, 'Not permitted: Unknown invoice parameter invstring'],
  ])('an invoice that has %s', async (_, alternatives, bolt11, expected) => {
    expect(await refusal(await make(alternatives), { params: { bolt11 } })).toEqual(expected);
  });
});

test('a parameter is made a text once, however many alternatives of a rune are about it', async () => {
  let written = 0;
  const filters = { toJSON: () => `${++written}` };
  const rune = await make(Array.from({ length: 100 }, (_, i) => `pnamefilters=${i}-`));
  expect(await refusal(rune, { params: { filters } })).toMatch(/^Not permitted/);
  expect(written).toBe(1);
});

describe('a rune that may be used so often', () => {
  test('opens a second call only after its time', async () => {
    const rune = await make(['rate=2']);
    expect(await refusal(rune, {})).toBeUndefined();
    now += 29_999;
    expect(await refusal(rune, {})).toBe('Not permitted: too soon');
    now += 1;
    expect(await refusal(rune, {})).toBeUndefined();
  });

  test('counts the uses of all that were derived from the same one', async () => {
    const rune = await make();
    const { text: daily } = runes.restrict(rune, [restriction('per=1day')]);
    expect(await refusal(rune, {})).toBeUndefined();
    expect(await refusal(daily, {})).toBe('Not permitted: too soon');
  });

  test('opens one of two calls that come together', async () => {
    const rune = await make(['per=1min']);
    const both = await Promise.all([refusal(rune, {}), refusal(rune, {})]);
    expect(both).toEqual([undefined, 'Not permitted: too soon']);
  });

  test('is not used by a call that it does not open', async () => {
    const rune = await make(['per=1min'], ['method=pay']);
    await refusal(rune, { method: 'stop' });
    expect(await refusal(rune, { method: 'pay' })).toBeUndefined();
  });

  test('is not sooner free where the clock was set back, nor by a restart', async () => {
    const rune = await make(['per=1hour']);
    await refusal(rune, {});
    now -= 3_600_000;
    runes = await load();
    expect(await refusal(rune, {})).toBe('Not permitted: too soon');
  });
});

describe('a rune of somebody else', () => {
  test('opens nothing, though it differs in nothing but its code', async () => {
    const other = await Runes.load({ secret: new Uint8Array(32).fill(8), store: memoryStore(), now: () => now });
    const { text } = await other.create([]);
    await make();
    expect(await refusal(text, {})).toBe('Not authorized: Not derived from master');
    expect(() => runes.restrict(text, [])).toThrow('Not derived from master');
    expect(await runes.find(text)).toMatchObject({ isOurs: false, isStored: false });
  });

  test.each([
    ['no rune', 'rune', /^should be base64 string/],
    ['one without an id', 'SaQlgbzu6SGAhANReucs7P8GLuVbSlPg30QG78UzNcY=', /^should have valid numeric unique_id$/],
    ['one whose id is a word', 'pX1h8z05kg0WZqe0ogo_8MHOa7-8gVZNXTckyyLKuLk9emVybw==', /numeric unique_id/],
    [
      'one whose id is too large',
      'cr7eQmdhPVqH3-M2g67JymP2zVKyZ_n5hhFk3IMSg5o9OTIyMzM3MjAzNjg1NDc3NTgwOQ==',
      /numeric unique_id/,
    ],
  ])('for it is %s is refused', async (_, text, why) => {
    expect(await refusal(text, {})).toMatch(why);
  });
});

describe('a revoked rune', () => {
  test('opens nothing, nor does what was derived from it, also after a restart', async () => {
    const [zero, one] = [await make(), await make()];
    const { text: derived } = runes.restrict(zero, [restriction('method=pay')]);
    expect(await runes.revoke({ start: 0, end: 0 }, false)).toEqual([{ start: 0, end: 0 }]);
    runes = await load();
    for (const rune of [zero, derived])
      expect(await refusal(rune, { method: 'pay' })).toBe('Not authorized: Blacklisted rune');
    expect(await refusal(one, {})).toBeUndefined();
    expect(await runes.find(zero)).toMatchObject({ isRevoked: true });
  });

  test('is one of a range, which can be taken back in part', async () => {
    await runes.revoke({ start: 0, end: 10 }, false);
    await runes.revoke({ start: 11, end: 12 }, false);
    expect(await runes.revoke({ start: 4, end: 5 }, true)).toEqual([
      { start: 0, end: 3 },
      { start: 6, end: 12 },
    ]);
    expect(await runes.revoke({ start: 2, end: 7 }, false)).toEqual([{ start: 0, end: 12 }]);
  });

  test('is not given again: a restart goes on counting', async () => {
    await make();
    await make();
    runes = await load();
    expect(await runes.create([])).toMatchObject({ id: '2', isStored: true });
    const all = [];
    for await (const { id } of runes.all()) all.push(id);
    expect(all).toEqual(['0', '1', '2']);
  });
});
